/**
 * @file The key–value cache: what makes of a decoder's graph the step graph of generation, in which keys and values of
 * earlier positions come in and those of new positions go out.
 */
import type { GraphBuilder } from '../../graph/build.ts';
import type { Graph } from '../../graph/types.ts';
import type { Parts } from './parts.ts';

/** Names in the step graph: inputs of a layer's past, and values of its new positions, to be appended to the cache. */
export const cacheNames = (layer: number) =>
  ({
    past: { k: `blocks.${layer}.attn.past_k`, v: `blocks.${layer}.attn.past_v` },
    fresh: { k: `blocks.${layer}.attn.new_k`, v: `blocks.${layer}.attn.new_v` },
  }) as const;

/** Which positions a run computes, and which keys it sees; each an int64 value [1]. */
export interface Span {
  /** Positions before the first of this run. */
  readonly before: string;
  /** Positions in this run: the number of queries. */
  readonly queries: string;
  /** Positions before and in this run: the number of keys. */
  readonly keys: string;
}

/** Adds the inputs past_k and past_v [batch, past, kvHeads, headWidth] of every layer. */
export function pastInputs({ b, shape, dtype }: Parts): void {
  for (let layer = 0; layer < shape.layers; layer++) {
    const { past } = cacheNames(layer);
    for (const name of [past.k, past.v])
      b.input(name, dtype, ['batch', 'past', shape.kvHeads, shape.headWidth]);
  }
}

/** The span of a run in which the value `like` [batch, position, …] has the new positions. */
export function spanOf({ b, cache }: Parts, layer: number, like: string): Span {
  const axis = { start: { int: 1 }, end: { int: 2 } };
  const queries = b.op('Shape', [like], axis);
  if (!cache) return { before: b.ints(0), queries, keys: queries };
  const before = b.op('Shape', [cacheNames(layer).past.k], axis);
  return { before, queries, keys: b.op('Add', [before, queries]) };
}

/**
 * Past and new keys (or values) [batch, keys, kvHeads, headWidth] of new ones [batch, queries, …]. What goes into the
 * cache is taken behind the sites, so that it carries what was changed there.
 */
export function withPast({ b, cache }: Parts, layer: number, which: 'k' | 'v', value: string): string {
  if (!cache) return value;
  const { past, fresh } = cacheNames(layer);
  return b.op('Concat', [past[which], b.site(fresh[which], value)], { axis: { int: 1 } });
}

/** The number of positions before those of a run, int64 [1], where `graph` is a step graph; else undefined. */
export function positionsBefore(b: GraphBuilder, graph: Graph): string | undefined {
  const { k } = cacheNames(0).past;
  if (!graph.inputs.some(({ name }) => name === k)) return undefined;
  return b.op('Shape', [k], { start: { int: 1 }, end: { int: 2 } });
}
