/** @file Matching pursuit on rows in memory: the sparse code that `pursuit.ts` makes in a graph. */
import type { Dictionary, SparseCode } from './types.ts';

/**
 * Code of rows [B, D]: from what is left, r = x − b_dec at first, k times the feature with the largest ⟨r, d_i⟩ (of equal
 * ones the lower index) gives max(⟨r, d_i⟩, 0) and is taken off. Values of a feature that is chosen twice add up.
 */
export function encodePursuit(d: Dictionary, x_BD: Float32Array): SparseCode {
  const { width: D, features: F, W_dec_FD, b_dec_D, activation } = d;
  const slots = activation.kind === 'pursuit' ? activation.k : 1;
  const rows = x_BD.length / D;
  const indices_BK = new Int32Array(rows * slots);
  const values_BK = new Float32Array(rows * slots);
  const rest = new Float64Array(D);
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < D; j++) rest[j] = x_BD[row * D + j]! - b_dec_D[j]!;
    const chosen = new Map<number, number>();
    for (let round = 0; round < slots; round++) {
      let best = 0;
      let largest = Number.NEGATIVE_INFINITY;
      for (let f = 0; f < F; f++) {
        let sum = 0;
        for (let j = 0; j < D; j++) sum += rest[j]! * W_dec_FD[f * D + j]!;
        if (sum > largest) [largest, best] = [sum, f];
      }
      if (!(largest > 0)) break;
      chosen.set(best, (chosen.get(best) ?? 0) + largest);
      for (let j = 0; j < D; j++) rest[j]! -= largest * W_dec_FD[best * D + j]!;
    }
    [...chosen]
      .sort(([a], [b]) => a - b)
      .forEach(([f, value], i) => {
        indices_BK[row * slots + i] = f;
        values_BK[row * slots + i] = value;
      });
  }
  return { slots, indices_BK, values_BK };
}
