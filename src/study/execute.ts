/** @file Runs one step in this process: folder, run, result and manifest, and the folder's final name at the end. */
import { InterruptedError, UntangleError } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';
import { errnoOf, fileFailure } from '../files/failures.ts';
import type { StepCache } from './cache.ts';
import { hashSteps, type StudyStep } from './plan.ts';
import { versions } from './versions.ts';

export interface ExecuteContext extends WorkContext {
  readonly cache: StepCache;
  readonly threads: number;
  readonly seed: number;
}

/**
 * Runs `step`, whose needs are finished, and puts its result into the cache.
 * A resumable step keeps its folder after an interruption, a full disk or a crash; other failures leave nothing.
 */
export async function executeStep(
  steps: readonly StudyStep[],
  step: StudyStep,
  context: ExecuteContext,
): Promise<void> {
  const { cache, threads, seed, progress, signal } = context;
  const hashes = hashSteps(steps);
  const hashOf = (one: { readonly name: string }) => hashes.get(one.name) as string;
  const hash = hashOf(step);
  const results = new Map<string, unknown>();
  for (const need of step.needs) results.set(need.name, await cache.result(hashOf(need)));

  const folder = await cache.begin(hash, step.resumable === true);
  const begun = new Date();
  const start = performance.now();
  try {
    const result = await step.run(
      {
        result: <R>(need: { readonly name: string }) => results.get(need.name) as R,
        folder: (need) => cache.folder(hashOf(need)),
      },
      { folder, threads, progress, signal },
    );
    await cache.commit(
      hash,
      {
        schema: 1,
        step: step.name,
        version: step.version,
        hash,
        config: step.config,
        inputs: Object.fromEntries(step.needs.map((need) => [need.name, hashOf(need)])),
        versions: versions(),
        seed,
        threads,
        begun: begun.toISOString(),
        seconds: (performance.now() - start) / 1000,
      },
      result,
    );
  } catch (error) {
    const stopped = error instanceof InterruptedError || signal?.aborted === true;
    if (!(step.resumable && (stopped || maySurvive(error)))) await cache.abandon(hash);
    if (stopped) throw error instanceof InterruptedError ? error : new InterruptedError();
    throw errnoOf(error) ? fileFailure(error, folder, `cannot write in step ${step.name}`) : error;
  }
}

/** Whether the parts that a failed step has finished are still good: not when they may be what it failed on. */
const maySurvive = (error: unknown): boolean =>
  error instanceof UntangleError ? /^(disk|runtime)\./.test(error.code) : true;
