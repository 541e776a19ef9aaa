/** @file Rotary position embedding (Su et al. 2021, arXiv:2104.09864, §3.2.2), half-split form: angles and graph. */
import { emptyArray, type Tensor, tensor } from '../core/tensor.ts';
import type { GraphBuilder } from '../graph/build.ts';
import type { ModelShape } from './types.ts';

/** Positions that the tables cover: the model's context, at most this many. */
const LONGEST_TABLE = 8192;

/** Names of the tables among the graph's weights: of all layers, of layers with a window, of long texts. */
export const ROTARY = { cos: 'rotary.cos', sin: 'rotary.sin' } as const;
export const localTables = { cos: 'rotary_local.cos', sin: 'rotary_local.sin' } as const;
export const longTables = { cos: 'rotary_long.cos', sin: 'rotary_long.sin' } as const;

/** Longest text, in tokens, that graphs of this model accept. */
export const longestText = (shape: ModelShape): number =>
  shape.ropeBase === 0 ? shape.context : Math.min(shape.context, LONGEST_TABLE);

/** The tables that a model's graph has among its weights, in order, each made when asked for. */
export function rotaryTables(
  shape: ModelShape,
  dtype: 'float32' | 'float64' = 'float32',
): Map<string, () => Tensor> {
  const tables = new Map<string, () => Tensor>();
  if (shape.ropeBase === 0) return tables;
  const add = (names: { cos: string; sin: string }, base: number, factors?: readonly number[]) => {
    let made: { cos: Tensor; sin: Tensor } | undefined;
    const make = () => {
      made ??= tablesOf(shape, dtype, base, factors);
      return made;
    };
    tables.set(names.cos, () => make().cos);
    tables.set(names.sin, () => make().sin);
  };
  add(ROTARY, shape.ropeBase, shape.ropeFactors);
  if (shape.ropeLocalBase !== undefined) add(localTables, shape.ropeLocalBase);
  if (shape.ropeLong) add(longTables, shape.ropeBase, shape.ropeLong.factors);
  return tables;
}

/**
 * Tables [positions, ropeWidth]; the angle of pair i turns by base^(−2i/ropeWidth) / factors[i] per position. With
 * (a, b) the halves of a head's vector, rotation by θ is (a, b)·cos + (b, a)·sin where the first half of the sin
 * table carries the minus sign.
 */
function tablesOf(
  shape: ModelShape,
  dtype: 'float32' | 'float64',
  base: number,
  factors?: readonly number[],
): { cos: Tensor; sin: Tensor } {
  const { ropeWidth = shape.headWidth, ropeScale = 1 } = shape;
  const [positions, half] = [longestText(shape), ropeWidth / 2];
  const frequencies = Array.from({ length: half }, (_, i) => base ** (-i / half) / (factors?.[i] ?? 1));
  const cos = emptyArray(dtype, positions * 2 * half);
  const sin = emptyArray(dtype, positions * 2 * half);
  for (let p = 0; p < positions; p++) {
    for (let i = 0; i < half; i++) {
      const angle = p * frequencies[i]!;
      const at = p * 2 * half + i;
      cos[at] = cos[at + half] = ropeScale * Math.cos(angle);
      sin[at + half] = ropeScale * Math.sin(angle);
      sin[at] = -sin[at + half]!;
    }
  }
  const size = [positions, 2 * half];
  return { cos: tensor(dtype, size, cos), sin: tensor(dtype, size, sin) };
}

/**
 * Rotates the first `width.turned` numbers of every head of x [batch, position, head, width.head]; cos and sin are
 * [position, 1, width.turned].
 */
export function rotate(
  b: GraphBuilder,
  x: string,
  cos: string,
  sin: string,
  width: { readonly head: number; readonly turned: number },
  name: string,
): string {
  const half = width.turned / 2;
  const turn = (all: string, turned?: string) => {
    const [first, second] = b.ops('Split', [all, b.ints(half, half)], 2, { axis: { int: -1 } });
    const swapped = b.op('Concat', [second!, first!], { axis: { int: -1 } });
    return b.op('Add', [b.op('Mul', [all, cos]), b.op('Mul', [swapped, sin])], {}, turned);
  };
  if (width.turned === width.head) return turn(x, name);
  const sizes = b.ints(width.turned, width.head - width.turned);
  const [part, rest] = b.ops('Split', [x, sizes], 2, { axis: { int: -1 } });
  return b.op('Concat', [turn(part!), rest!], { axis: { int: -1 } }, name);
}
