import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openTokenizer } from '../../src/models/tokenizer.ts';
import { compareTokens, referenceKinds, referenceStrings, referenceTokenizer } from '../support/token-ids.ts';

const kinds = Object.keys(referenceKinds).filter((kind) =>
  existsSync(`test/oracles/tokenizers/${kind}.json.gz`),
);

test('the strings are ten thousand, of many scripts', () => {
  expect(referenceStrings.length).toBe(10_000);
  const all = referenceStrings.join('');
  for (const script of [
    'Latin',
    'Cyrillic',
    'Greek',
    'Hebrew',
    'Arabic',
    'Devanagari',
    'Thai',
    'Han',
    'Hangul',
    'Katakana',
  ])
    expect(all.match(new RegExp(`\\p{Script=${script}}`, 'gu'))?.length ?? 0, script).toBeGreaterThan(500);
  expect(all.match(/\p{Emoji_Presentation}/gu)?.length).toBeGreaterThan(500);
  expect(kinds.length).toBe(12);
});

describe.each(kinds)('%s', (kind) => {
  test('gives the ids of the Rust library for all strings, and the same texts back', () => {
    const tokenizer = openTokenizer({ tokenizer: referenceTokenizer(kind), config: {} }, kind);
    const { first, ...found } = compareTokens(referenceKinds[kind]!, tokenizer);
    expect(first).toBeUndefined();
    const { ids, sha256, decoded } = referenceKinds[kind]!;
    expect(found).toEqual({ ids, sha256, decoded });
  });
});
