/** @file A bias study from options to a saved result: plans its steps, runs what is missing in this process. */
import { join, resolve } from 'node:path';
import type { WorkContext } from '../../core/progress.ts';
import type { BiasResult } from '../../edits/bias/types.ts';
import { writeJson } from '../../files/atomic.ts';
import { openCache } from '../cache.ts';
import { executeStep } from '../execute.ts';
import { type PlannedStep, planSteps } from '../plan.ts';
import { openResources } from '../resources.ts';
import { runSteps } from '../run.ts';
import { BIAS_FILE, biasFolder } from '../saved.ts';
import { checkBiographies } from './biographies.ts';
import { biasSteps } from './steps.ts';
import type { BiasTextOptions } from './types.ts';

export interface RunContext extends WorkContext {
  readonly workspace: string;
  readonly threads: number;
  /** The command that does this again. */
  readonly command: string;
  /** Told what will run, before anything does. */
  readonly planned?: (steps: readonly PlannedStep[]) => void;
}

/** Where the result of a study of this name lies: what the Studio shows. */
export const biasFile = (workspace: string, name: string): string =>
  join(biasFolder(resolve(workspace)), name, BIAS_FILE);

/** Writes a result where the Studio looks for it; returns the file. */
export async function saveBias(workspace: string, result: BiasResult): Promise<string> {
  const file = biasFile(workspace, result.name);
  await writeJson(file, result);
  return file;
}

/**
 * Runs a study on text. Finished steps come from the workspace's cache, so a second run is a matter of moments; a stopped
 * one goes on after its last finished part.
 * @throws UntangleError of any room; InterruptedError when the signal fires
 */
export async function runBiasText(options: BiasTextOptions, context: RunContext): Promise<BiasResult> {
  const { workspace, threads, command, signal, progress } = context;
  await checkBiographies(options.data, options.fields);
  const cache = openCache(resolve(workspace));
  const resources = openResources({ study: { model: options.model } });
  const { steps, last } = await biasSteps(options, resources, cache);
  context.planned?.(await planSteps(steps, cache));
  const results = await runSteps(steps, {
    name: 'bias',
    command,
    workspace: resolve(workspace),
    watch: (message) => {
      if (message.type === 'progress') progress(message.event);
    },
    engine: () => ({
      run: (step, of) =>
        executeStep(steps, step, {
          cache,
          threads,
          seed: options.seed,
          progress: of.progress,
          ...(of.signal ? { signal: of.signal } : {}),
        }),
      close: async () => {},
    }),
    ...(signal ? { signal } : {}),
  });
  return { ...(results.get(last.name) as BiasResult), command };
}

/** The steps that would run, with what they would cost. */
export async function planBias(options: BiasTextOptions, workspace: string): Promise<PlannedStep[]> {
  const cache = openCache(resolve(workspace));
  const { steps } = await biasSteps(options, openResources({ study: { model: options.model } }), cache);
  return planSteps(steps, cache);
}
