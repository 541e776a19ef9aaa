/** @file Where features are active: entries by feature, their statistics, and the passages with the highest peaks. */
import type { SparseCode } from './types.ts';

/** The active entries of a code, feature by feature, rows ascending. */
export interface FeatureEntries {
  /** Entries of feature f are starts[f] … starts[f + 1]. */
  readonly starts: Int32Array;
  readonly row: Int32Array;
  readonly value: Float32Array;
}

/** Turns a code by rows into one by features; rows are numbered from `firstRow`. */
export function entriesByFeature(
  { slots, indices_BK, values_BK }: SparseCode,
  features: number,
  firstRow = 0,
): FeatureEntries {
  const starts = new Int32Array(features + 1);
  values_BK.forEach((value, i) => {
    if (value !== 0) starts[indices_BK[i]! + 1]!++;
  });
  for (let f = 0; f < features; f++) starts[f + 1]! += starts[f]!;
  const next = starts.slice(0, features);
  const row = new Int32Array(starts[features]!);
  const value = new Float32Array(starts[features]!);
  values_BK.forEach((v, i) => {
    if (v === 0) return;
    const at = next[indices_BK[i]!]!++;
    row[at] = firstRow + Math.floor(i / slots);
    value[at] = v;
  });
  return { starts, row, value };
}

/** Entries of later and later rows as one. */
export function joinEntries(parts: readonly FeatureEntries[], features: number): FeatureEntries {
  const total = parts.reduce((sum, { row }) => sum + row.length, 0);
  const starts = new Int32Array(features + 1);
  const row = new Int32Array(total);
  const value = new Float32Array(total);
  let at = 0;
  for (let f = 0; f < features; f++) {
    for (const part of parts) {
      const [from, to] = [part.starts[f]!, part.starts[f + 1]!];
      row.set(part.row.subarray(from, to), at);
      value.set(part.value.subarray(from, to), at);
      at += to - from;
    }
    starts[f + 1] = at;
  }
  return { starts, row, value };
}

export interface Bin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Counts of positive values in `bins` equal bins from 0 to the largest; empty when there are none. */
export function histogramOf(values: Float32Array, bins = 20): Bin[] {
  const largest = values.reduce((a, b) => Math.max(a, b), 0);
  if (largest === 0) return [];
  const counts = new Array<number>(bins).fill(0);
  for (const value of values)
    if (value > 0) counts[Math.min(bins - 1, Math.floor((value / largest) * bins))]!++;
  return counts.map((count, i) => ({ from: (i * largest) / bins, to: ((i + 1) * largest) / bins, count }));
}

/** Where the rows of the code lie in the text. */
export interface RowPlaces {
  /** Window and position of each row. */
  readonly window: Int32Array;
  readonly position: Int32Array;
}

/** Tokens from … to − 1 of a window, with the feature's activation at each. */
export interface PassagePlace {
  readonly window: number;
  readonly from: number;
  readonly to: number;
  /** Position of the highest activation. */
  readonly peak: number;
  readonly activations: readonly number[];
}

/** Tokens shown before and after a peak. */
export const CONTEXT = { before: 23, after: 8 } as const;

/**
 * The `most` passages of feature `f` with the highest peaks, highest first, one from each window of `length` tokens;
 * of equal peaks the earlier window first.
 */
export function topPassages(
  entries: FeatureEntries,
  f: number,
  places: RowPlaces,
  length: number,
  most = 12,
): PassagePlace[] {
  const peaks = new Map<number, { at: number; value: number }>();
  const activation = new Map<number, number>();
  for (let i = entries.starts[f]!; i < entries.starts[f + 1]!; i++) {
    const row = entries.row[i]!;
    const value = entries.value[i]!;
    const window = places.window[row]!;
    activation.set(window * length + places.position[row]!, value);
    const known = peaks.get(window);
    if (known === undefined || value > known.value) peaks.set(window, { at: places.position[row]!, value });
  }
  return [...peaks]
    .sort(([a, p], [b, q]) => q.value - p.value || a - b)
    .slice(0, most)
    .map(([window, { at }]) => {
      const from = Math.max(0, at - CONTEXT.before);
      const to = Math.min(length, at + CONTEXT.after + 1);
      const activations = Array.from(
        { length: to - from },
        (_, i) => activation.get(window * length + from + i) ?? 0,
      );
      return { window, from, to, peak: at, activations };
    });
}
