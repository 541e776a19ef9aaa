/** @file Rows with few numbers that are not 0: cosines between them, and random projection to fewer columns. */
import type { Random } from '../../core/random.ts';

/** Row r holds `values[start[r]] … values[start[r + 1] − 1]` in columns `columns[…]`, ascending within a row. */
export interface SparseRows {
  readonly rows: number;
  readonly width: number;
  readonly start: Int32Array;
  readonly columns: Int32Array;
  readonly values: Float64Array;
}

/** Rows from maps column → value; zeros are left out. */
export function sparseRows(rows: readonly ReadonlyMap<number, number>[], width: number): SparseRows {
  const kept = rows.map((row) => [...row].filter(([, value]) => value !== 0).sort((a, b) => a[0] - b[0]));
  const start = new Int32Array(rows.length + 1);
  kept.forEach((row, r) => {
    start[r + 1] = start[r]! + row.length;
  });
  return {
    rows: rows.length,
    width,
    start,
    columns: Int32Array.from(kept.flatMap((row) => row.map(([column]) => column))),
    values: Float64Array.from(kept.flatMap((row) => row.map(([, value]) => value))),
  };
}

/** Some of the rows, in that order. */
export function pickRows(
  { start, columns, values, width }: SparseRows,
  picked: readonly number[],
): SparseRows {
  const row = (r: number) =>
    Array.from({ length: start[r + 1]! - start[r]! }, (_, j) => {
      const at = start[r]! + j;
      return [columns[at]!, values[at]!] as const;
    });
  return sparseRows(
    picked.map((r) => new Map(row(r))),
    width,
  );
}

/** Norm of each row. */
const norms = ({ rows, start, values }: SparseRows): Float64Array =>
  Float64Array.from({ length: rows }, (_, r) => {
    let sum = 0;
    for (let j = start[r]!; j < start[r + 1]!; j++) sum += values[j]! ** 2;
    return Math.sqrt(sum);
  });

/** Cosines between all rows, [R, R]; a row of zeros has cosine 0 with all others and 1 with itself. */
export function cosines(x: SparseRows): Float64Array {
  const { rows, start, columns, values, width } = x;
  const norm = norms(x);
  const all = new Float64Array(rows * rows);
  const dense = new Float64Array(width);
  for (let r = 0; r < rows; r++) {
    for (let j = start[r]!; j < start[r + 1]!; j++) dense[columns[j]!] = values[j]!;
    for (let s = r; s < rows; s++) {
      let dot = 0;
      for (let j = start[s]!; j < start[s + 1]!; j++) dot += values[j]! * dense[columns[j]!]!;
      const both = norm[r]! * norm[s]!;
      const cosine = r === s ? 1 : both > 0 ? dot / both : 0;
      all[r * rows + s] = cosine;
      all[s * rows + r] = cosine;
    }
    for (let j = start[r]!; j < start[r + 1]!; j++) dense[columns[j]!] = 0;
  }
  return all;
}

/** Rows with norm 1 (rows of zeros stay). */
export function unitRows(x: SparseRows): SparseRows {
  const norm = norms(x);
  const values = Float64Array.from(x.values);
  for (let r = 0; r < x.rows; r++) {
    for (let j = x.start[r]!; j < x.start[r + 1]!; j++) values[j]! /= norm[r]! || 1;
  }
  return { ...x, values };
}

/**
 * Very sparse random projection (Li, Hastie & Church, KDD 2006): each column goes to `perColumn` random places of the
 * `dimensions` (on average) with sign ±1. Marks et al. (2024, App. G) take 32 of 30,000.
 * @returns dense rows
 */
export function project(
  x: SparseRows,
  dimensions: number,
  random: Random,
  perColumn = Math.min(32, dimensions),
): number[][] {
  const images = new Map<number, readonly { readonly at: number; readonly sign: number }[]>();
  const imageOf = (column: number) => {
    const known = images.get(column);
    if (known) return known;
    // A stream of its own, so that an image does not depend on which columns came before.
    const stream = random.fork(`column ${column}`);
    const image = Array.from({ length: perColumn }, () => ({
      at: stream.integer(dimensions),
      sign: stream.integer(2) === 0 ? 1 : -1,
    }));
    images.set(column, image);
    return image;
  };
  return Array.from({ length: x.rows }, (_, r) => {
    const out = new Array<number>(dimensions).fill(0);
    for (let j = x.start[r]!; j < x.start[r + 1]!; j++) {
      const value = x.values[j]! / Math.sqrt(perColumn);
      for (const { at, sign } of imageOf(x.columns[j]!)) out[at]! += sign * value;
    }
    return out;
  });
}
