/** @file Training many toy models at once: lanes of four in the WebAssembly kernel, on worker threads. */
import type { Worker } from 'node:worker_threads';
import { giveWay, SuperpositionError, throwIfAborted } from '../core/errors.ts';
import { track, type WorkContext } from '../core/progress.ts';
import { spawnWorker } from '../runtime/worker.ts';
import { LANES, type LaneOptions, openLanes } from './lanes.ts';
import type { ToyInstance, ToyTask, ToyWeights, TrainedToy } from './types.ts';

/** How to train; the usual choices are those of the base rates in docs/superposition.md. */
export interface ToyTraining {
  /** 5,000 unless given. */
  readonly steps?: number;
  /** Fresh samples a step, rounded up to a multiple of 4; 512 unless given. */
  readonly batch?: number;
  /** Adam's, for instances without their own; 0.003 unless given. */
  readonly learningRate?: number;
  /** The learning rate falls to a tenth at this share of the steps; 0.7 unless given, 1 keeps it. */
  readonly dropAt?: number;
}

/** What training needs from its caller. */
export interface ToyContext extends WorkContext {
  readonly threads: number;
}

/** A training with every choice made, as it is sent to a worker. */
export type FullTraining = Required<ToyTraining>;

/** Steps between two looks at the signal. */
const PAUSE = 250;
/** Steps at the end over which a loss is averaged. */
const LAST = 300;
/** Work (weights × samples × steps) below which threads cost more than they bring. */
const ONE_THREAD = 1e9;

/**
 * Trains every instance by Adam on fresh samples. All instances share kind, sizes, biases and groups; sparsity,
 * importance, seed and learning rate are each one's own, so a phase diagram is one call. The result does not depend on
 * the number of threads.
 * @throws SuperpositionError `superposition.mixed`, `superposition.training`, `superposition.diverged`; InterruptedError.
 */
export async function trainToys(
  instances: readonly ToyInstance[],
  training: ToyTraining,
  context: ToyContext,
): Promise<TrainedToy[]> {
  const full = fullTraining(training);
  throwIfAborted(context.signal);
  if (instances.length === 0) return [];
  requireOneForm(instances);
  const groups = Array.from({ length: Math.ceil(instances.length / LANES) }, (_, i) =>
    instances.slice(i * LANES, (i + 1) * LANES),
  );
  const { features, neurons } = instances[0]!.task;
  const work = groups.length * LANES * features * neurons * full.batch * full.steps;
  const threads = work < ONE_THREAD ? 1 : Math.min(context.threads, groups.length);
  const results = await track(
    context.progress,
    {
      task: 'superposition/train',
      label: `Train ${instances.length} toy models`,
      total: groups.length * full.steps,
      unit: 'steps',
    },
    (advance) => {
      const done = new Float64Array(groups.length);
      const tell = (group: number, steps: number) => {
        done[group] = steps;
        advance(done.reduce((a, b) => a + b, 0));
      };
      return threads === 1
        ? here(groups, full, context, tell)
        : onWorkers(groups, full, context, threads, tell);
    },
  );
  return results.flat();
}

const wrong = (what: string, where: string, hint: string) =>
  new SuperpositionError('superposition.training', what, { where, hint });

function fullTraining(given: ToyTraining): FullTraining {
  const { steps = 5000, batch = 512, learningRate = 3e-3, dropAt = 0.7 } = given;
  for (const [name, value] of Object.entries({ steps, batch }))
    if (!Number.isInteger(value) || value < 1)
      throw wrong(`${name} is ${value}`, name, 'give a whole number from 1');
  if (!(learningRate > 0 && Number.isFinite(learningRate)))
    throw wrong(`the learning rate is ${learningRate}`, 'learningRate', 'give a number above 0');
  return { steps, batch: 4 * Math.ceil(batch / 4), learningRate, dropAt };
}

function requireOneForm(instances: readonly ToyInstance[]): void {
  const form = ({ kind, features, neurons, bias, groups }: ToyTask) =>
    JSON.stringify([kind, features, neurons, bias, groups]);
  const first = form(instances[0]!.task);
  const other = instances.findIndex(({ task }) => form(task) !== first);
  if (other < 0) return;
  throw new SuperpositionError(
    'superposition.mixed',
    `instance ${other} is of another form than instance 0`,
    {
      where: 'instances',
      hint: 'kind, features, neurons, bias and groups are common to all: train the others in a call of their own',
    },
  );
}

const laneOptions = ({ steps, batch, learningRate, dropAt }: FullTraining): LaneOptions => ({
  ...{ steps, batch, learningRate },
  pace: (step) => (step < dropAt * steps ? 1 : 0.1),
});

/** Trains one lane group; `tell` is called between pieces and may stop it by throwing. */
export async function trainGroup(
  group: readonly ToyInstance[],
  training: FullTraining,
  tell: (steps: number) => void | Promise<void>,
  from?: readonly ToyWeights[],
): Promise<TrainedToy[]> {
  const lanes = openLanes(group, laneOptions(training), from);
  for (let step = 0; step < training.steps; ) {
    step = Math.min(step + PAUSE, training.steps);
    lanes.train(step);
    await tell(step);
  }
  return group.map(({ task, seed }, lane) => {
    const losses = lanes.losses(lane);
    const last = losses.subarray(-LAST);
    const loss = last.reduce((a, b) => a + b, 0) / last.length;
    if (!Number.isFinite(loss))
      throw new SuperpositionError(
        'superposition.diverged',
        `the loss of seed ${seed} is no finite number any more`,
        { where: 'training', hint: 'lower the learning rate, or the importances' },
      );
    return { task, seed, weights: lanes.weights(lane), loss, losses };
  });
}

async function here(
  groups: readonly (readonly ToyInstance[])[],
  training: FullTraining,
  { signal }: ToyContext,
  tell: (group: number, steps: number) => void,
): Promise<TrainedToy[][]> {
  const results: TrainedToy[][] = [];
  for (const [i, group] of groups.entries())
    results.push(
      await trainGroup(group, training, async (steps) => {
        tell(i, steps);
        await giveWay(signal);
      }),
    );
  return results;
}

/** What a worker is asked for, and what it answers. */
export interface ToyOrder {
  readonly index: number;
  readonly group: readonly ToyInstance[];
  readonly training: FullTraining;
}
export type ToyAnswer =
  | { readonly type: 'step'; readonly index: number; readonly steps: number }
  | { readonly type: 'done'; readonly index: number; readonly trained: readonly TrainedToy[] }
  | {
      readonly type: 'error';
      readonly error: { code: string; message: string; where?: string; hint?: string };
    };

function onWorkers(
  groups: readonly (readonly ToyInstance[])[],
  training: FullTraining,
  { signal }: ToyContext,
  threads: number,
  tell: (group: number, steps: number) => void,
): Promise<TrainedToy[][]> {
  const results: TrainedToy[][] = new Array(groups.length);
  const workers: Worker[] = [];
  let [next, left] = [0, groups.length];
  const run = new Promise<TrainedToy[][]>((done, fail) => {
    const give = (worker: Worker) => {
      const index = next++;
      if (index < groups.length)
        worker.postMessage({ index, group: groups[index]!, training } satisfies ToyOrder);
    };
    const abort = () => {
      try {
        throwIfAborted(signal);
      } catch (error) {
        fail(error as Error);
      }
    };
    signal?.addEventListener('abort', abort, { once: true });
    for (let i = 0; i < threads; i++) {
      const worker = spawnWorker(new URL('./worker.ts', import.meta.url), undefined);
      workers.push(worker);
      worker.on('error', fail);
      worker.on('message', (answer: ToyAnswer) => {
        if (answer.type === 'step') return tell(answer.index, answer.steps);
        if (answer.type === 'error') {
          const { code, message, ...details } = answer.error;
          return fail(new SuperpositionError(code, message, details));
        }
        results[answer.index] = [...answer.trained];
        if (--left === 0) {
          signal?.removeEventListener('abort', abort);
          done(results);
        } else give(worker);
      });
      give(worker);
    }
  });
  return run.finally(() => Promise.all(workers.map((worker) => worker.terminate())));
}
