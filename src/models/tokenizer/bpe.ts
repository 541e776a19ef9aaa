/** @file Byte-pair encoding (Sennrich et al. 2016, arXiv:1508.07909): the pair that was learned first is merged first. */
import { z } from 'zod';
import type { Part } from './part.ts';

/** Token ids of one piece. */
export type EncodePiece = (piece: string) => readonly number[];

const merges = z.array(z.union([z.string(), z.tuple([z.string(), z.string()])]));
const optionalText = z.string().nullish();
const truth = z.boolean().nullish();
const schema = z.looseObject({
  vocab: z.record(z.string(), z.number().int().nonnegative()),
  merges: merges.default([]),
  unk_token: optionalText,
  continuing_subword_prefix: optionalText,
  end_of_word_suffix: optionalText,
  fuse_unk: truth,
  byte_fallback: truth,
  ignore_merges: truth,
});

/** Pieces that are remembered: words come again and again. */
const REMEMBERED = 2 ** 16;

/** @throws ZodError, TypeError when the part is no BPE model */
export function bpe(of: Part): { encode: EncodePiece; vocabulary: ReadonlyMap<string, number> } {
  const parsed = schema.parse(of);
  const vocabulary = new Map(Object.entries(parsed.vocab));
  const prefix = parsed.continuing_subword_prefix ?? '';
  const suffix = parsed.end_of_word_suffix ?? '';
  const unknown = parsed.unk_token == null ? undefined : vocabulary.get(parsed.unk_token);
  let size = 0;
  for (const id of vocabulary.values()) size = Math.max(size, id + 1);
  /** From a pair of ids to the rank of its merge and what it becomes. */
  const pairs = new Map<number, { rank: number; to: number }>();
  parsed.merges.forEach((merge, rank) => {
    const [a, b] = typeof merge === 'string' ? (merge.split(' ') as [string, string]) : merge;
    const [left, right, to] = [a, b, a + (b ?? '').slice(prefix.length)].map((token) =>
      vocabulary.get(token),
    );
    if (left === undefined || right === undefined || to === undefined)
      throw new TypeError(`its merge ${rank} ("${a} ${b}") is of tokens that it has not`);
    const key = left * size + right;
    if (!pairs.has(key)) pairs.set(key, { rank, to });
  });
  const byteToken = Array.from({ length: 256 }, (_, b) =>
    vocabulary.get(`<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`),
  );
  const encoder = new TextEncoder();

  /** One id per character, or per byte, or the unknown token (once for many in a row where they are fused). */
  const characters = (piece: string): number[] => {
    const ids: number[] = [];
    const all = [...piece];
    let unknownBefore = false;
    all.forEach((character, i) => {
      const written = (i > 0 ? prefix : '') + character + (i === all.length - 1 ? suffix : '');
      const id = vocabulary.get(written);
      if (id !== undefined) {
        ids.push(id);
        unknownBefore = false;
        return;
      }
      if (parsed.byte_fallback) {
        const bytes = Array.from(encoder.encode(written), (b) => byteToken[b]);
        if (bytes.every((b) => b !== undefined)) {
          ids.push(...bytes);
          unknownBefore = false;
          return;
        }
      }
      if (unknown === undefined) return;
      if (!(parsed.fuse_unk && unknownBefore)) ids.push(unknown);
      unknownBefore = true;
    });
    return ids;
  };

  const known = new Map<string, readonly number[]>();
  const encode: EncodePiece = (piece) => {
    const before = known.get(piece);
    if (before) return before;
    const whole = parsed.ignore_merges ? vocabulary.get(piece) : undefined;
    const ids =
      whole === undefined ? mergeAll(characters(piece), (a, b) => pairs.get(a * size + b)) : [whole];
    if (piece.length < 256) {
      if (known.size >= REMEMBERED) known.clear();
      known.set(piece, ids);
    }
    return ids;
  };
  return { encode, vocabulary };
}

type Merge = { readonly rank: number; readonly to: number } | undefined;

/** Merges the pair of the lowest rank, the leftmost of equals, until there is none. */
function mergeAll(ids: number[], mergeOf: (a: number, b: number) => Merge): number[] {
  const next = ids.map((_, i) => i + 1);
  const previous = ids.map((_, i) => i - 1);
  const waiting = heap();
  const propose = (left: number) => {
    const right = next[left]!;
    if (left < 0 || right >= ids.length) return;
    const merge = mergeOf(ids[left]!, ids[right]!);
    if (merge)
      waiting.push({ rank: merge.rank, at: left, to: merge.to, left: ids[left]!, right: ids[right]! });
  };
  for (let i = 0; i + 1 < ids.length; i++) propose(i);
  for (let best = waiting.pop(); best; best = waiting.pop()) {
    const { at, to } = best;
    const right = next[at]!;
    // What was proposed may have been merged away since.
    if (ids[at] !== best.left || right >= ids.length || ids[right] !== best.right) continue;
    ids[at] = to;
    ids[right] = -1;
    next[at] = next[right]!;
    if (next[at]! < ids.length) previous[next[at]!] = at;
    if (previous[at]! >= 0) propose(previous[at]!);
    propose(at);
  }
  return ids.filter((id) => id >= 0);
}

interface Proposal {
  readonly rank: number;
  readonly at: number;
  readonly to: number;
  readonly left: number;
  readonly right: number;
}

/** A binary heap: lowest rank first, then leftmost. */
function heap() {
  const items: Proposal[] = [];
  const before = (a: Proposal, b: Proposal) => a.rank < b.rank || (a.rank === b.rank && a.at < b.at);
  return {
    push(item: Proposal) {
      let i = items.push(item) - 1;
      while (i > 0) {
        const parent = (i - 1) >> 1;
        if (!before(item, items[parent]!)) break;
        items[i] = items[parent]!;
        i = parent;
      }
      items[i] = item;
    },
    pop(): Proposal | undefined {
      const top = items[0];
      const last = items.pop();
      if (!last || items.length === 0) return top;
      let i = 0;
      for (;;) {
        let child = 2 * i + 1;
        if (child >= items.length) break;
        if (child + 1 < items.length && before(items[child + 1]!, items[child]!)) child++;
        if (!before(items[child]!, last)) break;
        items[i] = items[child]!;
        i = child;
      }
      items[i] = last;
      return top;
    },
  };
}
