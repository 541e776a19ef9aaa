/** @file The one training loop: batches, gradient by the graph engine, an optimiser, held-out loss, stop and resume. */
import { join } from 'node:path';
import { NetworkError, throwIfAborted } from '../core/errors.ts';
import { track, type WorkContext } from '../core/progress.ts';
import type { Tensor } from '../core/tensor.ts';
import { type Floats, type Optimiser, squaredNorm } from '../mechanics/optimisers/optimiser.ts';
import type { Tensors } from '../runtime/session.ts';
import { type Checkpoint, type CurvePoint, loadCheckpoint, saveCheckpoint } from './checkpoint.ts';
import { type Learner, type Objective, openLearner } from './learner.ts';

export interface Training {
  /** Name of the task in progress events, e.g. `tiny`. */
  readonly name: string;
  readonly objective: Objective;
  readonly steps: number;
  /** Inputs of the loss at a step. It must depend on nothing but the step, so that a resumed run sees the same. */
  batch(step: number): Tensors;
  readonly optimiser: Optimiser;
  /** Gradients of a larger norm are scaled down to it (Pascanu et al. 2013, algorithm 1); no clipping by default. */
  readonly clip?: number;
  /** Batches that are never learned from; their mean loss is the held-out loss. */
  readonly heldOut?: readonly Tensors[];
  /** Steps between points of the curve; a fiftieth of all by default. */
  readonly every?: number;
}

export interface TrainContext extends WorkContext {
  readonly threads: number;
  readonly checkpoint?: {
    readonly folder: string;
    /** Of everything that the training depends on: a checkpoint of another key is not taken up. */
    readonly key: string;
    /** Between checkpoints; 30 by default. */
    readonly seconds?: number;
  };
}

export interface Trained {
  /** The learned weights by name. */
  readonly parameters: Readonly<Record<string, Tensor>>;
  readonly curve: readonly CurvePoint[];
  /** Of training alone, over all sittings. */
  readonly seconds: number;
}

/**
 * Trains the parameters of an objective. The same training gives the same numbers to the bit for the same number of
 * threads, also when it was stopped and resumed.
 * @throws NetworkError `network.diverged` when a loss or gradient is not finite; InterruptedError after a stop (a
 *   checkpoint is in the folder then).
 */
export async function train(training: Training, context: TrainContext): Promise<Trained> {
  throwIfAborted(context.signal);
  const learner = await openLearner(training.objective, context);
  const task = { task: `train/${training.name}`, label: `Train ${training.name}`, total: training.steps };
  try {
    return await track(context.progress, { ...task, unit: 'steps' }, (advance) =>
      loop({ training, context, learner }, advance),
    );
  } finally {
    await learner.close();
  }
}

interface Run {
  readonly training: Training;
  readonly context: TrainContext;
  readonly learner: Learner;
}

async function loop(
  { training, context, learner }: Run,
  advance: (done: number, figures?: Record<string, number>) => void,
): Promise<Trained> {
  const { steps, optimiser, clip = Number.POSITIVE_INFINITY } = training;
  const { checkpoint, signal } = context;
  const every = training.every ?? Math.max(1, Math.floor(steps / 50));
  const file = checkpoint && join(checkpoint.folder, 'checkpoint.safetensors');
  const resumed = file === undefined ? undefined : await loadCheckpoint(file, checkpoint!.key);
  if (resumed) takeUp(resumed, learner, optimiser);
  const curve = [...(resumed?.curve ?? [])];
  let step = resumed?.step ?? 0;
  let seconds = resumed?.seconds ?? 0;
  let sum = resumed?.sum ?? 0;
  let saved = performance.now();
  const save = async () => {
    if (file === undefined) return;
    const { vector } = learner;
    await saveCheckpoint(file, checkpoint!.key, {
      ...{ vector, optimiser: optimiser.save(), step, curve, seconds, sum },
    });
    saved = performance.now();
  };
  while (step < steps) {
    if (signal?.aborted) {
      await save();
      throwIfAborted(signal);
    }
    const begun = performance.now();
    const loss = await learner.run(training.batch(step));
    const norm = Math.sqrt(squaredNorm(learner.gradient));
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) throw diverged(training.name, step, loss);
    if (norm > clip) scale(learner.gradient, clip / norm);
    optimiser.update(learner.vector, learner.gradient, loss);
    sum += loss;
    step++;
    seconds += (performance.now() - begun) / 1000;
    if (step % every === 0 || step === steps) {
      const since = step - (curve.at(-1)?.step ?? 0);
      const heldOut = await heldOutLoss(learner, training.heldOut);
      curve.push({ step, train: sum / since, ...(heldOut === undefined ? {} : { heldOut }) });
      sum = 0;
    }
    advance(step, { loss, ...heldOutFigure(curve), gradientNorm: norm, stepsPerSecond: step / seconds });
    const due = performance.now() - saved > 1000 * (checkpoint?.seconds ?? 30);
    if (due || step === steps) await save();
  }
  return { parameters: copies(learner.tensors), curve, seconds };
}

function takeUp({ vector, optimiser: state }: Checkpoint, learner: Learner, optimiser: Optimiser): void {
  learner.vector.set(vector as Float32Array);
  optimiser.restore(state);
}

const heldOutFigure = (curve: readonly CurvePoint[]): { heldOut?: number } => {
  const heldOut = curve.findLast((point) => point.heldOut !== undefined)?.heldOut;
  return heldOut === undefined ? {} : { heldOut };
};

/** Mean loss over batches at the parameters of now. */
async function heldOutLoss(learner: Learner, batches: readonly Tensors[] = []): Promise<number | undefined> {
  if (batches.length === 0) return undefined;
  let sum = 0;
  for (const batch of batches) sum += await learner.loss(batch);
  return sum / batches.length;
}

function scale(vector: Floats, factor: number): void {
  for (let i = 0; i < vector.length; i++) vector[i]! *= factor;
}

const copies = (tensors: Readonly<Record<string, Tensor>>): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, t]) => [name, { ...t, data: t.data.slice() } as Tensor]),
  );

const diverged = (name: string, step: number, loss: number) =>
  new NetworkError(
    'network.diverged',
    `training ${name}: the loss or its gradient is no finite number at step ${step} (loss ${loss})`,
    {
      where: name,
      hint: 'lower the learning rate, clip gradients, or look for values that are not finite in the data',
    },
  );
