/** @file A study from file to summary: plans its steps, runs what is missing in the engine process, sums up. */
import { resolve } from 'node:path';
import { openCache } from './cache.ts';
import { forkEngine } from './engine.ts';
import { ownPeak } from './memory.ts';
import type { StudyMessage, Watch } from './messages.ts';
import { hashSteps, type PlannedStep, planSteps, type StudyStep, upTo } from './plan.ts';
import { noResources } from './resources.ts';
import { runSteps } from './run.ts';
import type { Study } from './schema.ts';
import { emptyState, nextState } from './state.ts';
import { studySteps } from './steps.ts';
import { type StudySummary, summarise } from './summary.ts';

export interface StudyOptions {
  readonly workspace: string;
  readonly threads: number;
  /** The command that does this again, for whoever watches. */
  readonly command: string;
  readonly watch: Watch;
  readonly signal?: AbortSignal;
  /** Only the steps up to these; all when left out. */
  readonly wanted?: (step: StudyStep) => boolean;
}

/**
 * Runs a study; finished steps come from the cache.
 * @throws UntangleError of any room; InterruptedError when `signal` fires
 */
export async function runStudy(study: Study, options: StudyOptions): Promise<StudySummary> {
  const { threads, signal, command } = options;
  const workspace = resolve(options.workspace);
  const start = performance.now();
  const all = await studySteps(study, noResources);
  const steps = options.wanted ? upTo(all, options.wanted) : all;

  let state = emptyState;
  let peakBytes = 0;
  const stepSeconds = new Map<string, number>();
  const watch = (message: StudyMessage) => {
    state = nextState(state, message);
    if (message.type === 'finished') stepSeconds.set(message.step, message.seconds);
    options.watch(message);
  };
  await runSteps(steps, {
    name: study.name,
    command,
    workspace,
    watch,
    ...(signal ? { signal } : {}),
    engine: () =>
      forkEngine({
        study,
        workspace,
        threads,
        onMemory: (bytes) => {
          peakBytes = Math.max(peakBytes, bytes);
        },
      }),
  });
  return summarise({
    results: state.results,
    stepSeconds,
    totalSeconds: (performance.now() - start) / 1000,
    peakBytes: Math.max(peakBytes, ownPeak()),
  });
}

/** What running the study would do now: which steps are cached, and what the others cost. */
export async function planStudy(study: Study, workspace: string): Promise<PlannedStep[]> {
  return planSteps(await studySteps(study, noResources), openCache(resolve(workspace)));
}

/** Folders of steps by name, finished or not, e.g. where the feature database of a site lies. */
export async function stepFolders(study: Study, workspace: string): Promise<ReadonlyMap<string, string>> {
  const cache = openCache(resolve(workspace));
  const hashes = hashSteps(await studySteps(study, noResources));
  return new Map([...hashes].map(([name, hash]) => [name, cache.folder(hash)]));
}

/** Tells `watch` what the cache holds of a study, running nothing. */
export async function showCached(
  study: Study,
  workspace: string,
  command: string,
  watch: Watch,
): Promise<void> {
  const cache = openCache(resolve(workspace));
  const steps = await planStudy(study, workspace);
  watch({ type: 'planned', name: study.name, command, steps });
  for (const { name, hash, cached, cost } of steps) {
    if (!cached) continue;
    const result = await cache.result(hash);
    watch({ type: 'finished', step: name, cached, seconds: cost.seconds, result });
  }
}
