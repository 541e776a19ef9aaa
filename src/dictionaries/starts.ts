/** @file Where training starts: decoder and encoder rows, biases, thresholds; from chance or from the data. */
import type { Random } from '../core/random.ts';
import { f32 } from '../core/tensor.ts';
import type { Parameters } from './losses/objective.ts';
import { parameterNames } from './losses/objective.ts';
import { isTranscoder, type TrainingPlan } from './plan.ts';
import { type ActivationRows, rowCount } from './rows.ts';
import { type RowScaling, type Scalings, scaleRow } from './scaling.ts';

/** Rows that a geometric median is taken of, at most (dictionary_learning takes its first batch, 8192). */
const MEDIAN_ROWS = 8192;

/** Start values of a plan's parameters, in normalised units. */
export function startParameters(
  plan: TrainingPlan,
  source: ActivationRows,
  { input, output }: Scalings,
  random: Random,
): Parameters {
  const { width: D, outputWidth: E, features: F, start } = plan;
  const crossing = isTranscoder(plan.architecture);
  const directions =
    start.from === 'data'
      ? fromData(F, source, crossing ? [input, output] : [input], random)
      : { enc: units(F, D, random), dec: crossing ? units(F, E, random) : undefined };
  const target = crossing ? { x: source.y_NE!, scaling: output } : { x: source.x_ND, scaling: input };
  const all: Parameters = {
    W_enc_FD: f32([F, D], scaled(directions.enc, start.encoderNorm)),
    b_enc_F: f32([F], new Float32Array(F)),
    W_dec_FD: f32([F, E], scaled(directions.dec ?? directions.enc, start.decoderNorm)),
    b_dec_D: f32([E], startBias(start.bias, target.x, target.scaling)),
    r_mag_F: f32([F], new Float32Array(F)),
    b_mag_F: f32([F], new Float32Array(F)),
    threshold_F: f32([F], new Float32Array(F).fill(plan.threshold)),
    W_skip_ED: f32([E, D], new Float32Array(E * D)),
  };
  return Object.fromEntries(parameterNames(plan).map((name) => [name, all[name]!]));
}

const scaled = (rows: Float32Array, norm: number) => (norm === 1 ? rows : rows.map((v) => v * norm));

/** Random unit rows [F, D]. */
function units(F: number, D: number, random: Random): Float32Array {
  const rows = new Float32Array(F * D);
  for (let f = 0; f < F; f++) {
    const row = rows.subarray(f * D, (f + 1) * D);
    do for (let d = 0; d < D; d++) row[d] = random.normal();
    while (!toUnit(row));
  }
  return rows;
}

/** Scales a row to norm 1; false when it is too small for that. */
function toUnit(row: Float32Array): boolean {
  let square = 0;
  for (let d = 0; d < row.length; d++) square += row[d]! ** 2;
  if (!(square > 1e-12)) return false;
  const factor = 1 / Math.sqrt(square);
  for (let d = 0; d < row.length; d++) row[d]! *= factor;
  return true;
}

/** Directions of rows of the data about their mean, none twice; random ones where there are too few. */
function fromData(
  F: number,
  source: ActivationRows,
  scalings: readonly RowScaling[],
  random: Random,
): { enc: Float32Array; dec: Float32Array | undefined } {
  const rows = rowCount(source);
  const chosen = random.fork('rows').permutation(rows).subarray(0, F);
  const sides = scalings.map((scaling, side) => {
    const x = side === 0 ? source.x_ND : source.y_NE!;
    const D = scaling.centre.length;
    const middle = meanRow(x, scaling, rows);
    const out = units(F, D, random.fork(`side ${side}`));
    const row = new Float32Array(D);
    chosen.forEach((n, f) => {
      scaleRow(scaling, x, n, row, 0);
      for (let d = 0; d < D; d++) row[d]! -= middle[d]!;
      if (toUnit(row)) out.set(row, f * D);
    });
    return out;
  });
  return { enc: sides[0]!, dec: sides[1] };
}

function meanRow(x: Float32Array, scaling: RowScaling, rows: number): Float64Array {
  const D = scaling.centre.length;
  const row = new Float32Array(D);
  const sum = new Float64Array(D);
  for (let n = 0; n < rows; n++) {
    scaleRow(scaling, x, n, row, 0);
    for (let d = 0; d < D; d++) sum[d]! += row[d]! / rows;
  }
  return sum;
}

function startBias(kind: TrainingPlan['start']['bias'], x: Float32Array, scaling: RowScaling): Float32Array {
  const D = scaling.centre.length;
  if (kind === 'zero') return new Float32Array(D);
  const rows = x.length / D;
  if (kind === 'mean') return Float32Array.from(meanRow(x, scaling, rows));
  const n = Math.min(rows, MEDIAN_ROWS);
  const z = new Float32Array(n * D);
  for (let i = 0; i < n; i++) scaleRow(scaling, x, Math.floor((i * rows) / n), z, i * D);
  return Float32Array.from(geometricMedian(z, D));
}

/**
 * The point with the least sum of distances to rows [N, D], by Weiszfeld's iteration (Weiszfeld 1937) from their mean;
 * a row at the point itself gets the weight of a very near one.
 */
export function geometricMedian(
  x_ND: Float32Array,
  width: number,
  { most = 100, tolerance = 1e-5 } = {},
): Float64Array {
  const rows = x_ND.length / width;
  let guess = new Float64Array(width);
  for (let i = 0; i < x_ND.length; i++) guess[i % width]! += x_ND[i]! / rows;
  for (let round = 0; round < most; round++) {
    const next = new Float64Array(width);
    let total = 0;
    for (let n = 0; n < rows; n++) {
      let square = 0;
      for (let d = 0; d < width; d++) square += (x_ND[n * width + d]! - guess[d]!) ** 2;
      const weight = 1 / Math.max(Math.sqrt(square), 1e-12);
      total += weight;
      for (let d = 0; d < width; d++) next[d]! += weight * x_ND[n * width + d]!;
    }
    let moved = 0;
    for (let d = 0; d < width; d++) {
      next[d]! /= total;
      moved += (next[d]! - guess[d]!) ** 2;
    }
    guess = next;
    if (Math.sqrt(moved) < tolerance) break;
  }
  return guess;
}
