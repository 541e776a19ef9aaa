/** @file Rotary position embedding (Su et al. 2021, arXiv:2104.09864, §3.2.2), half-split form: angles and graph. */
import { emptyArray, type Tensor, tensor } from '../core/tensor.ts';
import type { GraphBuilder } from '../graph/build.ts';
import type { ModelShape } from './types.ts';

/** Positions that the tables cover: the model's context, at most this many. */
const LONGEST_TABLE = 8192;

/** Names of the two tables among the graph's weights. */
export const ROTARY = { cos: 'rotary.cos', sin: 'rotary.sin' } as const;

/** Longest text, in tokens, that graphs of this model accept. */
export const longestText = (shape: ModelShape): number => Math.min(shape.context, LONGEST_TABLE);

/** Rotation angles per position step: base^(−2i/headWidth), divided by the model's factors. */
function rotaryFrequencies(shape: ModelShape): number[] {
  const half = shape.headWidth / 2;
  return Array.from(
    { length: half },
    (_, i) => shape.ropeBase ** (-i / half) / (shape.ropeFactors?.[i] ?? 1),
  );
}

/**
 * Tables [positions, headWidth]. With (a, b) the halves of a head's vector, rotation by θ is
 * (a, b)·cos + (b, a)·sin where the first half of the sin table carries the minus sign.
 */
export function rotaryTables(
  shape: ModelShape,
  dtype: 'float32' | 'float64' = 'float32',
): { cos: Tensor; sin: Tensor } {
  const [positions, half] = [longestText(shape), shape.headWidth / 2];
  const frequencies = rotaryFrequencies(shape);
  const cos = emptyArray(dtype, positions * 2 * half);
  const sin = emptyArray(dtype, positions * 2 * half);
  for (let p = 0; p < positions; p++) {
    for (let i = 0; i < half; i++) {
      const angle = p * frequencies[i]!;
      const at = p * 2 * half + i;
      cos[at] = cos[at + half] = Math.cos(angle);
      sin[at + half] = Math.sin(angle);
      sin[at] = -sin[at + half]!;
    }
  }
  const size = [positions, 2 * half];
  return { cos: tensor(dtype, size, cos), sin: tensor(dtype, size, sin) };
}

/** Rotates x [batch, position, head, headWidth]; cos and sin are [position, 1, headWidth]. */
export function rotate(
  b: GraphBuilder,
  x: string,
  cos: string,
  sin: string,
  headWidth: number,
  name: string,
): string {
  const half = headWidth / 2;
  const [first, second] = b.ops('Split', [x, b.ints(half, half)], 2, { axis: { int: -1 } });
  const swapped = b.op('Concat', [second!, first!], { axis: { int: -1 } });
  return b.op('Add', [b.op('Mul', [x, cos]), b.op('Mul', [swapped, sin])], {}, name);
}
