import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { tokenizerFromGguf } from '../../src/models/gguf-tokenizer.ts';
import { readSentencepiece } from '../../src/models/sentencepiece.ts';
import { openTokenizer } from '../../src/models/tokenizer.ts';
import { readTokenizerFolder } from '../../src/models/tokenizer-folder.ts';
import { temporaryFolder } from '../support/temporary.ts';
import {
  compareTokens,
  referenceKinds,
  referenceStrings,
  referenceTokenizer,
  sentencepieceKinds,
  sentencepieceStrings,
} from '../support/token-ids.ts';

const file = (kind: string) => gunzipSync(readFileSync(`test/oracles/tokenizers/spm_${kind}.model.gz`));
const folder = temporaryFolder();
const idsOnly = ({ ids, sha256 }: { ids: number; sha256: string }) => ({ ids, sha256 });

interface Json {
  added_tokens: { id: number; content: string; special: boolean }[];
  model: { vocab: Record<string, number> | [string, number][]; merges?: [string, string][] };
}

describe.each(Object.keys(sentencepieceKinds))('a tokenizer.model: %s', (kind) => {
  test('gives the ids of sentencepiece', () => {
    const tokenizer = openTokenizer(readSentencepiece(file(kind), kind), kind);
    const { first, ...found } = compareTokens(sentencepieceKinds[kind]!, tokenizer, sentencepieceStrings);
    expect(first).toBeUndefined();
    expect(idsOnly(found)).toEqual(idsOnly(sentencepieceKinds[kind]!));
  });
});

test('a folder with tokenizer.model alone has a tokenizer', async () => {
  const target = join(folder, 'spm');
  mkdirSync(target);
  writeFileSync(join(target, 'tokenizer.model'), file('bpe'));
  const tokenizer = openTokenizer(await readTokenizerFolder(target, 'llama'), target);
  expect(tokenizer.decode(tokenizer.encode('the of and'))).toBe('the of and');
});

test.each([
  ['nothing', Buffer.alloc(0)],
  ['noise', Buffer.from('this is no model at all')],
  ['a cut file', file('bpe').subarray(0, 5000)],
])('%s is refused with a code', (_, bytes) => {
  expect(() => readSentencepiece(bytes, 'x')).toThrow(expect.objectContaining({ code: 'model.tokenizer' }));
});

describe('GGUF', () => {
  test('sentencepiece tables give the ids of the tokenizer.model', () => {
    const json = readSentencepiece(file('bpe'), 'x').tokenizer as Json;
    const vocab = Object.entries(json.model.vocab as Record<string, number>);
    const tokens = vocab.sort((a, b) => a[1] - b[1]).map(([token]) => token);
    const special = new Map(json.added_tokens.map((t) => [t.id, t.special ? 3 : 4]));
    // A piece's score falls with the place of its first merge.
    const scores = new Map<string, number>();
    json.model.merges!.forEach(([a, b], rank) => {
      if (!scores.has(a + b)) scores.set(a + b, -rank);
    });
    const metadata = new Map<string, unknown>([
      ['tokenizer.ggml.model', 'llama'],
      ['tokenizer.ggml.tokens', tokens],
      ['tokenizer.ggml.scores', tokens.map((t) => scores.get(t) ?? -1e6)],
      [
        'tokenizer.ggml.token_type',
        tokens.map((t, id) => (/^<0x..>$/.test(t) ? 6 : id === 0 ? 2 : (special.get(id) ?? 1))),
      ],
      ['tokenizer.ggml.bos_token_id', 1],
    ]);
    const tokenizer = openTokenizer(tokenizerFromGguf(metadata, 'x'), 'x');
    expect(tokenizer.bos).toBe(1);
    const { first, ...found } = compareTokens(sentencepieceKinds.bpe!, tokenizer, sentencepieceStrings);
    expect(first).toBeUndefined();
    expect(idsOnly(found)).toEqual(idsOnly(sentencepieceKinds.bpe!));
  });

  test("WordPiece tables give the ids of BERT's tokenizer", () => {
    const { vocab } = (referenceTokenizer('bert') as Json).model;
    const tokens = Object.entries(vocab as Record<string, number>)
      .sort((a, b) => a[1] - b[1])
      .map(([token]) => token);
    const written = tokens.map((t) => {
      if (/^\[[A-Z]+\]$/.test(t)) return t;
      return t.startsWith('##') ? t.slice(2) : `▁${t}`;
    });
    const metadata = new Map<string, unknown>([
      ['tokenizer.ggml.model', 'bert'],
      ['tokenizer.ggml.tokens', written],
      ['tokenizer.ggml.token_type', written.map((_, id) => (id < 5 ? 3 : 1))],
      ['tokenizer.ggml.unknown_token_id', 1],
      ['tokenizer.ggml.bos_token_id', 2],
      ['tokenizer.ggml.seperator_token_id', 3],
    ]);
    const tokenizer = openTokenizer(tokenizerFromGguf(metadata, 'x'), 'x');
    expect([tokenizer.bos, tokenizer.end]).toEqual([2, 3]);
    // A ▁ of the text itself cannot be told from llama.cpp's mark.
    const skip = (text: string) => text.includes('▁');
    const found = compareTokens(referenceKinds.bert!, tokenizer, referenceStrings, skip);
    expect(found.first).toBeUndefined();
    expect(found.ids).toBeGreaterThan(150_000);
  });
});

describe('the older files of a folder', () => {
  test("vocab.json and merges.txt are GPT-2's tokenizer", async () => {
    const { model } = referenceTokenizer('gpt2') as Json;
    const target = join(folder, 'gpt2');
    mkdirSync(target);
    writeFileSync(join(target, 'vocab.json'), JSON.stringify(model.vocab));
    const merges = model.merges!.map((pair) => (typeof pair === 'string' ? pair : pair.join(' ')));
    writeFileSync(join(target, 'merges.txt'), `#version: 0.2\n${merges.join('\n')}\n`);
    const tokenizer = openTokenizer(await readTokenizerFolder(target, 'gpt2'), target);
    const { first, ...found } = compareTokens(referenceKinds.gpt2!, tokenizer);
    expect(first).toBeUndefined();
    const { marks: _, ...wanted } = referenceKinds.gpt2!;
    expect(found).toEqual(wanted);
  });

  test("vocab.txt is BERT's", async () => {
    const { model } = referenceTokenizer('bert_cased') as Json;
    const target = join(folder, 'bert');
    mkdirSync(target);
    const tokens = Object.entries(model.vocab as Record<string, number>).sort((a, b) => a[1] - b[1]);
    writeFileSync(join(target, 'vocab.txt'), `${tokens.map(([t]) => t).join('\n')}\n`);
    writeFileSync(
      join(target, 'tokenizer_config.json'),
      '{"do_lower_case": false, "cls_token": "[CLS]", "sep_token": "[SEP]"}',
    );
    const tokenizer = openTokenizer(await readTokenizerFolder(target, 'bert'), target);
    expect([tokenizer.bos, tokenizer.end]).toEqual([2, 3]);
    const { first, ...found } = compareTokens(referenceKinds.bert_cased!, tokenizer);
    expect(first).toBeUndefined();
    expect(idsOnly(found)).toEqual(idsOnly(referenceKinds.bert_cased!));
  });

  test('an empty folder is refused with a way out', async () => {
    await expect(readTokenizerFolder(folder, 'llama')).rejects.toMatchObject({
      code: 'model.tokenizer',
      hint: expect.stringContaining('save_pretrained'),
    });
  });
});
