/** @file Training a byte-level BPE vocabulary (Sennrich, Haddow & Birch 2016, arXiv:1508.07909, Algorithm 1; bytes as in GPT-2). */
import { NetworkError } from '../core/errors.ts';
import { byteAlphabet } from '../models/bytes.ts';
import type { TokenizerFiles } from '../models/types.ts';
import { pairHeap } from './pair-heap.ts';

export interface BytePairOptions {
  /** Tokens in all: the start token, 256 bytes, and one for each merge. */
  readonly size: number;
  /** The token in front of every text; it gets id 0. */
  readonly start?: string;
  /** Pairs that occur less often are not merged; 2 by default. */
  readonly least?: number;
}

/** Text is cut here before merging: single digits, then GPT-2's words (Radford et al. 2019, encoder.py). */
const DIGIT = /(\p{N})/u;
const WORD = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** A word as the ids of its parts, and how often it occurs. */
interface Word {
  ids: number[];
  readonly count: number;
}

/**
 * A tokenizer of `size` tokens learned from texts: the most frequent pair of neighbours inside a word becomes a token,
 * again and again. Ties go to the pair of smaller ids, so that equal texts give equal tokenizers.
 * The result is a tokenizer.json that openTokenizer() and the Python package `tokenizers` read.
 * @throws NetworkError `network.vocabulary` when the size leaves no room for the bytes or the texts hold too few pairs
 */
export function trainBytePairs(texts: Iterable<string>, options: BytePairOptions): TokenizerFiles {
  const { size, start = '<|endoftext|>', least = 2 } = options;
  const tokens = [start, ...byteAlphabet];
  if (!Number.isInteger(size) || size < tokens.length) throw badSize(size, `it needs ${tokens.length}`);
  const words = countWords(texts, new Map(byteAlphabet.map((letter, byte) => [letter, 1 + byte])));
  const merges: [string, string][] = [];
  const pairs = countPairs(words, size);
  while (tokens.length < size) {
    const best = pairs.best();
    if (!best || best.count < least)
      throw badSize(size, `the text has pairs for ${tokens.length} tokens only`);
    merges.push([tokens[best.left]!, tokens[best.right]!]);
    pairs.merge(best.left, best.right, tokens.length);
    tokens.push(tokens[best.left]! + tokens[best.right]!);
  }
  return tokenizerFiles(tokens, merges, start);
}

/** Ids of the letters of each different word. */
function countWords(texts: Iterable<string>, idOf: ReadonlyMap<string, number>): Word[] {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const piece of text.split(DIGIT)) {
      for (const [word] of piece.matchAll(WORD)) counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  const bytes = new TextEncoder();
  return [...counts].map(([word, count]) => ({
    ids: Array.from(bytes.encode(word), (byte) => idOf.get(byteAlphabet[byte]!)!),
    count,
  }));
}

/** Counts of neighbouring pairs, kept up to date while pairs are merged. */
function countPairs(words: readonly Word[], size: number) {
  const counts = new Map<number, number>();
  const places = new Map<number, Set<number>>();
  const keyOf = (left: number, right: number) => left * size + right;
  const heap = pairHeap((key) => counts.get(key) ?? 0);
  const add = (left: number, right: number, by: number, word: number) => {
    const key = keyOf(left, right);
    counts.set(key, (counts.get(key) ?? 0) + by);
    if (by > 0) {
      const found = places.get(key);
      if (found) found.add(word);
      else places.set(key, new Set([word]));
    }
    return key;
  };
  words.forEach(({ ids, count }, word) => {
    for (let i = 1; i < ids.length; i++) add(ids[i - 1]!, ids[i]!, count, word);
  });
  for (const key of counts.keys()) heap.push(key);
  return {
    /** The most frequent pair. */
    best() {
      const key = heap.pop();
      if (key === undefined) return undefined;
      return { left: Math.floor(key / size), right: key % size, count: counts.get(key)! };
    },
    /** Puts `id` in the place of every pair (left, right), from left to right in each word. */
    merge(left: number, right: number, id: number) {
      const changed = new Set<number>();
      const at = [...(places.get(keyOf(left, right)) ?? [])];
      for (const w of at) {
        const word = words[w]!;
        const { ids, count } = word;
        for (let i = 1; i < ids.length; i++) changed.add(add(ids[i - 1]!, ids[i]!, -count, w));
        const merged: number[] = [];
        for (let i = 0; i < ids.length; i++) {
          const here = ids[i] === left && ids[i + 1] === right;
          merged.push(here ? id : ids[i]!);
          if (here) i++;
        }
        word.ids = merged;
        for (let i = 1; i < merged.length; i++) changed.add(add(merged[i - 1]!, merged[i]!, count, w));
      }
      const gone = keyOf(left, right);
      places.delete(gone);
      counts.delete(gone);
      changed.delete(gone);
      for (const key of changed) {
        if ((counts.get(key) ?? 0) > 0) heap.push(key);
        else {
          counts.delete(key);
          places.delete(key);
        }
      }
    },
  };
}

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };

function tokenizerFiles(
  tokens: readonly string[],
  merges: readonly [string, string][],
  start: string,
): TokenizerFiles {
  return {
    tokenizer: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: [
        {
          id: 0,
          content: start,
          single_word: false,
          lstrip: false,
          rstrip: false,
          normalized: false,
          special: true,
        },
      ],
      normalizer: null,
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel],
      },
      post_processor: null,
      decoder: byteLevel,
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
        merges: merges.map(([left, right]) => `${left} ${right}`),
      },
    },
    config: {
      tokenizer_class: 'PreTrainedTokenizerFast',
      add_bos_token: true,
      bos_token: start,
      eos_token: start,
    },
  };
}

const badSize = (size: number, why: string) =>
  new NetworkError('network.vocabulary', `a vocabulary of ${size} tokens cannot be learned: ${why}`, {
    hint: 'choose another size, at least 257, or give more text',
  });
