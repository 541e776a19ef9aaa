/** @file Dead features begin anew from rows that the dictionary reconstructs badly (Bricken et al. 2023, "Neuron resampling"). */
import type { Random } from '../core/random.ts';

/** A parameter [F, n] (or [F]) as a view that can be written, and the same places of what the optimiser remembers of it. */
export interface Rewritable {
  readonly value: Float32Array;
  readonly remembered: readonly Float32Array[];
}

/** What resampling reads and writes, in normalised units. */
export interface ResampleInputs {
  /** Features to replace. */
  readonly dead: readonly number[];
  /** Absent, with its bias, where the decoder reads as well (matching pursuit). */
  readonly W_enc_FD?: Rewritable | undefined;
  readonly b_enc_F?: Rewritable | undefined;
  readonly W_dec_FD: Rewritable;
  /** The batch as the encoder read it and what it was to predict: the same array, unless a transcoder's. */
  readonly x_BD: Float32Array;
  readonly y_BE: Float32Array;
  readonly b_dec_E: Float32Array;
  /** ‖y − ŷ‖² of each row. */
  readonly errors_B: Float32Array;
  /** Length of a new decoder row. */
  readonly decoderNorm: number;
  readonly random: Random;
}

/** Share of the other features' mean encoder norm that a new encoder row has. */
const ENCODER_SHARE = 0.2;

/**
 * Replaces dead features in place, at most one for each row of the batch. A row is drawn with probability ∝ its squared
 * loss, none twice; the new decoder row is the direction of what the row is to predict (about b_dec), the new encoder row that
 * of what it reads, with 0.2 of the living features' mean encoder norm; bias 0; the optimiser forgets them. Returns those
 * replaced.
 */
export function resample(inputs: ResampleInputs): number[] {
  const { dead, W_enc_FD, b_enc_F, W_dec_FD, x_BD, y_BE, b_dec_E, errors_B, random } = inputs;
  const B = errors_B.length;
  const [D, E] = [x_BD.length / B, y_BE.length / B];
  const encoderNorm = W_enc_FD ? ENCODER_SHARE * livingNorm(W_enc_FD.value, D, new Set(dead)) : 0;
  const weights = Float64Array.from(errors_B, (e) => e * e);
  const replaced: number[] = [];
  for (const f of dead.slice(0, B)) {
    const row = draw(weights, random);
    if (row === undefined) break;
    weights[row] = 0;
    const written = y_BE.subarray(row * E, (row + 1) * E).map((v, e) => v - b_dec_E[e]!);
    const read = x_BD === y_BE ? written : x_BD.subarray(row * D, (row + 1) * D);
    if (!(norm(written) > 0 && norm(read) > 0)) continue;
    put(W_dec_FD, f, written, inputs.decoderNorm);
    if (W_enc_FD) put(W_enc_FD, f, read, encoderNorm);
    if (b_enc_F) forget(b_enc_F, f, 0);
    replaced.push(f);
  }
  return replaced;
}

/** Mean norm of the rows [F, D] that are not dead; 1 where all are. */
function livingNorm(W_FD: Float32Array, D: number, dead: ReadonlySet<number>): number {
  let total = 0;
  let alive = 0;
  for (let f = 0; f < W_FD.length / D; f++) {
    if (dead.has(f)) continue;
    total += norm(W_FD.subarray(f * D, (f + 1) * D));
    alive++;
  }
  return alive > 0 ? total / alive : 1;
}

/** Sets feature f's number of a vector [F] and forgets its moments. */
export function forget({ value, remembered }: Rewritable, f: number, to: number): void {
  value[f] = to;
  for (const memory of remembered) memory[f] = 0;
}

/** Writes the direction of `row` with a length as feature f's row; forgets its moments. */
function put({ value, remembered }: Rewritable, f: number, row: Float32Array, length: number): void {
  const n = row.length;
  const factor = length / norm(row);
  for (let d = 0; d < n; d++) value[f * n + d] = row[d]! * factor;
  for (const memory of remembered) memory.fill(0, f * n, (f + 1) * n);
}

/** An index with probability ∝ its weight; undefined when all are 0. */
function draw(weights: Float64Array, random: Random): number | undefined {
  const total = weights.reduce((a, b) => a + b, 0);
  let left = random.uniform() * total;
  let last: number | undefined;
  for (let i = 0; i < weights.length; i++) {
    if (!(weights[i]! > 0)) continue;
    last = i;
    left -= weights[i]!;
    if (left < 0) break;
  }
  return last;
}

function norm(row: Float32Array): number {
  let square = 0;
  for (let d = 0; d < row.length; d++) square += row[d]! ** 2;
  return Math.sqrt(square);
}
