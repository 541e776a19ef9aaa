/** @file Intervals for claims: BCa bootstraps over units and runs together, and Student's t over few runs. */
import { errorFunction, mean, quantileSorted, sampleStandardDeviation } from 'simple-statistics';
import type { Random } from './random.ts';
import type { Estimate } from './statistics.ts';

/** Units that belong together are drawn from one stratum; `units` counts all of them. */
export interface Resampling {
  readonly units: number;
  /** Stratum of each unit: a resample has as many of each as the data. One stratum when absent. */
  readonly strata_U?: ArrayLike<number>;
  /** Repetitions (seeds), drawn independently of the units (crossed). */
  readonly runs: number;
  /**
   * Runs lie in so many groups of equal size, one group behind the other, with the same seeds in each (say one group a
   * dictionary): groups and seeds are drawn independently, since runs of one group are alike. One group when absent.
   */
  readonly groups?: number;
  readonly resamples: number;
  readonly random: Random;
}

/** Values of some statistics on a resample: weight of each unit (how often it was drawn), and the runs that were drawn. */
export type Statistics = (weights_U: Float64Array, runs: readonly number[]) => readonly number[];

/** Blocks of units of the jackknife that gives BCa its acceleration. */
const BLOCKS = 40;

/** A statistic that is no number on more resamples than this share has no interval: what is left would be a selection. */
const MOST_UNDEFINED = 0.1;

/**
 * BCa intervals (Efron 1987) of several statistics at once: units are drawn with replacement within strata and runs
 * with replacement, independently; the acceleration comes from a jackknife over blocks of units. Resamples on which a
 * statistic is no number are left out for it; where they are more than a tenth its bounds are NaN.
 */
export function bootstrapCrossed(plan: Resampling, statistics: Statistics): Estimate[] {
  const { units, runs, resamples, random } = plan;
  const all = Array.from({ length: runs }, (_, r) => r);
  const members = strataOf(plan);
  const weights = new Float64Array(units).fill(1);
  const values = statistics(weights, all);
  const drawn = values.map((): number[] => []);
  for (let b = 0; b < resamples; b++) {
    weights.fill(0);
    for (const stratum of members) {
      for (let i = 0; i < stratum.length; i++) weights[stratum[random.integer(stratum.length)]!]! += 1;
    }
    statistics(weights, drawRuns(plan)).forEach((value, s) => {
      if (Number.isFinite(value)) drawn[s]!.push(value);
    });
  }
  const blocks = Math.min(BLOCKS, units);
  const left = Array.from({ length: blocks }, (_, block) => {
    weights.fill(1);
    // Every stratum loses its share, since units of one stratum mostly lie together.
    for (const stratum of members) {
      for (let i = block; i < stratum.length; i += blocks) weights[stratum[i]!] = 0;
    }
    return statistics(weights, all);
  });
  return values.map((value, s) => {
    const acceleration = accelerationOf(left.map((one) => one[s]!).filter(Number.isFinite));
    const defined = drawn[s]!.length >= (1 - MOST_UNDEFINED) * resamples;
    return bcaInterval(value, defined ? drawn[s]! : [], acceleration, units);
  });
}

/** Groups with replacement, and the same seeds with replacement in each of them. */
function drawRuns({ runs, groups = 1, random }: Resampling): number[] {
  const size = runs / groups;
  const from = Array.from({ length: groups }, () => (groups === 1 ? 0 : size * random.integer(groups)));
  const seeds = Array.from({ length: size }, () => random.integer(size));
  return from.flatMap((first) => seeds.map((seed) => first + seed));
}

/** BCa interval of a statistic of units alone. */
export const bca = (
  units: number,
  statistic: (weights_U: Float64Array) => number,
  random: Random,
  resamples = 1000,
): Estimate => bootstrapCrossed({ units, runs: 1, resamples, random }, (weights) => [statistic(weights)])[0]!;

/** Mean of few independent runs with Student's interval. */
export function tInterval(values: readonly number[]): Estimate {
  const n = values.length;
  const value = n === 0 ? Number.NaN : mean([...values]);
  if (n < 2) return { value, low: Number.NaN, high: Number.NaN, n };
  const half = (studentQuantile(n - 1) * sampleStandardDeviation([...values])) / Math.sqrt(n);
  return { value, low: value - half, high: value + half, n };
}

/** 97.5 % quantile of Student's t: with t = √ν tan θ the density is ∝ cos^(ν−1) θ, integrated by Simpson's rule. */
export function studentQuantile(freedom: number): number {
  const area = (to: number): number => {
    const steps = 400;
    let sum = 0;
    for (let i = 0; i <= steps; i++) {
      const weight = i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2;
      sum += weight * Math.cos((i * to) / steps) ** (freedom - 1);
    }
    return (sum * to) / steps / 3;
  };
  const whole = area(Math.PI / 2);
  let [low, high] = [0, Math.PI / 2];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (area(middle) < 0.95 * whole) low = middle;
    else high = middle;
  }
  return Math.sqrt(freedom) * Math.tan(low);
}

function strataOf({ units, strata_U }: Resampling): number[][] {
  const members = new Map<number, number[]>();
  for (let u = 0; u < units; u++) {
    const stratum = strata_U?.[u] ?? 0;
    const found = members.get(stratum);
    if (found) found.push(u);
    else members.set(stratum, [u]);
  }
  return [...members.values()];
}

/** a = Σ(m − θ_j)³ / 6 (Σ(m − θ_j)²)^{3/2} over the jackknife's values θ_j. */
function accelerationOf(left: readonly number[]): number {
  if (left.length < 2) return 0;
  const centre = mean([...left]);
  let [second, third] = [0, 0];
  for (const value of left) {
    second += (centre - value) ** 2;
    third += (centre - value) ** 3;
  }
  return second > 0 ? third / (6 * second ** 1.5) : 0;
}

function bcaInterval(value: number, drawn: number[], acceleration: number, n: number): Estimate {
  if (drawn.length === 0 || !Number.isFinite(value)) return { value, low: Number.NaN, high: Number.NaN, n };
  drawn.sort((a, b) => a - b);
  // Ties count half: shares of few examples come in steps.
  const below = drawn.reduce((sum, one) => sum + (one < value ? 1 : one === value ? 0.5 : 0), 0);
  const share = Math.min(1 - 0.5 / drawn.length, Math.max(0.5 / drawn.length, below / drawn.length));
  const bias = normalQuantile(share);
  const bound = (z: number) => {
    const shifted = bias + z;
    const level = normalShare(bias + shifted / (1 - acceleration * shifted));
    return quantileSorted(drawn, Math.min(1, Math.max(0, level)));
  };
  return { value, low: bound(-1.959963984540054), high: bound(1.959963984540054), n };
}

/** Φ(z). */
const normalShare = (z: number): number => 0.5 * (1 + errorFunction(z / Math.SQRT2));

/** Φ⁻¹(p) by bisection of `normalShare`. */
function normalQuantile(p: number): number {
  let [low, high] = [-8, 8];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (normalShare(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
