/** @file A tokenizer for tests: each word with its leading space is a token; words with a hyphen are one per part. */
import type { TextTokenizer } from '../../src/data/examples.ts';

export function wordTokenizer(bos?: number): TextTokenizer {
  const ids = new Map<string, number>();
  const words: string[] = [];
  const idOf = (word: string): number => {
    const known = ids.get(word);
    if (known !== undefined) return known;
    ids.set(word, words.length + 10);
    words.push(word);
    return words.length + 9;
  };
  return {
    encode: (text) => (text.match(/\s?[^\s-]+-?|\s/g) ?? []).map(idOf),
    decode: (tokens) => tokens.map((id) => words[id - 10] ?? '<s>').join(''),
    ...(bos === undefined ? {} : { bos }),
  };
}
