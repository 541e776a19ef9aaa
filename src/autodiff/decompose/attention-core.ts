/** @file The one computation inside of every fused attention layer: softmax(scale·QKᵀ + masks)·V, over heads. */
import type { Emitter } from '../emit.ts';
import { sizeOfAxis } from '../shaping.ts';

/** Queries [B, H, S, D], keys [B, K, T, D] and values [B, K, T, D′]; K divides H (grouped queries). */
export interface Heads {
  readonly q: string;
  readonly k: string;
  readonly v: string;
  readonly heads: number;
  readonly kvHeads: number;
}

export interface AttentionOptions {
  readonly scale: number;
  /** c·tanh(scores / c) before the masks, where c is not 0 (Gemma 2, arXiv:2408.00118). */
  readonly softcap?: number;
  /** Values added to the scores, each broadcastable to [B, H, S, T]. */
  readonly added?: readonly string[];
  /** Booleans broadcastable to [B, H, S, T]: where false nothing is seen. */
  readonly seen?: readonly string[];
  /** Query i sees keys up to i + offset; int64 [1]. */
  readonly causalOffset?: string;
  /** Of those, only the last so many. */
  readonly window?: number;
  /** One more score that takes part in the softmax and belongs to no key (`smooth_softmax`: 0). */
  readonly sink?: number;
}

export interface Attended {
  /** [B, H, S, D′]. */
  readonly z: string;
  /** [B, H, S, T], as multiplied. */
  readonly scores: string;
  /** [B, H, S, T], after softmax. */
  readonly pattern: string;
}

/** What stands for −∞ in masks: the lowest finite float32, so that no row becomes NaN. */
const LOWEST = -3.4028234663852886e38;

/** Scaled dot-product attention (Vaswani et al. 2017, §3.2.1), grouped (Ainslie et al. 2023, arXiv:2305.13245). */
export function attend(e: Emitter, heads: Heads, options: AttentionOptions): Attended {
  const { q, k, v } = heads;
  const keys = e.op('Transpose', [k], { perm: { ints: [0, 1, 3, 2] } });
  const scaled = e.mul(q, e.number(options.scale, q));
  const products = grouped(e, scaled, keys, heads);
  const masked = withMasks(e, capped(e, products, options.softcap), options);
  const pattern = softmax(e, masked, options.sink);
  return { z: grouped(e, pattern, v, heads), scores: products, pattern };
}

function capped(e: Emitter, scores: string, cap: number | undefined): string {
  if (!cap) return scores;
  const c = e.number(cap, scores);
  return e.mul(c, e.op('Tanh', [e.div(scores, c)]));
}

/** Per-head product a [B, H, S, m] · b [B, K, m, n]: query heads of a group lie below each other. */
function grouped(e: Emitter, a: string, b: string, { heads, kvHeads }: Heads): string {
  if (heads === kvHeads) return e.op('MatMul', [a, b]);
  const stacked = e.op('Reshape', [a, e.ints(0, kvHeads, -1, lastOf(e, a))]);
  const product = e.op('MatMul', [stacked, b]);
  const target = e.op('Concat', [e.ints(0, heads), sizeOfAxis(e, a, 2), sizeOfAxis(e, b, 3)], {
    axis: { int: 0 },
  });
  return e.op('Reshape', [product, target]);
}

/** The last size where it is known; 0 copies it otherwise (the rank stays). */
const lastOf = (e: Emitter, name: string): number => {
  const last = e.shape(name).at(-1)!;
  return typeof last === 'number' ? last : 0;
};

function withMasks(e: Emitter, scores: string, options: AttentionOptions): string {
  const { added = [], seen = [], causalOffset, window } = options;
  let masked = added.reduce((sum, term) => e.add(sum, e.cast(term, e.type(scores).dtype)), scores);
  const lowest = e.number(LOWEST, scores);
  for (const mask of seen) masked = e.op('Where', [mask, masked, lowest]);
  if (causalOffset === undefined) return masked;
  const size = e.op('Concat', [sizeOfAxis(e, scores, 2), sizeOfAxis(e, scores, 3)], { axis: { int: 0 } });
  const ones = e.op('Expand', [e.scalar(1, 'float32'), size]);
  const upTo = (offset: string) => e.op('Trilu', [ones, e.op('Squeeze', [offset])], { upper: { int: 0 } });
  const past = upTo(causalOffset);
  const visible =
    window === undefined || window <= 0 ? past : e.sub(past, upTo(e.sub(causalOffset, e.ints(window))));
  return e.op('Where', [e.cast(visible, 'bool'), masked, lowest]);
}

function softmax(e: Emitter, scores: string, sink: number | undefined): string {
  if (sink === undefined) return e.op('Softmax', [scores], { axis: { int: -1 } });
  const first = e.op('Slice', [scores, e.ints(0), e.ints(1), e.ints(3)]);
  const column = e.add(e.mul(first, e.number(0, first)), e.number(sink, first));
  const all = e.op('Softmax', [e.op('Concat', [scores, column], { axis: { int: 3 } })], {
    axis: { int: -1 },
  });
  return e.op('Slice', [all, e.ints(0), e.ints(-1), e.ints(3)]);
}

/** [B, S, H·D] as [B, H, S, D]; a value of rank 4 is passed on. */
export function splitHeads(e: Emitter, x: string, heads: number): string {
  if (e.shape(x).length === 4) return x;
  const apart = e.op('Reshape', [x, e.ints(0, 0, heads, -1)]);
  return e.op('Transpose', [apart], { perm: { ints: [0, 2, 1, 3] } });
}

/** [B, H, S, D] as [B, S, H·D]. */
export function joinHeads(e: Emitter, z: string): string {
  return e.op('Reshape', [e.op('Transpose', [z], { perm: { ints: [0, 2, 1, 3] } }), e.ints(0, 0, -1)]);
}

/** Old and new keys or values behind each other; the new ones alone when there are no old ones. */
export const withPast = (e: Emitter, past: string | undefined, now: string): string =>
  past ? e.op('Concat', [past, now], { axis: { int: 2 } }) : now;
