/** @file Means with intervals, correlations, quantiles: the few statistics that results are reported with. */
import { mean, quantile, sampleCorrelation } from 'simple-statistics';
import type { Random } from './random.ts';

export { mean, quantile };

/** Pearson correlation; NaN when either side is constant. */
export const pearson = (x: number[], y: number[]): number => sampleCorrelation(x, y);

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
 * Too narrow below about 20 units; claims use BCa instead.
 */
export function bootstrap<T>(
  units: readonly T[],
  statistic: (sample: readonly T[]) => number,
  random: Random,
  resamples = 1000,
): Estimate {
  const values: number[] = [];
  for (let r = 0; r < resamples; r++) {
    const sample = units.map(() => units[random.integer(units.length)]!);
    const value = statistic(sample);
    if (Number.isFinite(value)) values.push(value);
  }
  const value = statistic(units);
  if (values.length === 0) return { value, low: Number.NaN, high: Number.NaN, n: units.length };
  return { value, low: quantile(values, 0.025), high: quantile(values, 0.975), n: units.length };
}
