/** @file What neurons and units answer to each feature alone: the heights of stack plots. */
import { SuperpositionError } from '../core/errors.ts';
import { effectiveCounts, measureToy } from './measures.ts';
import type { ToyWeights } from './types.ts';

/** What units answer to each feature alone (x_i = 1), row by row [units, n]: the heights of a stack plot. */
export interface Responses {
  readonly units: number;
  readonly response_UN: Float64Array;
  /** Effective number of features in each unit; 1 is one meaning. */
  readonly meanings_U: Float64Array;
}

/** Answers of units to features, from a function of the hidden state. */
export function responses(
  n: number,
  units: number,
  answer: (feature: number) => ArrayLike<number>,
): Responses {
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
