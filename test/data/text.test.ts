/** @file Text: what files hold becomes documents, and windows of training share no document with held-out ones. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import type { TextDocument } from '../../src/data/document.ts';
import { loadDocuments, textSource } from '../../src/data/text.ts';
import { loadWindows, makeWindows, saveWindows, type Window } from '../../src/data/windows.ts';
import { wordTokenizer } from '../support/word-tokenizer.ts';

const folder = mkdtempSync(join(tmpdir(), 'untangle-text-'));
const file = (name: string, content: string) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const load = (path: string) => loadDocuments(textSource(path), { progress: silent });

describe('documents', () => {
  test('plain text, short: one document named after the file', async () => {
    const { documents, attribution } = await load(file('a.txt', 'One.\n\nTwo.\n'));
    expect(documents).toEqual([{ id: 'a.txt#1', title: 'a.txt', text: 'One.\n\nTwo.' }]);
    expect(attribution).toBe('');
  });

  test('plain text, long: cut at blank lines, nothing lost', async () => {
    const paragraphs = Array.from({ length: 40 }, (_, i) => `Paragraph ${i} ${'word '.repeat(100).trim()}`);
    const { documents } = await load(file('long.txt', paragraphs.join('\n\n')));
    expect(documents.length).toBeGreaterThan(3);
    expect(documents.map((d) => d.text).join('\n\n')).toBe(paragraphs.join('\n\n'));
    expect(documents[1]!.title).toBe(`long.txt (2 of ${documents.length})`);
  });

  test('JSON lines with titles and ids, blank lines and empty texts passed over', async () => {
    const path = file(
      'b.jsonl',
      '{"id": 7, "title": "T", "text": "seven"}\n\n{"text": "  "}\n{"text": "eight"}\n',
    );
    expect((await load(path)).documents).toEqual([
      { id: '7', title: 'T', text: 'seven' },
      { id: 'b.jsonl#4', title: 'b.jsonl#4', text: 'eight' },
    ]);
  });

  test('Parquet as DuckDB writes it', async () => {
    const path = join(folder, 'c.parquet');
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    await connection.run(
      `copy (select 'title ' || i as title, 'text ' || i as text, i as n from range(3000) t(i)) to '${path}' (format parquet, compression zstd)`,
    );
    const { documents } = await load(path);
    expect(documents).toHaveLength(3000);
    expect(documents[2999]).toEqual({ id: 'c.parquet#3000', title: 'title 2999', text: 'text 2999' });
    await connection.run(`copy (select 1 as prose) to '${path}2.parquet' (format parquet)`);
    await expect(load(`${path}2.parquet`)).rejects.toMatchObject({
      code: 'text.no-text-field',
      hint: /prose/,
    });
  });

  test('a folder: all text files below it in the order of their names, other files passed over', async () => {
    const at = join(folder, 'tree/deep');
    mkdirSync(at, { recursive: true });
    writeFileSync(join(at, 'z.txt'), 'last');
    writeFileSync(join(at, '../a.md'), 'first');
    writeFileSync(join(at, 'picture.png'), 'x');
    const { documents } = await load(join(folder, 'tree'));
    expect(documents.map((d) => d.text)).toEqual(['first', 'last']);
  });

  test.each([
    ['nothing there', () => join(folder, 'absent'), 'text.not-found', /absent/],
    ['an empty file', () => file('empty.txt', ' \n\n '), 'text.empty', /empty\.txt/],
    ['an empty folder', () => mkdtempSync(join(folder, 'none-')), 'text.empty', /none/],
    ['an unknown kind', () => file('d.docx', 'x'), 'text.unknown-kind', /docx/],
    ['a broken line', () => file('e.jsonl', '{"text": "a"}\n{"text": \n'), 'text.row', /line 2/],
    ['a line without text', () => file('f.jsonl', '{"body": "a"}'), 'text.no-text-field', /line 1/],
    ['a damaged Parquet', () => file('g.parquet', 'PAR1 this is no table PAR1'), 'text.row', /Parquet/],
  ])('refused: %s', async (_name, make, code, message) => {
    await expect(load(make())).rejects.toMatchObject({ code, message, hint: expect.any(String) });
  });
});

describe('windows', () => {
  const documents = (count: number, words: number): TextDocument[] =>
    Array.from({ length: count }, (_, d) => ({
      id: String(d),
      title: `document ${d}`,
      text: Array.from({ length: words }, (_, w) => `d${d}w${w}`).join(' '),
    }));
  const used = (windows: readonly Window[]) => new Set(windows.flatMap((w) => [...w.documents]));

  test('the right number, the right length, each token with its document, in the order of the text', () => {
    const tokenizer = wordTokenizer();
    const { train, heldOut } = makeWindows(documents(50, 30), tokenizer, {
      length: 16,
      trainTokens: 640,
      heldOutTokens: 160,
      seed: 3,
    });
    expect([train.length, heldOut.length]).toEqual([40, 10]);
    let last = { document: -1, word: -1 };
    for (const { tokens, documents: of } of train) {
      tokens.forEach((token, i) => {
        const [, document, word] = /d(\d+)w(\d+)/.exec(tokenizer.decode([token]))!.map(Number);
        expect(of[i]).toBe(document);
        if (document === last.document) expect(word).toBe(last.word + 1);
        else expect(word).toBe(0);
        last = { document: document!, word: word! };
      });
    }
  });

  test('no document on both sides, and the seed alone decides', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: 30 }),
        fc.integer({ min: 5, max: 60 }),
        fc.nat(1000),
        (count, words, seed) => {
          const options = { length: 8, trainTokens: 200, heldOutTokens: 40, seed };
          fc.pre(count * words > 300 && words < 100);
          const tokenizer = wordTokenizer();
          const { train, heldOut } = makeWindows(documents(count, words), tokenizer, options);
          const both = [...used(train)].filter((d) => used(heldOut).has(d));
          expect(both).toEqual([]);
          expect(heldOut.length).toBeGreaterThan(0);
          expect(makeWindows(documents(count, words), tokenizer, options)).toEqual({ train, heldOut });
        },
      ),
      { numRuns: 50 },
    );
  });

  test('too little text shrinks both sides alike', () => {
    const { train, heldOut } = makeWindows(documents(100, 10), wordTokenizer(), {
      length: 10,
      trainTokens: 8000,
      heldOutTokens: 2000,
      seed: 1,
    });
    expect([train.length, heldOut.length]).toEqual([80, 20]);
  });

  test.each([
    ['one document cannot give to both sides', documents(1, 1000)],
    ['a few words are no window', documents(3, 2)],
    ['nothing', []],
  ])('refused: %s', (_name, docs) => {
    expect(() =>
      makeWindows(docs, wordTokenizer(), { length: 8, trainTokens: 80, heldOutTokens: 16, seed: 1 }),
    ).toThrow(
      expect.objectContaining({ code: 'text.too-short', hint: expect.stringContaining('more text') }),
    );
  });

  test.each([
    ['training', { trainTokens: 7, heldOutTokens: 16 }],
    ['held-out text', { trainTokens: 80, heldOutTokens: 7 }],
  ])('refused: fewer tokens of %s than a window holds, whatever text there is', (_name, tokens) => {
    expect(() => makeWindows(documents(50, 30), wordTokenizer(), { length: 8, seed: 1, ...tokens })).toThrow(
      expect.objectContaining({ code: 'text.too-short', message: '7 tokens do not fill one window of 8' }),
    );
  });

  test('a start token opens every window', () => {
    const { train } = makeWindows(documents(20, 30), wordTokenizer(1), {
      length: 8,
      trainTokens: 80,
      heldOutTokens: 16,
      seed: 1,
    });
    expect(train).toHaveLength(10);
    for (const w of train) {
      expect([...w.tokens].filter((t) => t === 1)).toEqual([1]);
      expect(w.tokens[0]).toBe(1);
      expect(w.documents[0]).toBe(w.documents[1]);
    }
  });

  test('saved and loaded, with the titles of the documents they use', async () => {
    const docs = documents(50, 30);
    const split = makeWindows(docs, wordTokenizer(), {
      length: 16,
      trainTokens: 64,
      heldOutTokens: 32,
      seed: 3,
    });
    const path = join(folder, 'windows.safetensors');
    await saveWindows(path, { ...split, titles: docs.map((d) => d.title) });
    const { train, heldOut, titles } = await loadWindows(path);
    expect({ train, heldOut }).toEqual(split);
    const first = split.train[0]!.documents[0]!;
    expect(titles[first]).toBe(`document ${first}`);
    expect(titles.filter((t) => t !== '').length).toBe(new Set([...used(train), ...used(heldOut)]).size);
  });
});
