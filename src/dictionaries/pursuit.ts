/** @file Matching pursuit: features chosen one after the other, each from what the ones before left over (Mallat & Zhang 1993; Costa et al. 2025, arXiv:2506.03093). */
import type { GraphBuilder } from '../graph/build.ts';

/** Indices (int64) and values of the chosen features, [B, k] each, and what is left of the rows, [B, D]. */
export interface Pursuit {
  readonly indices_BK: string;
  readonly values_BK: string;
  readonly residual_BD: string;
}

/**
 * k steps on rows r [B, D] (b_dec taken off already) with decoder rows of norm 1: i = argmax ⟨r, d_i⟩, v = max(0, ⟨r, d_i⟩),
 * r ← r − v d_i. A feature may be chosen again. Of equal products the lower index wins.
 */
export function pursuitInGraph(b: GraphBuilder, rows_BD: string, W_dec_FD: string, k: number): Pursuit {
  const indices: string[] = [];
  const values: string[] = [];
  let r = rows_BD;
  for (let step = 0; step < k; step++) {
    const products = b.op('Gemm', [r, W_dec_FD], { transB: { int: 1 } });
    const index = b.op('ArgMax', [products], { axis: { int: 1 }, keepdims: { int: 1 } });
    const row = b.op('Gather', [W_dec_FD, b.op('Squeeze', [index, b.ints(1)])], { axis: { int: 0 } });
    const { value, rest } = step_(b, r, row);
    indices.push(index);
    values.push(value);
    r = rest;
  }
  const side = { axis: { int: 1 } };
  return {
    indices_BK: b.op('Concat', indices, side),
    values_BK: b.op('Concat', values, side),
    residual_BD: r,
  };
}

/**
 * What is left of rows [B, D] after taking off the features `indices_BK`, differentiable in rows and decoder: the choice
 * is held fixed, the values follow.
 */
export function pursuedInGraph(
  b: GraphBuilder,
  rows_BD: string,
  W_dec_FD: string,
  indices_BK: string,
  k: number,
): string {
  const chosen_BKD = b.op('Gather', [W_dec_FD, indices_BK], { axis: { int: 0 } });
  let r = rows_BD;
  for (let step = 0; step < k; step++) {
    const slice = b.op('Slice', [chosen_BKD, b.ints(step), b.ints(step + 1), b.ints(1)]);
    r = step_(b, r, b.op('Squeeze', [slice, b.ints(1)])).rest;
  }
  return r;
}

/** Value [B, 1] of one feature a row, and the rows without it. */
function step_(b: GraphBuilder, r: string, row_BD: string): { value: string; rest: string } {
  const product = b.op('ReduceSum', [b.op('Mul', [r, row_BD]), b.ints(1)], { keepdims: { int: 1 } });
  const value = b.op('Relu', [product]);
  return { value, rest: b.op('Sub', [r, b.op('Mul', [value, row_BD])]) };
}

/** A pursuit's code as dense features [B, F]: values of a feature that was chosen twice add up. */
export function pursuitFeatures(
  b: GraphBuilder,
  { indices_BK, values_BK }: Pursuit,
  zeros_BF: string,
): string {
  return b.op('ScatterElements', [zeros_BF, indices_BK, values_BK], {
    axis: { int: 1 },
    reduction: { string: 'add' },
  });
}
