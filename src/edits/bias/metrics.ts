/** @file Figures of a classifier on balanced rows: accuracies by group, gaps between groups, calibration. */
import type { BiasRows } from './problem.ts';

type Labels = Pick<BiasRows, 'outcome_N' | 'protected_N'>;

/** Group of a row: 2 · outcome + protected. */
export const groupOf = ({ outcome_N, protected_N }: Labels, n: number): number =>
  2 * outcome_N[n]! + protected_N[n]!;

export const GROUPS = 4;

/** Shares of one set of predictions; NaN where a group has no weight. */
export interface Shares {
  readonly fieldAccuracy: number;
  readonly genderAccuracy: number;
  readonly worstGroup: number;
  readonly tprGap: number;
}

/**
 * Figures from the accuracy of each group (by `groupOf`): groups count alike, whatever their size.
 * Groups without rows (NaN) are left out of the means and of the minimum.
 */
export function sharesOf(accuracy_G: ArrayLike<number>): Shares {
  let [field, gender, groups, worst] = [0, 0, 0, 1];
  let [squares, outcomes] = [0, 0];
  for (let outcome = 0; outcome < 2; outcome++) {
    const gap = accuracy_G[2 * outcome + 1]! - accuracy_G[2 * outcome]!;
    if (Number.isFinite(gap)) {
      squares += gap * gap;
      outcomes++;
    }
    for (let z = 0; z < 2; z++) {
      const accuracy = accuracy_G[2 * outcome + z]!;
      if (!Number.isFinite(accuracy)) continue;
      groups++;
      field += accuracy;
      // A row that is told right is told as its outcome: that is its protected value only where the two agree.
      gender += outcome === z ? accuracy : 1 - accuracy;
      worst = Math.min(worst, accuracy);
    }
  }
  return {
    fieldAccuracy: field / groups,
    genderAccuracy: gender / groups,
    worstGroup: groups === 0 ? Number.NaN : worst,
    tprGap: Math.sqrt(squares / outcomes),
  };
}

/** Weights that make every group count alike; `weights_N` come before. */
export function balancedWeights(rows: Labels, weights_N: ArrayLike<number>): Float64Array {
  const all = new Float64Array(GROUPS);
  for (let n = 0; n < weights_N.length; n++) all[groupOf(rows, n)]! += weights_N[n]!;
  return Float64Array.from(weights_N, (weight, n) => (weight === 0 ? 0 : weight / all[groupOf(rows, n)]!));
}

/** Mean of (P(1) − outcome)² (Brier 1950). */
export function brierScore(
  p_N: ArrayLike<number>,
  outcome_N: ArrayLike<number>,
  weights_N: ArrayLike<number>,
): number {
  let [sum, all] = [0, 0];
  for (let n = 0; n < p_N.length; n++) {
    sum += weights_N[n]! * (p_N[n]! - outcome_N[n]!) ** 2;
    all += weights_N[n]!;
  }
  return sum / all;
}

/** Σ_bins share · |accuracy − mean confidence|, bins of equal width of max(p, 1 − p) (Guo et al. 2017). */
export function calibrationError(
  p_N: ArrayLike<number>,
  outcome_N: ArrayLike<number>,
  weights_N: ArrayLike<number>,
  bins = 10,
): number {
  const gap = new Float64Array(bins);
  let all = 0;
  for (let n = 0; n < p_N.length; n++) {
    const p = p_N[n]!;
    const confidence = Math.max(p, 1 - p);
    const right = p > 0.5 === outcome_N[n]! > 0.5 ? 1 : 0;
    // A bin holds its upper edge.
    const bin = Math.min(bins - 1, Math.max(0, Math.ceil(confidence * bins) - 1));
    gap[bin]! += weights_N[n]! * (right - confidence);
    all += weights_N[n]!;
  }
  return gap.reduce((sum, value) => sum + Math.abs(value), 0) / all;
}
