/** @file Grouped-query attention (Ainslie et al. 2023, arXiv:2305.13245), causal or not, with its TransformerLens sites. */
import { localTables, longTables, ROTARY, rotate } from '../rotary.ts';
import { type Span, spanOf, withPast } from './cache.ts';
import { causalMask, PADDING_MASK } from './mask.ts';
import { norm } from './norm.ts';
import { linear, type Parts, softCap } from './parts.ts';

/** Where a block stands and what its attention reads. */
interface Place {
  readonly layer: number;
  /** The normed input. */
  readonly x: string;
  /** The residual stream, which tells the number of positions. */
  readonly residual: string;
}

/** Attention of one block; `name` is given to the result [batch, position, width]. */
export function attention(parts: Parts, { layer, x, residual }: Place, name?: string): string {
  const { b, shape, scalar } = parts;
  const { heads, kvHeads, headWidth } = shape;
  const at = `blocks.${layer}.attn`;
  const group = heads / kvHeads;
  const local = isLocal(parts, layer);
  const bias = (of: string) => (shape.biases?.includes('qkv') ? `${at}.b_${of}` : undefined);
  const project = (of: string, count: number) =>
    b.op(
      'Reshape',
      [linear(parts, x, `${at}.W_${of}`, bias(of)), b.ints(0, 0, count, headWidth)],
      {},
      `${at}.hook_${of.toLowerCase()}`,
    );
  const q = project('Q', heads);
  const k = project('K', kvHeads);
  const v = project('V', kvHeads);

  const span = spanOf(parts, layer, residual);
  const normed = (value: string, of: 'q' | 'k') =>
    shape.headNorm ? norm(parts, `${at}.${of}_norm`, value, undefined) : value;
  const [rotQ, rotK] = turned(parts, at, normed(q, 'q'), normed(k, 'k'), span, local);

  // The query heads of one group lie below each other, so that each key head is multiplied once, not copied.
  const stacked = b.ints(0, kvHeads, -1, headWidth);
  const perHead = b.op('Transpose', [rotQ], { perm: { ints: [0, 2, 1, 3] } });
  const queries = group === 1 ? perHead : b.op('Reshape', [perHead, stacked]);
  const scaledK = b.op('Mul', [
    withPast(parts, layer, 'k', rotK),
    scalar(shape.attentionScale ?? 1 / Math.sqrt(headWidth)),
  ]);
  const keys = b.op('Transpose', [scaledK], { perm: { ints: [0, 2, 3, 1] } });
  const products = b.op('MatMul', [queries, keys]);
  const perQuery = group === 1 ? products : b.op('Reshape', [products, b.ints(0, heads, -1, 0)]);
  const capped = shape.attentionCap === undefined ? perQuery : softCap(parts, perQuery, shape.attentionCap);
  const scores = masked(parts, capped, span, local, `${at}.hook_attn_scores`);
  const pattern = b.op('Softmax', [scores], { axis: { int: -1 } }, `${at}.hook_pattern`);

  const values = b.op('Transpose', [withPast(parts, layer, 'v', v)], { perm: { ints: [0, 2, 1, 3] } });
  const weights = group === 1 ? pattern : b.op('Reshape', [pattern, b.ints(0, kvHeads, -1, 0)]);
  const mixed = b.op('MatMul', [weights, values]);
  const unstacked = group === 1 ? mixed : b.op('Reshape', [mixed, b.ints(0, heads, -1, headWidth)]);
  const z = b.op('Transpose', [unstacked], { perm: { ints: [0, 2, 1, 3] } }, `${at}.hook_z`);
  const flat = b.op('Reshape', [z, b.ints(0, 0, heads * headWidth)]);
  return linear(parts, flat, `${at}.W_O`, shape.biases?.includes('out') ? `${at}.b_O` : undefined, name);
}

/** Whether a layer's attention reaches only `window` positions back. */
const isLocal = ({ shape }: Parts, layer: number): boolean =>
  shape.window !== undefined && (shape.localLayers?.includes(layer) ?? true);

/** Queries and keys, rotated by their positions where the model has rotary embedding. */
function turned(
  parts: Parts,
  at: string,
  q: string,
  k: string,
  span: Span,
  local: boolean,
): [string, string] {
  const { b, shape } = parts;
  if (shape.ropeBase === 0) return [q, k];
  const names = local && shape.ropeLocalBase !== undefined ? localTables : ROTARY;
  const table = (name: 'cos' | 'sin') => {
    const rows = (of: string) => b.op('Slice', [of, span.before, span.keys, b.ints(0)]);
    if (!shape.ropeLong || names !== ROTARY) return b.op('Unsqueeze', [rows(names[name]), b.ints(1)]);
    const isLong = b.op('Greater', [span.keys, b.ints(shape.ropeLong.after)]);
    const chosen = b.op('Where', [isLong, rows(longTables[name]), rows(names[name])]);
    return b.op('Unsqueeze', [chosen, b.ints(1)]);
  };
  const [cos, sin] = [table('cos'), table('sin')];
  const width = { head: shape.headWidth, turned: shape.ropeWidth ?? shape.headWidth };
  return [
    rotate(b, q, cos, sin, width, `${at}.hook_rot_q`),
    rotate(b, k, cos, sin, width, `${at}.hook_rot_k`),
  ];
}

/** Scores with MASKED added where a query may not look. */
function masked(parts: Parts, scores: string, span: Span, local: boolean, name: string): string {
  const { b, shape } = parts;
  if (shape.kind === 'vision') return b.site(name, scores);
  if (shape.kind === 'encoder') return b.op('Add', [scores, PADDING_MASK], {}, name);
  const mask = causalMask(parts, span, local ? shape.window : undefined);
  return b.op('Add', [scores, mask], {}, name);
}
