/** @file A scalar loss of a graph with its gradient, parameters and gradient as one flat vector each. */

import { vjp } from '../autodiff/vjp.ts';
import { NetworkError } from '../core/errors.ts';
import { emptyArray, type Tensor, tensor } from '../core/tensor.ts';
import { feedAt, only } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import type { Floats } from '../mechanics/optimisers/optimiser.ts';
import { openSession, type Session, type Tensors } from '../runtime/session.ts';

/** What is learned: some weights of a graph, so that one value of it becomes small. */
export interface Objective {
  /** The weights in it are where learning starts. */
  readonly graph: Graph;
  /** A scalar value of the graph. */
  readonly loss: string;
  /** Names of weights, all float32 or all float64. */
  readonly parameters: readonly string[];
  /** Values that each run with its gradient reads besides (`Learner.figures`). */
  readonly figures?: readonly string[];
}

/** A loss and its gradient, ready to run at any parameters. */
export interface Learner {
  /** All parameters behind each other, in the order of the objective. Changing it changes the next run. */
  readonly vector: Floats;
  /** Gradient of the loss at the last run, in the same order. */
  readonly gradient: Floats;
  /** The parameters by name, as views of `vector`. */
  readonly tensors: Readonly<Record<string, Tensor>>;
  /** The objective's figures at the last run with its gradient. */
  readonly figures: Readonly<Record<string, Tensor>>;
  /** Loss on a batch (the graph's other inputs); fills `gradient`. */
  run(batch: Tensors): Promise<number>;
  /** The loss alone: forward only. */
  loss(batch: Tensors): Promise<number>;
  close(): Promise<void>;
}

export interface LearnerOptions {
  readonly threads: number;
}

/**
 * Opens an objective. The weights become inputs of the graph, and reverse differentiation writes their gradients beside
 * the loss; each run reads the parameters where they lie and writes the gradient in place, nothing is copied.
 */
export async function openLearner(
  { graph, loss, parameters, figures: names = [] }: Objective,
  { threads }: LearnerOptions,
): Promise<Learner> {
  const given = parameters.map((name) => weightOf(graph, name));
  const dtype = given[0]!.dtype as 'float32' | 'float64';
  const vector = flat(dtype, given);
  const gradient = emptyArray(dtype, vector.length);
  const tensors = views(parameters, given, vector);
  const gradients = views(
    parameters.map((name) => `grad:${name}`),
    given,
    gradient,
  );
  const forward = feedAt(only(graph, [loss]), parameters);
  const all = names.length === 0 ? forward : feedAt(only(graph, [loss, ...names]), parameters);
  const session = await openSession(vjp(all, { of: loss, wrt: parameters }), { threads });
  let figures: Readonly<Record<string, Tensor>> = {};
  let plain: Session | undefined;
  const lossOf = (outputs: Readonly<Record<string, Tensor>>) => Number(outputs[loss]!.data[0]);
  return {
    vector,
    gradient,
    tensors,
    get figures() {
      return figures;
    },
    async run(batch) {
      figures = await session.run({ ...tensors, ...batch }, gradients);
      return lossOf(figures);
    },
    async loss(batch) {
      plain ??= await openSession(forward, { threads });
      return lossOf(await plain.run({ ...tensors, ...batch }));
    },
    async close() {
      await session.release();
      await plain?.release();
    },
  };
}

function weightOf(graph: Graph, name: string): Tensor {
  const weight = graph.weights.get(name);
  if (weight && 'data' in weight) return weight;
  throw new NetworkError('network.no-weight', `"${name}" is no weight in memory that could be learned`, {
    where: name,
    hint: 'name weights of the graph; those in a file have to be read into memory first (readWeight)',
  });
}

function flat(dtype: 'float32' | 'float64', given: readonly Tensor[]): Floats {
  const size = given.reduce((sum, t) => sum + t.data.length, 0);
  const vector = emptyArray(dtype, size);
  let at = 0;
  for (const { data } of given) {
    vector.set(data as Float32Array, at);
    at += data.length;
  }
  return vector;
}

/** Tensors of the shapes of `like`, one behind the other on `vector`. */
function views(names: readonly string[], like: readonly Tensor[], vector: Floats): Record<string, Tensor> {
  let from = 0;
  return Object.fromEntries(
    names.map((name, i) => {
      const { dtype, shape, data } = like[i]!;
      const view = vector.subarray(from, from + data.length) as Float32Array<ArrayBuffer>;
      from += data.length;
      return [name, tensor(dtype as 'float32', shape, view)];
    }),
  );
}
