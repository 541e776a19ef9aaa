/** @file Numbers as they are shown: with their interval, and their null beside them where one exists. */
import { fixed, percent } from '../../../src/pictures/scale.ts';
import type { Estimate } from '../api/types.ts';

/** `62 % (54–69 %)`. */
export const share = ({ value, low, high }: Estimate, decimals = 0): string =>
  Number.isFinite(low) && Number.isFinite(high)
    ? `${percent(value, decimals)} (${fixed(low * 100, decimals)} to ${percent(high, decimals)})`
    : percent(value, decimals);

/** `0.62 (0.54 to 0.69)`. */
export const withInterval = ({ value, low, high }: Estimate, decimals = 2): string =>
  Number.isFinite(low) && Number.isFinite(high)
    ? `${fixed(value, decimals)} (${fixed(low, decimals)} to ${fixed(high, decimals)})`
    : fixed(value, decimals);

/** Seconds as people say them: `4 s`, `2 min 05 s`. */
export function duration(seconds: number | undefined): string {
  if (seconds === undefined || !Number.isFinite(seconds)) return '';
  if (seconds < 10) return `${fixed(seconds, 1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}

/** Whole numbers with separators: `2,304`. */
export const count = (value: number): string => Math.round(value).toLocaleString('en-US');

/** An estimate in a table: value, interval in soft ink below. */
export function Interval({
  estimate,
  as = 'number',
  decimals,
}: {
  estimate: Estimate;
  as?: 'number' | 'percent';
  decimals?: number;
}) {
  const write = (value: number) =>
    as === 'percent' ? percent(value, decimals ?? 0) : fixed(value, decimals ?? 2);
  return (
    <>
      {write(estimate.value)}
      {Number.isFinite(estimate.low) && (
        <span className="small soft">
          {' '}
          ({write(estimate.low).replace(' %', '')} to {write(estimate.high)})
        </span>
      )}
    </>
  );
}
