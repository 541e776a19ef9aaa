/** @file Means with intervals, correlations, quantiles: the few statistics that results are reported with. */
import { mean, quantile, sampleCorrelation } from 'simple-statistics';
import type { Random } from './random.ts';

export { mean, quantile };

/** Pearson correlation; NaN when either side is constant. */
export const pearson = (x: number[], y: number[]): number => sampleCorrelation(x, y);

/** Spearman's rank correlation (1904): Pearson's of the ranks. NaN when a side is constant. */
export function spearman(x: readonly number[], y: readonly number[]): number {
  return x.length < 2 ? Number.NaN : pearson(ranks(x), ranks(y));
}

/**
 * Spearman's correlation of x and y given others (Kendall 1942): Pearson's of what is left of their ranks after the ranks of
 * `given` are regressed out. NaN where nothing of a side is left.
 */
export function partialSpearman(
  x: readonly number[],
  y: readonly number[],
  given: readonly (readonly number[])[],
): number {
  if (x.length < given.length + 3) return Number.NaN;
  const basis: number[][] = [];
  const left = (values: readonly number[]): number[] | undefined => {
    const rank = ranks(values);
    const centre = mean(rank);
    const rest = rank.map((r) => r - centre);
    const whole = Math.hypot(...rest);
    for (const unit of basis) {
      const along = unit.reduce((sum, u, i) => sum + u * rest[i]!, 0);
      for (let i = 0; i < rest.length; i++) rest[i]! -= along * unit[i]!;
    }
    const norm = Math.hypot(...rest);
    return norm > 1e-9 * whole ? rest.map((r) => r / norm) : undefined;
  };
  for (const values of given) {
    const unit = left(values);
    if (unit) basis.push(unit);
  }
  const [a, b] = [left(x), left(y)];
  return a && b ? a.reduce((sum, v, i) => sum + v * b[i]!, 0) : Number.NaN;
}

/** Ranks from 0, ties sharing their mean rank. */
function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const rank = new Array<number>(values.length);
  for (let from = 0; from < order.length; ) {
    // From the next on: a NaN is not even equal to itself.
    let to = from + 1;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
    for (let i = from; i < to; i++) rank[order[i]!] = (from + to - 1) / 2;
    from = to;
  }
  return rank;
}

/** A number with its 95 % interval. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** Independent units (examples, seeds) behind it. */
  readonly n: number;
}

/**
 * Percentile bootstrap over units (Efron 1979): `statistic` of resampled units, 2.5 % and 97.5 % quantiles.
 * Too narrow below about 20 units; claims use BCa instead. One unit says nothing of others: its bounds are NaN.
 */
export function bootstrap<T>(
  units: readonly T[],
  statistic: (sample: readonly T[]) => number,
  random: Random,
  resamples = 1000,
): Estimate {
  const values: number[] = [];
  for (let r = 0; r < (units.length < 2 ? 0 : resamples); r++) {
    const sample = units.map(() => units[random.integer(units.length)]!);
    const value = statistic(sample);
    if (Number.isFinite(value)) values.push(value);
  }
  const value = statistic(units);
  if (values.length === 0) return { value, low: Number.NaN, high: Number.NaN, n: units.length };
  return { value, low: quantile(values, 0.025), high: quantile(values, 0.975), n: units.length };
}
