/** @file Rotary position embedding (Su et al. 2021, arXiv:2104.09864), both layouts, from its tables of cosines and sines. */
import { intAttribute } from '../../graph/attributes.ts';
import type { Emitter } from '../emit.ts';
import type { Rule } from '../rule.ts';
import { joinHeads, splitHeads } from './attention-core.ts';

/**
 * x [B, H, S, D] turned by cos and sin [B or 1, S, R/2]; numbers past R are passed on. `interleaved`: pairs are
 * neighbours (GPT-J); otherwise half apart (GPT-NeoX).
 */
export function turned(e: Emitter, x: string, cos: string, sin: string, interleaved: boolean): string {
  const half = Number(e.shape(cos).at(-1));
  const width = Number(e.shape(x)[3]);
  const slice = (from: number, to: number, step = 1) =>
    e.op('Slice', [x, e.ints(from), e.ints(to), e.ints(3), e.ints(step)]);
  const [a, b] = interleaved
    ? [slice(0, 2 * half, 2), slice(1, 2 * half, 2)]
    : [slice(0, half), slice(half, 2 * half)];
  const [c, s] = [e.op('Unsqueeze', [cos, e.ints(1)]), e.op('Unsqueeze', [sin, e.ints(1)])];
  const first = e.sub(e.mul(a, c), e.mul(b, s));
  const second = e.add(e.mul(b, c), e.mul(a, s));
  const whole = interleaved
    ? e.op('Reshape', [
        e.op('Concat', [e.op('Unsqueeze', [first, e.ints(4)]), e.op('Unsqueeze', [second, e.ints(4)])], {
          axis: { int: 4 },
        }),
        e.ints(0, 0, 0, 2 * half),
      ])
    : e.op('Concat', [first, second], { axis: { int: 3 } });
  return 2 * half === width ? whole : e.op('Concat', [whole, slice(2 * half, width)], { axis: { int: 3 } });
}

/** Rows of the tables at `positions` int64 [B or 1, S]: [B or 1, S, R/2]. */
export const tableRows = (e: Emitter, table: string, positions: string): string =>
  e.op('Gather', [table, positions]);

/** 0 … S−1 from `offset` (int64 [1]) on, as int64 [1, S]; `length` int64 [1]. */
export function positionsFrom(e: Emitter, offset: string, length: string): string {
  const scalar = (v: string) => e.op('Squeeze', [v]);
  const range = e.op('Range', [scalar(e.ints(0)), scalar(length), e.op('Squeeze', [e.ints(1)])]);
  return e.op('Unsqueeze', [e.add(range, offset), e.ints(0)]);
}

/** Rotates x in the layout in which it came. */
function inPlace(e: Emitter, x: string, heads: number, turn: (x_BHSD: string) => string): string {
  if (e.shape(x).length === 4) return turn(x);
  return joinHeads(e, turn(splitHeads(e, x, heads)));
}

export const rotaryRules: Readonly<Record<string, Rule>> = {
  /** onnxruntime: (x, positions [1] or [B, S], cos, sin [max, R/2]). */
  'com.microsoft:RotaryEmbedding': {
    kind: 'lower',
    lower(e, node) {
      const [x, positions, cos, sin] = node.inputs as [string, string, string, string];
      const shape = e.shape(x);
      const given = intAttribute(node, 'num_heads', 0);
      const rotated = 2 * Number(e.shape(cos)[1]);
      const heads = given || Number(shape[2]) / rotated;
      const length = e.op('Shape', [x], { start: { int: shape.length - 2 }, end: { int: shape.length - 1 } });
      const places = e.shape(positions).length === 1 ? positionsFrom(e, positions, length) : positions;
      const interleaved = intAttribute(node, 'interleaved', 0) === 1;
      return [
        inPlace(e, x, heads, (v) =>
          turned(e, v, tableRows(e, cos, places), tableRows(e, sin, places), interleaved),
        ),
      ];
    },
    note: 'taken apart',
  },
  /** ONNX 23: (x, cos, sin, positions?); without positions the tables are [B, S, R/2]. */
  RotaryEmbedding: {
    kind: 'lower',
    lower(e, node) {
      const [x, cos, sin, positions] = node.inputs as [string, string, string, string | undefined];
      const interleaved = intAttribute(node, 'interleaved', 0) === 1;
      const rows = (table: string) => (positions ? tableRows(e, table, positions) : table);
      return [
        inPlace(e, x, intAttribute(node, 'num_heads', 0), (v) =>
          turned(e, v, rows(cos), rows(sin), interleaved),
        ),
      ];
    },
    note: 'taken apart',
  },
};
