/** @file Edits of rows of the cut: pooled or of one position, since everything here is linear in the row. */
import { erase } from '../erasure/eraser.ts';
import type { BiasProblem, BiasRows, PooledEdit } from './problem.ts';

type Decoder = Pick<BiasProblem, 'width' | 'features' | 'W_dec_FD'>;

/** The states of `rows` under the edit, [N, D] in float64. */
export function editedStates(
  { width: D, features: F, W_dec_FD }: Decoder,
  rows: Pick<BiasRows, 'x_ND' | 'features_NF'>,
  edit: PooledEdit,
): Float64Array {
  const x_ND = Float64Array.from(rows.x_ND);
  const count = x_ND.length / D;
  switch (edit.kind) {
    case 'none':
      return x_ND;
    case 'strengths':
      for (let n = 0; n < count; n++) {
        edit.features.forEach((feature, i) => {
          const taken = (1 - edit.alpha[i]!) * rows.features_NF[n * F + feature]!;
          if (taken === 0) return;
          for (let d = 0; d < D; d++) x_ND[n * D + d]! -= taken * W_dec_FD[feature * D + d]!;
        });
      }
      return x_ND;
    case 'eraser': {
      const erased = erase(edit.eraser, x_ND);
      if (edit.strength === 1) return erased;
      return x_ND.map((value, i) => value + edit.strength * (erased[i]! - value));
    }
    case 'coordinates':
      for (let n = 0; n < count; n++) {
        for (const d of edit.coordinates)
          x_ND[n * D + d]! -= edit.strength * (x_ND[n * D + d]! - edit.mean_D[d]!);
      }
      return x_ND;
  }
}

/** Mean over rows of ‖x′ − x‖. */
export function meanMove(x_ND: ArrayLike<number>, edited_ND: ArrayLike<number>, width: number): number {
  const rows = x_ND.length / width;
  let sum = 0;
  for (let n = 0; n < rows; n++) {
    let square = 0;
    for (let d = n * width; d < (n + 1) * width; d++) square += (edited_ND[d]! - x_ND[d]!) ** 2;
    sum += Math.sqrt(square) / rows;
  }
  return sum;
}

/** Rows of [N, D] by number. */
export function takeRows(x_ND: ArrayLike<number>, width: number, numbers: readonly number[]): Float64Array {
  const out = new Float64Array(numbers.length * width);
  numbers.forEach((n, i) => {
    for (let d = 0; d < width; d++) out[i * width + d] = x_ND[n * width + d]!;
  });
  return out;
}
