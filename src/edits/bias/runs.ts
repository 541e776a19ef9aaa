/** @file What is kept of every run of a classifier or leakage probe, and figures of it on resamples of persons and seeds. */

import {
  balancedWeights,
  brierScore,
  calibrationError,
  GROUPS,
  groupOf,
  type Shares,
  sharesOf,
} from './metrics.ts';
import type { BiasRows } from './problem.ts';

/** Persons of test rows: a row and its counterfactual are one unit of resampling. */
export interface Units {
  readonly count: number;
  /** Unit of each row. */
  readonly unit_N: Uint32Array;
  /** Group of the unit's natural row (of its first row where it has none), so that resamples keep every group. */
  readonly strata_U: Uint8Array;
}

/** The persons behind rows. */
export function unitsOf(rows: BiasRows): Units {
  const numbers = new Map<string, number>();
  const unit_N = Uint32Array.from(rows.ids, (id) => {
    const known = numbers.get(id);
    if (known !== undefined) return known;
    numbers.set(id, numbers.size);
    return numbers.size - 1;
  });
  const strata_U = new Uint8Array(numbers.size).fill(GROUPS);
  unit_N.forEach((unit, n) => {
    if (strata_U[unit] === GROUPS || rows.swapped_N[n] === 0) strata_U[unit] = groupOf(rows, n);
  });
  return { count: numbers.size, unit_N, strata_U };
}

/** Rows told right by one run, added up by unit and group, so that resamples are quick: [U, G] each. */
export interface RightCounts {
  readonly right_UG: Float64Array;
  readonly all_UG: Float64Array;
}

/** Adds up a run over the rows that `taken` keeps. */
export function rightCounts(
  rows: BiasRows,
  units: Units,
  right_N: ArrayLike<number>,
  taken: (n: number) => boolean = () => true,
): RightCounts {
  const right_UG = new Float64Array(units.count * GROUPS);
  const all_UG = new Float64Array(units.count * GROUPS);
  for (let n = 0; n < right_N.length; n++) {
    if (!taken(n)) continue;
    const at = units.unit_N[n]! * GROUPS + groupOf(rows, n);
    right_UG[at]! += right_N[n]!;
    all_UG[at]! += 1;
  }
  return { right_UG, all_UG };
}

/** Accuracy of each group under weights of the units (those behind them, e.g. of windows, are not read). */
export function groupsOf({ right_UG, all_UG }: RightCounts, weights_U: ArrayLike<number>): Float64Array {
  const right = new Float64Array(GROUPS);
  const all = new Float64Array(GROUPS);
  for (let u = 0, at = 0; at < right_UG.length; u++) {
    const weight = weights_U[u]!;
    for (let g = 0; g < GROUPS; g++, at++) {
      right[g]! += weight * right_UG[at]!;
      all[g]! += weight * all_UG[at]!;
    }
  }
  return right.map((value, g) => value / all[g]!);
}

/** Shares averaged over runs. */
export function meanShares(
  counts_R: readonly RightCounts[],
  weights_U: ArrayLike<number>,
  runs: readonly number[],
): Shares {
  const mean = { fieldAccuracy: 0, genderAccuracy: 0, worstGroup: 0, tprGap: 0 };
  for (const run of runs) {
    const shares = sharesOf(groupsOf(counts_R[run]!, weights_U));
    mean.fieldAccuracy += shares.fieldAccuracy / runs.length;
    mean.genderAccuracy += shares.genderAccuracy / runs.length;
    mean.worstGroup += shares.worstGroup / runs.length;
    mean.tprGap += shares.tprGap / runs.length;
  }
  return mean;
}

/** Balanced accuracy averaged over runs: every group counts alike. */
export function meanAccuracy(
  counts_R: readonly RightCounts[],
  weights_U: ArrayLike<number>,
  runs: readonly number[],
): number {
  let sum = 0;
  for (const run of runs) {
    // A group that a resample lost is left out; `sharesOf` does so.
    sum += sharesOf(groupsOf(counts_R[run]!, weights_U)).fieldAccuracy / runs.length;
  }
  return sum;
}

/** Calibration averaged over runs, every group counting alike: [expected calibration error, Brier score]. */
export function meanCalibration(
  rows: BiasRows,
  units: Units,
  p_RN: readonly Float64Array[],
  weights_U: ArrayLike<number>,
  runs: readonly number[],
): [number, number] {
  const weights = balancedWeights(
    rows,
    Float64Array.from(units.unit_N, (unit) => weights_U[unit]!),
  );
  let [ece, brier] = [0, 0];
  for (const run of runs) {
    ece += calibrationError(p_RN[run]!, rows.outcome_N, weights) / runs.length;
    brier += brierScore(p_RN[run]!, rows.outcome_N, weights) / runs.length;
  }
  return [ece, brier];
}

/** 1 where the sign of the logit tells the label. */
export const rightOf = (logit_N: ArrayLike<number>, labels_N: ArrayLike<number>): Uint8Array =>
  Uint8Array.from(logit_N, (logit, n) => (logit > 0 === labels_N[n]! > 0.5 ? 1 : 0));
