/** @file Vocabulary, batches and n-gram models: against hand counts and against their definitions. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import { openTokenizer } from '../../src/models/tokenizer.ts';
import { trainBytePairs } from '../../src/networks/byte-pairs.ts';
import { NEXT } from '../../src/networks/language.ts';
import { ngramModel } from '../../src/networks/ngrams.ts';
import { batchesInOrder, shuffledBatches, splitDocuments } from '../../src/networks/token-stream.ts';

/** Merges of a learned vocabulary, as "left right". */
const mergesOf = (texts: string[], size: number): string[] =>
  (trainBytePairs(texts, { size }).tokenizer as { model: { merges: string[] } }).model.merges;

describe('trainBytePairs', () => {
  test('merges the most frequent pair first, inside words only', () => {
    // "aa" 3 times in "aaab" (positions overlap as the count does), "ab" 2 times; the space never joins from the right.
    expect(mergesOf(['aab aab aac'], 257 + 2)).toEqual(['a a', 'Ġ aa']);
  });
  test('agrees with counting anew after every merge', () => {
    const chance = random(7);
    const letters = 'abcd ';
    const text = Array.from({ length: 600 }, () => letters[chance.integer(5)]).join('');
    expect(mergesOf([text], 257 + 30)).toEqual(slowMerges(text, 30));
  });
  test('gives a tokenizer that loses nothing', () => {
    const tokenizer = openTokenizer(
      trainBytePairs(['the cat and the dog and 12 of the 3'], { size: 262 }),
      'test',
    );
    expect(tokenizer.size).toBe(262);
    expect(tokenizer.bos).toBe(0);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(
          new TextDecoder().decode(new TextEncoder().encode(text)),
        );
      }),
    );
  });
  test('a size without room, or a text without pairs, is an error with a code', () => {
    for (const make of [() => mergesOf(['abc'], 200), () => mergesOf(['a b c'], 300)])
      expect(make).toThrowError(expect.objectContaining({ code: 'network.vocabulary' }));
  });
});

/** Algorithm 1 of Sennrich et al. 2016 without any index. Ties: the pair whose tokens come first. */
function slowMerges(text: string, count: number): string[] {
  let words = [...text.matchAll(/ ?[a-d]+|\s+(?!\S)|\s+/g)].map(([word]) => [...word.replaceAll(' ', 'Ġ')]);
  const order = ['Ġ', 'a', 'b', 'c', 'd'];
  const merges: string[] = [];
  for (let i = 0; i < count; i++) {
    const counts = new Map<string, number>();
    for (const word of words)
      for (let k = 1; k < word.length; k++) {
        const pair = `${word[k - 1]} ${word[k]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    const place = (pair: string) => pair.split(' ').map((token) => order.indexOf(token));
    const [best] = [...counts].sort(([p, a], [q, b]) => {
      const [[l, r], [m, s]] = [place(p), place(q)] as [[number, number], [number, number]];
      return b - a || l - m || r - s;
    })[0]!;
    const [left, right] = best.split(' ') as [string, string];
    merges.push(best);
    order.push(left + right);
    words = words.map((word) => {
      const out: string[] = [];
      for (let k = 0; k < word.length; k++) {
        const here = word[k] === left && word[k + 1] === right;
        out.push(here ? left + right : word[k]!);
        if (here) k++;
      }
      return out;
    });
  }
  return merges;
}

describe('ngramModel', () => {
  const chance = random(3);
  const stream = Int32Array.from({ length: 3000 }, () => Math.floor(12 * chance.uniform() ** 3));
  test('every context has a distribution, also contexts that were never seen', () => {
    for (const order of [1, 2, 3] as const) {
      const model = ngramModel(stream, order, 12);
      for (const context of [
        [0, 1],
        [11, 11],
        [5, 3],
      ]) {
        const total = Array.from({ length: 12 }, (_, w) => model.probability([...context, w], 2)).reduce(
          (a, b) => a + b,
        );
        expect(total).toBeCloseTo(1, 12);
        expect(model.probability([...context, 7], 2)).toBeGreaterThan(0);
      }
    }
  });
  test('a unigram model is the discounted share of each token', () => {
    // Counts 3, 1, 1: nothing was seen twice, so D₁ = n₁/(n₁ + 2n₂)·… = 1 − 0 is out of range and ½ stands for all.
    const model = ngramModel([0, 0, 0, 1, 2], 1, 4);
    const taken = 0.5 * 3;
    expect(model.probability([0], 0)).toBeCloseTo((3 - 0.5 + taken / 4) / 5, 12);
    expect(model.probability([3], 0)).toBeCloseTo(taken / 4 / 5, 12);
  });
  test('a higher order knows a sequence that repeats itself', () => {
    const repeated = Int32Array.from({ length: 999 }, (_, i) => [1, 2, 1, 3][i % 4]!);
    const nats = (order: 1 | 2 | 3) => {
      const model = ngramModel(repeated, order, 5);
      return (
        repeated.reduce((sum, _, at) => sum - Math.log(model.probability(repeated, at)), 0) / repeated.length
      );
    };
    expect(nats(3)).toBeLessThan(0.02);
    expect(nats(2)).toBeGreaterThan(0.3);
    expect(nats(1)).toBeGreaterThan(nats(2));
  });
});

describe('batches', () => {
  const stream = Int32Array.from({ length: 100 }, (_, i) => i + 1);
  const options = { length: 7, batch: 2, start: 0 };
  test('predict each token of a window from those before it', () => {
    const [first] = batchesInOrder(stream, options);
    expect([...(first!.tokens!.data as BigInt64Array)].map(Number)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 0, 8, 9, 10, 11, 12, 13,
    ]);
    expect([...(first![NEXT]!.data as BigInt64Array)].map(Number)).toEqual(
      Array.from({ length: 14 }, (_, i) => i + 1),
    );
  });
  test('a pass sees every window once; a step has the same batch whenever it is asked', () => {
    const batch = shuffledBatches(stream, options, 9);
    const perPass = 6;
    const seen = Array.from({ length: perPass }, (_, step) => [
      ...(batch(step)[NEXT]!.data as BigInt64Array),
    ]).flat();
    expect(new Set(seen).size).toBe(perPass * 14);
    expect(batch(perPass + 1)).not.toEqual(batch(1));
    expect(shuffledBatches(stream, options, 9)(4)).toEqual(batch(4));
  });
  test('too little text is an error with a code', () => {
    expect(() => shuffledBatches(stream, { ...options, batch: 20 }, 1)).toThrowError(
      expect.objectContaining({ code: 'network.too-short' }),
    );
  });
  test('documents are held out whole', () => {
    const documents = Array.from({ length: 40 }, (_, i) => ({
      id: `${i}`,
      title: '',
      text: 'x'.repeat(10 + i),
    }));
    const { train, heldOut } = splitDocuments(documents, { share: 0.2, seed: 1 });
    expect(new Set([...train, ...heldOut].map((d) => d.id)).size).toBe(40);
    const size = (part: readonly { text: string }[]) => part.reduce((sum, d) => sum + d.text.length, 0);
    expect(size(heldOut) / size(documents)).toBeGreaterThanOrEqual(0.2);
    expect(size(heldOut) / size(documents)).toBeLessThan(0.25);
  });
});
