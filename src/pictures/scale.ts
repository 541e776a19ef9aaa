/** @file From data to pixels: linear and logarithmic scales with round ticks, and numbers as they are printed. */

export interface Scale {
  (value: number): number;
  readonly ticks: readonly number[];
}

/** Farthest from the picture's corner that a scale puts a value, in pixels: programs draw no larger numbers. */
const FAR = 1e6;

/** `value` among the numbers that can be counted with. */
const bounded = (value: number): number => Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, value));

/** `high − low` where the difference itself may be too large a number: in quarters, which is exact. */
const quarters = (low: number, high: number): number => high / 4 - low / 4;

/** Round steps of 1, 2 or 5 × 10ⁿ, about `count` of them inside [low, high]. */
export function roundTicks(low: number, high: number, count = 5): number[] {
  const rough = bounded((quarters(low, high) / Math.max(1, count)) * 4);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  if (!(rough > 0) || !step || !Number.isFinite(step)) return [low];
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** Linear from [d0, d1] to [r0, r1] pixels; all of a domain without width lies at r0. */
export function linear(domain: [number, number], [r0, r1]: [number, number], count = 5): Scale {
  const [d0, d1] = [bounded(domain[0]), bounded(domain[1])];
  const span = quarters(d0, d1) || 0.25;
  const at = (value: number) => r0 + (quarters(d0, value) / span) * (r1 - r0);
  return Object.assign((value: number) => Math.min(FAR, Math.max(-FAR, at(value))), {
    ticks: roundTicks(d0, d1, count),
  });
}

/** Decades that a logarithmic scale names one by one; of more it names every second, third… */
const MOST_DECADES = 12;

/** Logarithmic from [low, high] to pixels (a low that is not positive counts as 1); ticks at 1, 2 and 5 of each decade where there is room. */
export function logarithmic([low, high]: [number, number], [r0, r1]: [number, number]): Scale {
  const d0 = low > 0 ? low : 1;
  const d1 = Math.max(high, d0);
  const inner = linear([Math.log10(d0), Math.log10(d1)], [r0, r1]);
  const ticks: number[] = [];
  const decades = Math.log10(d1) - Math.log10(d0);
  const every = Math.max(1, Math.ceil(decades / MOST_DECADES));
  for (let power = Math.floor(Math.log10(d0)); power <= Math.ceil(Math.log10(d1)); power += every) {
    for (const m of decades > 4 ? [1] : [1, 2, 5]) {
      const tick = m * 10 ** power;
      if (Number.isFinite(tick) && tick >= d0 * 0.999 && tick <= d1 * 1.001) ticks.push(tick);
    }
  }
  const least = Math.max(d0 / 10, Number.MIN_VALUE);
  return Object.assign((value: number) => inner(Math.log10(Math.max(value, least))), { ticks });
}

/** The range of `values` and of `include`, widened by `margin` of itself on both sides. */
export function extent(
  values: readonly number[],
  include: readonly number[] = [],
  margin = 0,
): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const some of [values, include]) {
    for (const value of some) {
      if (!Number.isFinite(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (low > high) return [0, 1];
  const pad = margin === 0 ? 0 : bounded(high - low || 1) * margin;
  return [bounded(low - pad), bounded(high + pad)];
}

/** The largest |value| of those that are numbers, or `least`. */
export function largestSize(values: readonly number[], least = 0): number {
  const [low, high] = extent(values, [0]);
  return Math.max(least, -low, high);
}

/** A number as it is printed: `digits` significant ones, a true minus sign, 1,234 grouping, × 10ⁿ for the very small and the very large. */
export function number(value: number, digits = 2): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  const sign = value < 0 ? '−' : '';
  if (size < 0.0005 || size >= 1e15) {
    const [digit, power] = size.toExponential(1).split('e');
    return `${sign}${digit} × 10${superscript(Number(power))}`;
  }
  if (size >= 1000) return sign + Math.round(size).toLocaleString('en-US');
  const decimals = Math.max(0, Math.min(6, digits - 1 - Math.floor(Math.log10(size))));
  return sign + size.toFixed(decimals);
}

/** A fixed number of decimals with a true minus sign; never "−0". */
export function fixed(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return '–';
  const written = Math.abs(value).toFixed(decimals);
  return value < 0 && Number(written) !== 0 ? `−${written}` : written;
}

/** A number as short as it can be written: 0.5, 1, 2. */
export const plain = (value: number): string => String(Number(value.toPrecision(6))).replace('-', '−');

/** A share as per cent. */
export const percent = (share: number, decimals = 0): string =>
  Number.isFinite(share) ? `${fixed(share * 100, decimals)} %` : '–';

const superscript = (power: number): string =>
  String(power).replace(/./g, (c) => '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'['-0123456789'.indexOf(c)]!);
