/** @file What is measured of a toy model: norms, interference, dimensions per feature, and how many meanings a neuron has. */
import { overlaps } from './landscape.ts';
import type { ToyWeights } from './types.ts';

/** Norm above which a feature counts as represented. */
export const REPRESENTED = 0.5;

/** Measures of each feature, and of the whole model. */
export interface ToyMeasures {
  /** ‖W_i‖. */
  readonly norm_N: Float64Array;
  /** Σ_{j≠i} (Ŵ_i·W_j)²: 0 for a feature that shares its direction with no other. */
  readonly interference_N: Float64Array;
  /** D_i = ‖W_i‖² / Σ_j (Ŵ_i·W_j)²: dimensions that the feature has to itself; 0 for a feature that is not there. */
  readonly dimensionality_N: Float64Array;
  /** WᵀW [n, n], W_i·W_j. */
  readonly gram_NN: Float64Array;
  /** Represented features (‖W_i‖ > 0.5). */
  readonly represented: readonly number[];
  /** ‖W‖²_F / m, features per dimension; its inverse is D*. */
  readonly featuresPerDimension: number;
  /** Per neuron: effective number of features in it, (Σ_i s_i)² / Σ_i s_i² with s_i = W_ik². 1 is one meaning. */
  readonly meanings_M: Float64Array;
}

/** All measures (Elhage et al. 2022, "The Geometry of Superposition"; the sum in D_i includes j = i). */
export function measureToy(weights: ToyWeights): ToyMeasures {
  const { features: n, neurons: m, W_NM } = weights;
  const gram_NN = overlaps(weights);
  const norm_N = Float64Array.from({ length: n }, (_, i) => Math.sqrt(gram_NN[i * n + i]!));
  const interference_N = new Float64Array(n);
  const dimensionality_N = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const square = gram_NN[i * n + i]!;
    if (!(norm_N[i]! > 1e-6)) continue;
    let sum = 0;
    for (let j = 0; j < n; j++) if (j !== i) sum += gram_NN[i * n + j]! ** 2 / square;
    interference_N[i] = sum;
    dimensionality_N[i] = square / (square + sum);
  }
  return {
    ...{ norm_N, interference_N, dimensionality_N, gram_NN },
    represented: [...norm_N.keys()].filter((i) => norm_N[i]! > REPRESENTED),
    featuresPerDimension: norm_N.reduce((sum, norm) => sum + norm * norm, 0) / m,
    meanings_M: effectiveCounts(Array.from({ length: m }, (_, k) => W_NM.filter((_w, at) => at % m === k))),
  };
}

/** Participation ratio (Σ w²)² / Σ w⁴ of each row of weights; 0 for a row of zeros. */
export const effectiveCounts = (rows: readonly ArrayLike<number>[]): Float64Array =>
  Float64Array.from(rows, (row) => {
    let [squares, fourths] = [0, 0];
    for (let i = 0; i < row.length; i++) {
      const square = row[i]! ** 2;
      squares += square;
      fourths += square * square;
    }
    return fourths === 0 ? 0 : squares ** 2 / fourths;
  });

/** A fraction at which dimensionalities stick, with the polytope whose corners have it. */
export interface StickyFraction {
  readonly name: string;
  readonly fraction: string;
  readonly value: number;
}

/** Fractions of uniform polytopes: m/n for a tight frame of n unit vectors in m dimensions. */
export const stickyFractions: readonly StickyFraction[] = [
  { name: 'alone', fraction: '1', value: 1 },
  { name: 'tetrahedron', fraction: '3/4', value: 3 / 4 },
  { name: 'triangle', fraction: '2/3', value: 2 / 3 },
  { name: 'digon', fraction: '1/2', value: 1 / 2 },
  { name: 'pentagon', fraction: '2/5', value: 2 / 5 },
  { name: 'square antiprism', fraction: '3/8', value: 3 / 8 },
  { name: 'hexagon', fraction: '1/3', value: 1 / 3 },
  { name: 'not represented', fraction: '0', value: 0 },
];

/** The nearest sticky fraction, when D lies within `tolerance` of it. */
export function stickyFraction(dimensionality: number, tolerance = 0.02): StickyFraction | undefined {
  let best: StickyFraction | undefined;
  for (const one of stickyFractions) {
    const off = Math.abs(one.value - dimensionality);
    if (off <= tolerance && (!best || off < Math.abs(best.value - dimensionality))) best = one;
  }
  return best;
}
