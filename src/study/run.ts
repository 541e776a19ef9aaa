/** @file Runs the steps of a study in order, skipping those whose result is in the cache, and tells what happens. */
import { setTimeout as sleep } from 'node:timers/promises';
import { InterruptedError, reportError, StudyError, throwIfAborted, UntangleError } from '../core/errors.ts';
import type { Progress } from '../core/progress.ts';
import { lockWorkspace } from '../files/lock.ts';
import { openCache } from './cache.ts';
import type { Watch } from './messages.ts';
import { hashSteps, planSteps, type StudyStep } from './plan.ts';

/** Runs one step whose needs are finished and puts its result into the cache: here, or in another process. */
export interface Engine {
  run(step: StudyStep, context: { progress: Progress; signal: AbortSignal | undefined }): Promise<void>;
  /** Ends the engine; called once, whatever happened. */
  close(): Promise<void>;
}

export interface RunOptions {
  /** One line that says what is studied. */
  readonly name: string;
  /** The command that does this again. */
  readonly command: string;
  readonly workspace: string;
  /** Called only when something has to run. */
  readonly engine: () => Engine;
  readonly watch: Watch;
  readonly signal?: AbortSignal;
  /** Milliseconds to wait for a workspace whose owner may be on its way out. */
  readonly patience?: number;
}

/**
 * Results of all steps by name. The workspace is locked only while something runs; a finished study is just read.
 * @throws StudyError `study.step-failed` for errors without a code; InterruptedError; whatever a step throws
 */
export async function runSteps(
  steps: readonly StudyStep[],
  options: RunOptions,
): Promise<ReadonlyMap<string, unknown>> {
  const { watch, workspace, signal } = options;
  const cache = openCache(workspace);
  const hashes = hashSteps(steps);
  const results = new Map<string, unknown>();
  const start = performance.now();
  let lock: { release(): Promise<void> } | undefined;
  let engine: Engine | undefined;
  let current: string | undefined;
  try {
    const planned = await planSteps(steps, cache);
    watch({ type: 'planned', name: options.name, command: options.command, steps: planned });
    for (const step of steps) {
      throwIfAborted(signal);
      current = step.name;
      const hash = hashes.get(step.name) as string;
      let manifest = await cache.manifest(hash);
      const cached = manifest !== undefined;
      if (!cached) {
        lock ??= await lockSoon(workspace, options.patience ?? 5000);
        engine ??= options.engine();
        watch({ type: 'running', step: step.name });
        await engine.run(step, {
          signal,
          progress: (event) => watch({ type: 'progress', step: step.name, event }),
        });
        manifest = await cache.manifest(hash);
      }
      const result = await cache.result(hash);
      results.set(step.name, result);
      watch({ type: 'finished', step: step.name, cached, seconds: manifest?.seconds ?? 0, result });
    }
    watch({ type: 'complete', seconds: (performance.now() - start) / 1000 });
    return results;
  } catch (thrown) {
    const error = withStep(thrown, current);
    watch({ type: 'failed', ...(current ? { step: current } : {}), error: reportError(error) });
    throw error;
  } finally {
    await engine?.close();
    await lock?.release();
  }
}

/** Errors that nobody foresaw say at least in which step they arose. */
function withStep(error: unknown, step: string | undefined): unknown {
  if (error instanceof UntangleError || error instanceof InterruptedError || !step) return error;
  return new StudyError(
    'study.step-failed',
    `step ${step} failed: ${error instanceof Error ? error.message : String(error)}`,
    {
      where: step,
      hint: 'finished steps are kept; this is a fault of Untangle, please report it with your study file',
      cause: error,
    },
  );
}

/** The workspace's lock; one that is held is asked for again until `patience` milliseconds have passed. */
async function lockSoon(workspace: string, patience: number): Promise<{ release(): Promise<void> }> {
  for (let waited = 0; ; waited += 250) {
    try {
      return await lockWorkspace(workspace);
    } catch (error) {
      const held = error instanceof UntangleError && error.code === 'workspace.locked';
      if (!held || waited >= patience) throw error;
      await sleep(250);
    }
  }
}
