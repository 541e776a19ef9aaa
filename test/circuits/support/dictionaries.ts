/** @file Small dictionaries for tests, and a plain reading of them that shares no code with the product. */
import type { Random } from '../../../src/core/random.ts';
import { activeLimit, type Dictionary, type SparseCode } from '../../../src/dictionaries/types.ts';

/** A TopK dictionary with random unit decoder rows; the encoder is its transpose plus noise. */
export function randomDictionary(
  random: Random,
  shape: { site: string; width: number; features: number; k: number },
  modelHash = 'test',
): Dictionary {
  const { width, features, k, site } = shape;
  const W_dec_FD = Float32Array.from({ length: features * width }, () => random.normal());
  for (let i = 0; i < features; i++) {
    const row = W_dec_FD.subarray(i * width, (i + 1) * width);
    const norm = Math.hypot(...row);
    for (let d = 0; d < width; d++) row[d]! /= norm;
  }
  return {
    architecture: 'topk',
    activation: { kind: 'topk', k },
    modelHash,
    ...{ site, width, features },
    W_enc_FD: W_dec_FD.map((w) => w + 0.1 * random.normal()),
    b_enc_F: Float32Array.from({ length: features }, () => 0.1 * random.normal()),
    W_dec_FD,
    b_dec_D: Float32Array.from({ length: width }, () => 0.1 * random.normal()),
    sinkNorm: Number.POSITIVE_INFINITY,
  };
}

/** TopK code of rows by the definition: k largest of ReLU(W_enc x + b_enc) per row. */
export function plainEncode(dictionary: Dictionary, x_BD: ArrayLike<number>): SparseCode {
  const { width, features, W_enc_FD, b_enc_F } = dictionary;
  const k = activeLimit(dictionary)!;
  const rows = x_BD.length / width;
  const indices_BK = new Int32Array(rows * k);
  const values_BK = new Float32Array(rows * k);
  for (let row = 0; row < rows; row++) {
    const pre = Array.from({ length: features }, (_, i) => {
      let sum = b_enc_F[i]!;
      for (let d = 0; d < width; d++) sum += W_enc_FD[i * width + d]! * x_BD[row * width + d]!;
      return { i, value: Math.max(0, sum) };
    });
    pre.sort((a, b) => b.value - a.value);
    for (let j = 0; j < k; j++) {
      indices_BK[row * k + j] = pre[j]!.i;
      values_BK[row * k + j] = pre[j]!.value;
    }
  }
  return { slots: k, indices_BK, values_BK };
}
