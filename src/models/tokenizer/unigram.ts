/** @file Unigram model (Kudo 2018, arXiv:1804.10959, §3.2): the most probable segmentation, found by Viterbi. */
import { z } from 'zod';
import type { EncodePiece } from './bpe.ts';
import type { Part } from './part.ts';

const schema = z.looseObject({
  vocab: z.array(z.tuple([z.string(), z.number()])).min(1),
  unk_id: z.number().int().nonnegative().nullish(),
  byte_fallback: z.boolean().nullish(),
});

/** Sentencepiece's penalty of a character that no token has, below the worst token. */
const UNKNOWN_PENALTY = 10;

interface TrieNode {
  readonly children: Map<string, TrieNode>;
  id?: number;
}

/** @throws ZodError when the part is no unigram model */
export function unigram(of: Part): { encode: EncodePiece; vocabulary: ReadonlyMap<string, number> } {
  const { vocab, unk_id: unknown, byte_fallback: usesBytes } = schema.parse(of);
  const vocabulary = new Map(vocab.map(([token], id) => [token, id] as const));
  const trie: TrieNode = { children: new Map() };
  let worst = Number.POSITIVE_INFINITY;
  vocab.forEach(([token, score], id) => {
    worst = Math.min(worst, score);
    let node = trie;
    for (const c of token) {
      const child: TrieNode = node.children.get(c) ?? { children: new Map() };
      node.children.set(c, child);
      node = child;
    }
    if (token !== '') node.id = id;
  });
  const byteToken = Array.from({ length: 256 }, (_, b) =>
    vocabulary.get(`<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`),
  );
  const encoder = new TextEncoder();

  /** Ids of text that no token covers. */
  const uncovered = (text: string): number[] => {
    if (usesBytes) {
      const bytes = Array.from(encoder.encode(text), (b) => byteToken[b]);
      if (bytes.every((b) => b !== undefined)) return bytes;
    }
    return unknown == null ? [] : [unknown];
  };

  const encode: EncodePiece = (piece) => {
    const characters = [...piece];
    const n = characters.length;
    const score = new Float64Array(n + 1);
    const from = new Int32Array(n + 1).fill(-1);
    const by = new Int32Array(n + 1);
    const offer = (start: number, end: number, id: number, gain: number) => {
      const total = score[start]! + gain;
      if (from[end]! >= 0 && total <= score[end]!) return;
      score[end] = total;
      from[end] = start;
      by[end] = id;
    };
    for (let start = 0; start < n; start++) {
      let single = false;
      let node: TrieNode | undefined = trie;
      for (let end = start; end < n; end++) {
        node = node.children.get(characters[end]!);
        if (!node) break;
        if (node.id === undefined) continue;
        offer(start, end + 1, node.id, vocab[node.id]![1]);
        single ||= end === start;
      }
      if (!single) offer(start, start + 1, -1, worst - UNKNOWN_PENALTY);
    }
    const ids: number[] = [];
    for (let end = n; end > 0; ) {
      let start = from[end]!;
      if (by[end] !== -1 && by[end] !== unknown) ids.push(by[end]!);
      else {
        // Characters in a row that no token has are one unknown.
        while (start > 0 && (by[start] === -1 || by[start] === unknown)) start = from[start]!;
        ids.push(...uncovered(characters.slice(start, end).join('')).reverse());
      }
      end = start;
    }
    return ids.reverse();
  };
  return { encode, vocabulary };
}
