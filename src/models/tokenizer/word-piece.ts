/** @file WordPiece (Wu et al. 2016, arXiv:1609.08144): the longest known beginning, then the longest known continuation; and whole words. */
import { z } from 'zod';
import type { EncodePiece } from './bpe.ts';
import type { Part } from './part.ts';

const vocab = z.record(z.string(), z.number().int().nonnegative());
const schema = z.looseObject({
  vocab,
  unk_token: z.string(),
  continuing_subword_prefix: z.string().nullish(),
  max_input_chars_per_word: z.number().nullish(),
});

/** @throws ZodError when the part is no WordPiece model */
export function wordPiece(of: Part): { encode: EncodePiece; vocabulary: ReadonlyMap<string, number> } {
  const parsed = schema.parse(of);
  const vocabulary = new Map(Object.entries(parsed.vocab));
  const prefix = parsed.continuing_subword_prefix ?? '##';
  const most = parsed.max_input_chars_per_word ?? 100;
  const unknown = vocabulary.get(parsed.unk_token);
  const asUnknown = unknown === undefined ? [] : [unknown];
  let longest = 0;
  for (const token of vocabulary.keys()) longest = Math.max(longest, [...token].length);
  const encode: EncodePiece = (word) => {
    const characters = [...word];
    if (characters.length > most) return asUnknown;
    const ids: number[] = [];
    for (let start = 0; start < characters.length; ) {
      let end = Math.min(characters.length, start + longest);
      let id: number | undefined;
      for (; end > start; end--) {
        id = vocabulary.get((start > 0 ? prefix : '') + characters.slice(start, end).join(''));
        if (id !== undefined) break;
      }
      if (id === undefined) return asUnknown;
      ids.push(id);
      start = end;
    }
    return ids;
  };
  return { encode, vocabulary };
}

/** One token per piece. @throws ZodError when the part is no WordLevel model */
export function wordLevel(of: Part): { encode: EncodePiece; vocabulary: ReadonlyMap<string, number> } {
  const parsed = z.looseObject({ vocab, unk_token: z.string() }).parse(of);
  const vocabulary = new Map(Object.entries(parsed.vocab));
  const unknown = vocabulary.get(parsed.unk_token);
  return {
    vocabulary,
    encode(word) {
      const id = vocabulary.get(word) ?? unknown;
      return id === undefined ? [] : [id];
    },
  };
}
