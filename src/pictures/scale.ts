/** @file From data to pixels: linear and logarithmic scales with round ticks, and numbers as they are printed. */

export interface Scale {
  (value: number): number;
  readonly ticks: readonly number[];
}

/** Round steps of 1, 2 or 5 × 10ⁿ, about `count` of them inside [low, high]. */
export function roundTicks(low: number, high: number, count = 5): number[] {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999)!;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** Linear from [d0, d1] to [r0, r1] pixels. */
export function linear([d0, d1]: [number, number], [r0, r1]: [number, number], count = 5): Scale {
  const span = d1 - d0 || 1;
  return Object.assign((value: number) => r0 + ((value - d0) / span) * (r1 - r0), {
    ticks: roundTicks(d0, d1, count),
  });
}

/** Logarithmic from [low, high] to pixels (a low that is not positive counts as 1); ticks at 1, 2 and 5 of each decade where there is room. */
export function logarithmic([low, high]: [number, number], [r0, r1]: [number, number]): Scale {
  const d0 = low > 0 ? low : 1;
  const d1 = Math.max(high, d0);
  const inner = linear([Math.log10(d0), Math.log10(d1)], [r0, r1]);
  const ticks: number[] = [];
  const decades = Math.log10(d1 / d0);
  for (let power = Math.floor(Math.log10(d0)); power <= Math.ceil(Math.log10(d1)); power++) {
    for (const m of decades > 4 ? [1] : [1, 2, 5]) {
      const tick = m * 10 ** power;
      if (tick >= d0 * 0.999 && tick <= d1 * 1.001) ticks.push(tick);
    }
  }
  return Object.assign((value: number) => inner(Math.log10(Math.max(value, d0 / 10))), { ticks });
}

/** The range of `values` and of `include`, widened by `margin` of itself on both sides. */
export function extent(
  values: readonly number[],
  include: readonly number[] = [],
  margin = 0,
): [number, number] {
  const all = [...values, ...include].filter(Number.isFinite);
  if (all.length === 0) return [0, 1];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const pad = (high - low || 1) * margin;
  return [low - pad, high + pad];
}

/** A number as it is printed: `digits` significant ones, a true minus sign, 1,234 grouping, ×10 for the very small. */
export function number(value: number, digits = 2): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  const sign = value < 0 ? '−' : '';
  if (size >= 1000) return sign + Math.round(size).toLocaleString('en-US');
  if (size < 0.0005) {
    const power = Math.floor(Math.log10(size));
    return `${sign}${(size / 10 ** power).toFixed(1)} × 10${superscript(power)}`;
  }
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
