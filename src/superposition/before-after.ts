/** @file Before and after: the tangled neurons of a toy model, a dictionary learned from them, and whether it found the features. */
import { SuperpositionError } from '../core/errors.ts';
import { random } from '../core/random.ts';
import { assignment, recovery } from '../dictionaries/synthetic.ts';
import { trainDictionary } from '../dictionaries/train.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import { hiddenStates, nonZeroRows, sampleInputs } from './inputs.ts';
import { effectiveCounts, measureToy } from './measures.ts';
import type { ToyContext } from './train.ts';
import type { ToyTask, ToyWeights } from './types.ts';

/** How a dictionary is trained on a toy's hidden states. */
export interface DisentangleOptions {
  /** Inputs drawn; those without an active feature are left out. 40,000 unless given. */
  readonly rows?: number;
  /** Features of the dictionary; twice as many as are represented unless given. */
  readonly units?: number;
  /** Active features a row; 2 unless given. */
  readonly k?: number;
  readonly passes?: number;
  readonly seed?: number;
}

/** What units answer to each feature alone (x_i = 1), row by row [units, n]: the heights of a stack plot. */
export interface Responses {
  readonly units: number;
  readonly response_UN: Float64Array;
  /** Effective number of features in each unit; 1 is one meaning. */
  readonly meanings_U: Float64Array;
}

/** The two states, and how well the second one is the truth. */
export interface Disentangled {
  /** The toy's neurons. */
  readonly before: Responses;
  /** The dictionary's features, one for each represented feature of the toy: those that were assigned to them. */
  readonly after: Responses;
  readonly dictionary: Dictionary;
  /** Mean cosine of represented features (‖W_i‖ > 0.5) with the units that an optimal assignment gives them. */
  readonly mcc: number;
  /** The same of a dictionary of random directions: the null. */
  readonly randomMcc: number;
}

/** Answers of units to features, from a function of the hidden state. */
function responses(n: number, units: number, answer: (feature: number) => ArrayLike<number>): Responses {
  const response_UN = new Float64Array(units * n);
  for (let i = 0; i < n; i++) {
    const values = answer(i);
    for (let u = 0; u < units; u++) response_UN[u * n + i] = values[u]!;
  }
  return { units, response_UN, meanings_U: meaningsOf(response_UN, n) };
}

const meaningsOf = (response_UN: Float64Array, n: number) =>
  effectiveCounts(
    Array.from({ length: response_UN.length / n }, (_, u) => response_UN.subarray(u * n, (u + 1) * n)),
  );

/** The neurons' answers: the weights themselves. */
export const neuronResponses = ({ features: n, neurons: m, W_NM, encoder_NM }: ToyWeights): Responses =>
  responses(n, m, (i) => (encoder_NM ?? W_NM).subarray(i * m, (i + 1) * m));

/** Answers of the units of a ReLU encoder [F, m] with biases to the features' directions. */
export function encoderResponses(
  { features: n, neurons: m, W_NM }: ToyWeights,
  encoder_FM: ArrayLike<number>,
  bias_F: ArrayLike<number>,
): Responses {
  return responses(n, bias_F.length, (i) =>
    Array.from({ length: bias_F.length }, (_, f) => {
      let a = bias_F[f]!;
      for (let k = 0; k < m; k++) a += encoder_FM[f * m + k]! * W_NM[i * m + k]!;
      return Math.max(0, a);
    }),
  );
}

/** The code that a TopK dictionary gives to each feature alone, of the units that are assigned to the true directions. */
function assignedCode(weights: ToyWeights, d: Dictionary, k: number, truth: Float32Array): Responses {
  const { features: n, neurons: m } = weights;
  const all = encoderResponses(weights, d.W_enc_FD, d.b_enc_F);
  const found = assignment(d.W_dec_FD, truth, m);
  return responses(n, found.length, (i) => {
    const code = Array.from({ length: all.units }, (_, u) => all.response_UN[u * n + i]!);
    const least = code.toSorted((a, b) => b - a)[k - 1] ?? 0;
    return [...found].map((u) => (code[u]! >= least ? code[u]! : 0));
  });
}

/** Directions of the represented features [G, m]. @throws SuperpositionError `superposition.nothing-learned`. */
export function trueDirections(weights: ToyWeights): Float32Array {
  const { neurons: m, W_NM } = weights;
  const { represented } = measureToy(weights);
  if (represented.length === 0)
    throw new SuperpositionError('superposition.nothing-learned', 'the toy model represents no feature', {
      where: 'weights',
      hint: 'train it for more steps, or at a lower sparsity',
    });
  return Float32Array.from(represented.flatMap((i) => [...W_NM.subarray(i * m, (i + 1) * m)]));
}

/** Trains a TopK dictionary on the hidden states of a toy model and compares it with the features that are there. */
export async function disentangle(
  task: ToyTask,
  weights: ToyWeights,
  options: DisentangleOptions,
  context: ToyContext,
): Promise<Disentangled> {
  const m = weights.neurons;
  const truth = trueDirections(weights);
  const { rows = 40_000, units = (2 * truth.length) / m, k = 2, passes = 20, seed = 0 } = options;
  const h = nonZeroRows(hiddenStates(weights, sampleInputs(task, rows, random(seed).fork('inputs'))), m);
  const { dictionary } = await trainDictionary(
    { x_ND: Float32Array.from(h), width: m },
    {
      architecture: 'topk',
      ...{ site: 'toy hidden state', modelHash: 'toy', sinkNorm: Number.MAX_VALUE },
      ...{ features: units, k, passes, seed, batch: 512, learningRate: 0.01 },
      ...{ normalise: 'none', startFrom: 'data', preBias: false },
    },
    { ...context, threads: 1 },
  );
  const stream = random(seed).fork('null');
  const chance = Float32Array.from({ length: units * m }, () => stream.normal());
  return {
    before: neuronResponses(weights),
    after: assignedCode(weights, dictionary, k, truth),
    dictionary,
    mcc: recovery(dictionary.W_dec_FD, truth, m).matched,
    randomMcc: recovery(chance, truth, m).matched,
  };
}
