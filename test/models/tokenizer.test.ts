import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { byteAlphabet, bytesOfToken, showBytes } from '../../src/models/bytes.ts';
import { tokenizerFromGguf } from '../../src/models/gguf-tokenizer.ts';
import { byteTokenizer, openTokenizer } from '../../src/models/tokenizer.ts';

const oracle = JSON.parse(readFileSync('test/oracles/tiny-llama/logits.json', 'utf8')) as {
  tokens: [string, number[]][];
};

/** A byte-level tokenizer of 256 bytes and some merges, as GGUF has it. */
const gguf = (changes: Record<string, unknown> = {}) =>
  new Map<string, unknown>(
    Object.entries({
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': 'smollm',
      'tokenizer.ggml.tokens': ['<|end|>', ...byteAlphabet, 'ab', 'Ġab', '12', 'ĠÂ'],
      'tokenizer.ggml.token_type': [3, ...byteAlphabet.map(() => 1), 1, 1, 1, 1],
      'tokenizer.ggml.merges': ['a b', 'Ġ ab', '1 2', 'Ġ Â'],
      ...changes,
    }),
  );
const open = (changes?: Record<string, unknown>) =>
  openTokenizer(tokenizerFromGguf(gguf(changes), 'test'), 'test');
const [END, AB, SPACE_AB, TWELVE, SPACE_C2] = [0, 257, 258, 259, 260];
const byte = (c: string) => 1 + c.charCodeAt(0);

describe('a tokenizer from GGUF tables', () => {
  test('merges, keeps digits single for "smollm", and finds special tokens in the text', () => {
    const { encode } = open();
    expect(encode('ab ab')).toEqual([AB, SPACE_AB]);
    expect(encode('12')).toEqual([byte('1'), byte('2')]);
    expect(encode('ab<|end|>ab')).toEqual([AB, END, AB]);
    expect(encode('')).toEqual([]);
  });
  test('does not split digits for "gpt-2"', () =>
    expect(open({ 'tokenizer.ggml.pre': 'gpt-2' }).encode('12')).toEqual([TWELVE]));
  test('takes digits of all scripts for digits, as the Rust library does', () => {
    expect(open().encode(' ²')).toEqual([1 + 0x20, 1 + 0xc2, 1 + 0xb2]);
    expect(open({ 'tokenizer.ggml.pre': 'gpt-2' }).encode(' ²')).toEqual([SPACE_C2, 1 + 0xb2]);
  });
  test('adds no start token, but knows it where the model expects one', () => {
    expect(open().bos).toBeUndefined();
    const withBos = open({ 'tokenizer.ggml.bos_token_id': 0, 'tokenizer.ggml.add_bos_token': true });
    expect(withBos.bos).toBe(END);
    expect(withBos.encode('ab')).toEqual([AB]);
  });
  test('decodes what it encodes, whatever the text', () => {
    const { encode, decode } = open();
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => decode(encode(text)) === text),
      { seed: 2 },
    );
  });
  test('shows single tokens: spaces, line ends, parts of characters, special and unknown ones', () => {
    const { token } = open();
    expect([SPACE_AB, END, byte('\n'), 1 + 0xe2, 9999].map(token)).toEqual([
      ' ab',
      '<|end|>',
      '\n',
      '<0xE2>',
      '<9999>',
    ]);
  });
});

describe('a tokenizer.json', () => {
  const files = {
    tokenizer: JSON.parse(readFileSync('test/oracles/tiny-llama/tokenizer.json', 'utf8')) as unknown,
    config: {},
  };
  test.each(oracle.tokens)('gives the ids of the Rust library: %s', (text, ids) =>
    expect(openTokenizer(files, 'test').encode(text)).toEqual(ids),
  );
  test.each([null, {}, { model: {} }, { model: { type: 'Nothing' } }, { model: { type: 'BPE' } }])(
    '%o is refused with a code',
    (tokenizer) =>
      expect(() => openTokenizer({ tokenizer, config: {} }, 'test')).toThrow(
        expect.objectContaining({ code: 'model.tokenizer' }),
      ),
  );
});

describe('the byte alphabet', () => {
  test('has 256 different characters, GPT-2s ones', () => {
    expect(new Set(byteAlphabet).size).toBe(256);
    expect([byteAlphabet[0x20], byteAlphabet[0x0a], byteAlphabet[0x41]]).toEqual(['Ġ', 'Ċ', 'A']);
  });
  test('goes back and forth', () => {
    expect(bytesOfToken('Ġhé')).toEqual(Uint8Array.of(0x20, 0x68, 0xe9));
    expect(bytesOfToken('日')).toBeUndefined();
    expect(showBytes(Uint8Array.of(0xc3, 0xa9))).toBe('é');
    expect(showBytes(Uint8Array.of(0x41, 0xc3))).toBe('A<0xC3>');
  });
});

test('the toy tokenizer has one token per byte', () => {
  const { encode, decode, token } = byteTokenizer();
  expect(encode('aé')).toEqual([97, 0xc3, 0xa9]);
  expect(decode(encode('aé 日'))).toBe('aé 日');
  expect(token(0xc3)).toBe('<0xC3>');
});
