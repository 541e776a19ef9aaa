/** @file Inputs of a toy model, and its hidden states: what a dictionary is trained on. */
import type { Random } from '../core/random.ts';
import type { ToyTask, ToyWeights } from './types.ts';

/** Rows of inputs x [rows, n], as the task draws them. */
export function sampleInputs(task: ToyTask, rows: number, random: Random): Float64Array {
  const { features: n, sparsity, kind, groups } = task;
  const x = new Float64Array(rows * n);
  const active = 1 - sparsity;
  const value = () => (kind === 'absolute' ? 2 * random.uniform() - 1 : random.uniform());
  const grouped = new Set(groups.flatMap((group) => group.features));
  for (let row = 0; row < rows; row++) {
    const at = row * n;
    for (let i = 0; i < n; i++) if (!grouped.has(i) && random.uniform() < active) x[at + i] = value();
    for (const group of groups) {
      const chance = random.uniform();
      for (const [k, i] of group.features.entries())
        if (group.kind === 'together' ? chance < active : Math.floor(chance / active) === k)
          x[at + i] = value();
    }
  }
  return x;
}

/** Hidden states h [rows, m] of inputs [rows, n]: Wx, or ReLU(W₁x) of the absolute-value model. */
export function hiddenStates(weights: ToyWeights, x: Float64Array): Float64Array {
  const { features: n, neurons: m, W_NM, encoder_NM } = weights;
  const encoder = encoder_NM ?? W_NM;
  const h = new Float64Array((x.length / n) * m);
  for (let row = 0; row * n < x.length; row++) {
    for (let i = 0; i < n; i++) {
      const value = x[row * n + i]!;
      if (value !== 0) for (let k = 0; k < m; k++) h[row * m + k]! += value * encoder[i * m + k]!;
    }
    if (encoder_NM) for (let k = row * m; k < (row + 1) * m; k++) h[k] = Math.max(0, h[k]!);
  }
  return h;
}

/** Outputs x′ [rows, n] of hidden states [rows, m]. */
export function outputs({ kind }: ToyTask, weights: ToyWeights, h: Float64Array): Float64Array {
  const { features: n, neurons: m, W_NM, b_N } = weights;
  const y = new Float64Array((h.length / m) * n);
  for (let row = 0; row * m < h.length; row++)
    for (let i = 0; i < n; i++) {
      let sum = b_N[i]!;
      for (let k = 0; k < m; k++) sum += W_NM[i * m + k]! * h[row * m + k]!;
      y[row * n + i] = kind === 'linear' ? sum : Math.max(0, sum);
    }
  return y;
}

/** Rows without those that are all 0 (no feature was active). */
export function nonZeroRows(h: Float64Array, m: number): Float64Array {
  const kept: number[] = [];
  for (let at = 0; at < h.length; at += m) {
    const row = h.subarray(at, at + m);
    if (row.some((value) => value !== 0)) kept.push(...row);
  }
  return Float64Array.from(kept);
}
