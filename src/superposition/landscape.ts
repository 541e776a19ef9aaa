/** @file The loss of a toy model as a landscape over its weights: exact, smooth, and therefore a potential for mechanics. */
import { SuperpositionError } from '../core/errors.ts';
import type { Landscape } from '../mechanics/landscape.ts';
import { expectedOutputs, FREQUENCIES } from './expected.ts';
import type { ToyTask, ToyWeights } from './types.ts';

/** Weights as one vector: W by features, then b (when it is learned). */
export const flattened = ({ W_NM, b_N }: ToyWeights, bias = true): Float64Array =>
  Float64Array.from(bias ? [...W_NM, ...b_N] : W_NM);

/** The weights at a point of the landscape. */
export function weightsAt({ features, neurons }: ToyTask, x: ArrayLike<number>): ToyWeights {
  const all = Float64Array.from(x);
  const b_N = new Float64Array(features);
  b_N.set(all.subarray(features * neurons));
  return { features, neurons, W_NM: all.slice(0, features * neurons), b_N };
}

/** Overlaps W_i·W_j, row by row [n, n]. */
export function overlaps({ features: n, neurons: m, W_NM }: ToyWeights): Float64Array {
  const G = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < m; k++) sum += W_NM[i * m + k]! * W_NM[j * m + k]!;
      G[i * n + j] = sum;
      G[j * n + i] = sum;
    }
  return G;
}

/** A landscape of a toy model's expected loss. */
export interface ToyLandscape extends Landscape {
  /** Upper bound of the error of the last value: what the series leaves out, 0 for the linear model. */
  truncation(): number;
}

/**
 * V(W, b) = (1/n) Σ_i I_i E[(x_i − x′_i)²] with its gradient, no samples: the series of expected.ts for ReLU outputs, a
 * polynomial for linear ones.
 * @throws SuperpositionError `superposition.no-closed-form` for the absolute value and for features in groups.
 */
export function toyLandscape(task: ToyTask, frequencies = FREQUENCIES): ToyLandscape {
  const { kind, features: n, neurons: m, groups, importance_N, bias, sparsity } = task;
  if (kind === 'absolute' || groups.length > 0)
    throw new SuperpositionError(
      'superposition.no-closed-form',
      `the expected loss is known for independent features with a ReLU or linear output, not for ${
        kind === 'absolute' ? 'the absolute value' : 'groups of features'
      }`,
      { where: 'toyLandscape', hint: 'train on samples: trainToys' },
    );
  const outputs = kind === 'linear' ? linearOutputs(n, sparsity) : expectedOutputs(n, sparsity, frequencies);
  let truncation = 0;
  return {
    name: `toy model, ${n} features in ${m} neurons`,
    dimension: n * m + (bias ? n : 0),
    truncation: () => truncation,
    at(x, gradient) {
      const weights = weightsAt(task, x);
      const expected = outputs(overlaps(weights), weights.b_N);
      truncation = expected.truncation;
      let loss = 0;
      gradient.fill(0);
      for (let i = 0; i < n; i++) {
        const weight = importance_N[i]! / n;
        loss += weight * expected.loss_N[i]!;
        if (bias) gradient[n * m + i] = weight * expected.bySlope_N[i]!;
        for (let j = 0; j < n; j++) {
          const slope = weight * expected.byOverlap_NN[i * n + j]!;
          for (let k = 0; k < m; k++) {
            gradient[i * m + k]! += slope * weights.W_NM[j * m + k]!;
            gradient[j * m + k]! += slope * weights.W_NM[i * m + k]!;
          }
        }
      }
      return loss;
    },
  };
}

/** E[(x_i − u)²], u = b_i + Σ_j a_j x_j, of independent features: variances and means alone. */
function linearOutputs(n: number, sparsity: number): ReturnType<typeof expectedOutputs> {
  const [mean, second] = [(1 - sparsity) / 2, (1 - sparsity) / 3];
  const variance = second - mean * mean;
  const [loss_N, bySlope_N, byOverlap_NN] = [
    new Float64Array(n),
    new Float64Array(n),
    new Float64Array(n * n),
  ];
  return (G, b_N) => {
    for (let i = 0; i < n; i++) {
      let [offset, spread] = [b_N[i]! - mean, 0];
      const off = (j: number) => G[i * n + j]! - Number(i === j);
      for (let j = 0; j < n; j++) {
        offset += mean * G[i * n + j]!;
        spread += off(j) ** 2;
      }
      loss_N[i] = variance * spread + offset * offset;
      bySlope_N[i] = 2 * offset;
      for (let j = 0; j < n; j++) byOverlap_NN[i * n + j] = 2 * variance * off(j) + 2 * offset * mean;
    }
    return { loss_N, bySlope_N, byOverlap_NN, truncation: 0 };
  };
}
