/** @file The canonicity defect of a dictionary: how far M_ij = {f_i, p_j} = ∂f_i/∂x·d_j is from δ_ij (mechanics.md §2). */
import { Matrix, SVD } from 'ml-matrix';
import { encoderRow } from '../../circuits/encode-state.ts';
import { activeFeatures, type FeatureState } from '../../circuits/feature-state.ts';
import { EnergyError } from '../../core/errors.ts';
import { quantile } from '../../core/statistics.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import type { Canonicity, CanonicityDefect, Distribution } from './types.ts';

/** Sets of at most this many features are asked for their numerical rank. */
const RANKED = 200;
/** Pairs of features that are listed. */
const LISTED = 10;

/**
 * {f_i, p_j} = ∂f_i/∂x·d_j of some features, row-major [n, n], where all of them are active: p_j = λ·d_j, so that the bracket
 * Σ ∂f_i/∂x_k ∂p_j/∂λ_k is the product of an encoder row and a decoder row. A feature that is off has a row of zeros.
 * @throws CircuitError `circuit.no-derivative` for dictionaries without a row of weights a feature
 */
export function bracketMatrix(dictionary: Dictionary, features: readonly number[]): Float64Array {
  const { width, W_dec_FD } = dictionary;
  const n = features.length;
  const matrix = new Float64Array(n * n);
  features.forEach((i, a) => {
    const { row_D, scale } = encoderRow(dictionary, i);
    features.forEach((j, b) => {
      let sum = 0;
      const from = j * width;
      for (let d = 0; d < width; d++) sum += row_D[d]! * W_dec_FD[from + d]!;
      matrix[a * n + b] = scale * sum;
    });
  });
  return matrix;
}

/**
 * How far a matrix of brackets is from the identity.
 * @param features their names, for the list of the largest
 * @param width D, which bounds the rank
 */
export function canonicityDefect(
  matrix: ArrayLike<number>,
  features: readonly number[],
  width: number,
): CanonicityDefect {
  const n = features.length;
  const rankBound = Math.min(n, width);
  let square = 0;
  const diagonal: number[] = [];
  const off: number[] = [];
  let largest: { i: number; j: number; value: number }[] = [];
  let least = 0;
  for (let a = 0; a < n; a++) {
    for (let b = 0; b < n; b++) {
      const value = matrix[a * n + b]!;
      square += (value - Number(a === b)) ** 2;
      if (a === b) diagonal.push(value);
      else {
        const size = Math.abs(value);
        off.push(size);
        if (size <= least) continue;
        largest.push({ i: features[a]!, j: features[b]!, value });
        if (largest.length < 50 * LISTED) continue;
        largest = strongest(largest);
        least = Math.abs(largest.at(-1)!.value);
      }
    }
  }
  return {
    features: n,
    rankBound,
    ...(n <= RANKED ? { rank: rankOf(matrix, n) } : {}),
    defect: Math.sqrt(square / n),
    floor: Math.sqrt((n - rankBound) / n),
    diagonal: distribution(diagonal),
    offDiagonal: distribution(off),
    largest: strongest(largest),
  };
}

const strongest = <T extends { readonly value: number }>(pairs: readonly T[]): T[] =>
  [...pairs].sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, LISTED);

/** Singular values above rounding of float32 weights. */
function rankOf(matrix: ArrayLike<number>, n: number): number {
  const rows = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => matrix[i * n + j]!));
  const values = new SVD(new Matrix(rows), {
    computeLeftSingularVectors: false,
    computeRightSingularVectors: false,
  }).diagonal;
  const bound = Math.max(...values) * n * 2 ** -24;
  return values.filter((value) => value > bound).length;
}

/** Quantiles 0.05, 0.5 and 0.95, ends and mean, of millions of numbers at once; zeros of nothing. */
function distribution(values: readonly number[]): Distribution {
  if (values.length === 0) return { mean: 0, low: 0, median: 0, high: 0, min: 0, max: 0 };
  const [min, low, median, high, max] = quantile(values, [0, 0.05, 0.5, 0.95, 1]);
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return { mean, low: low!, median: median!, high: high!, min: min!, max: max! };
}

/**
 * The defect on activations: on the features that are active together at a row, and on all that are active anywhere. Features
 * of an overcomplete dictionary cannot all be independent coordinates: M has rank ≤ D.
 * @throws EnergyError `energy.no-active` when no feature is active; CircuitError `circuit.no-derivative`
 */
export function canonicity(dictionary: Dictionary, states: readonly FeatureState[]): Canonicity {
  const sets: number[][] = [];
  const seen = new Set<number>();
  for (const state of states) {
    for (let b = 0; b < state.examples; b++) {
      for (let t = 0; t < state.positions; t++) {
        const active = [...activeFeatures(state, b, t).keys()];
        for (const feature of active) seen.add(feature);
        if (active.length > 0) sets.push(active);
      }
    }
  }
  const { site, width } = dictionary;
  if (sets.length === 0) {
    throw new EnergyError('energy.no-active', `no feature of the dictionary of ${site} is active`, {
      where: site,
      hint: 'give prompts of more than one token; the dictionary passes the first position and attention sinks by',
    });
  }
  const anywhere = [...seen].sort((a, b) => a - b);
  const matrix = bracketMatrix(dictionary, anywhere);
  const n = anywhere.length;
  const place = new Map(anywhere.map((feature, i) => [feature, i]));
  const rows = sets.map((active) => {
    const at = active.map((feature) => place.get(feature)!);
    const part = Float64Array.from({ length: at.length ** 2 }, (_, k) => {
      const [a, b] = [at[Math.floor(k / at.length)]!, at[k % at.length]!];
      return matrix[a * n + b]!;
    });
    return canonicityDefect(part, active, width);
  });
  const mean = (of: (row: CanonicityDefect) => number) =>
    rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
  return {
    ...{ site, width, rows: rows.length },
    together: {
      active: mean((row) => row.features),
      rank: mean((row) => row.rank ?? row.rankBound),
      defect: distribution(rows.map((row) => row.defect)),
      diagonal: mean((row) => row.diagonal.mean),
      offDiagonal: mean((row) => row.offDiagonal.mean),
    },
    anywhere: canonicityDefect(matrix, anywhere, width),
  };
}
