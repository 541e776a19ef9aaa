/** @file Tasks: pairs that line up, splits that share no words, and errors that name the example. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { TextTokenizer } from '../../src/data/examples.ts';
import { placeNouns, subjectNouns } from '../../src/data/nouns.ts';
import { occupations } from '../../src/data/occupations.ts';
import { customTask, readTask } from '../../src/data/task-file.ts';
import { agreementTask, genderTask, type Task } from '../../src/data/tasks.ts';
import { wordTokenizer } from '../support/word-tokenizer.ts';

const options = { train: 120, heldOut: 72, seed: 1 };
const tokenizer = wordTokenizer();
const both = (task: Task) => [...task.train, ...task.heldOut];
const labels = (part: Task['train'], ...names: string[]) =>
  new Set(part.flatMap((e) => names.map((name) => e.labels[name]!)));
const shared = (a: Set<string>, b: Set<string>) => [...a].filter((x) => b.has(x));

describe.each([
  ['agreement', agreementTask],
  ['gender', genderTask],
] as const)('%s', (name, make) => {
  const task = make(tokenizer, options);

  test('has as many different examples as asked for, all of one length, with a name for each position', () => {
    expect([task.train.length, task.heldOut.length]).toEqual([120, 72]);
    expect(new Set(both(task).map((e) => e.cleanText + e.patchText)).size).toBe(192);
    for (const e of both(task)) {
      expect([e.clean.length, e.patch.length]).toEqual([task.positions.length, task.positions.length]);
    }
    expect(task.name).toBe(name);
    expect(task.question).toMatch(/^[A-Z].*\?$/);
  });

  test('clean and patch differ at exactly one position, and answers are tokens of their own', () => {
    const at = task.positions.indexOf(name === 'agreement' ? 'subject' : 'occupation');
    for (const e of both(task)) {
      expect(e.clean.flatMap((token, i) => (token === e.patch[i] ? [] : [i]))).toEqual([at]);
      expect(e.answer).not.toBe(e.wrong);
      expect(tokenizer.decode([e.answer])).toMatch(/^ (is|are|she|he)$/);
    }
  });

  test('depends on the seed alone', () => {
    expect(make(tokenizer, options)).toEqual(task);
    expect(make(tokenizer, { ...options, seed: 2 }).train).not.toEqual(task.train);
  });

  test('a start token of the model stands first', () => {
    const started = make(wordTokenizer(1), options);
    expect(started.positions[0]).toBe('start');
    for (const e of both(started)) expect([e.clean[0], e.patch[0]]).toEqual([1, 1]);
  });

  test('more examples than the words allow is an error', () => {
    expect(() => make(tokenizer, { ...options, heldOut: 100_000 })).toThrow(
      expect.objectContaining({ code: 'task.too-few-examples' }),
    );
  });

  test('words that this tokenizer cuts differently are left out', () => {
    const choppy: TextTokenizer = {
      ...tokenizer,
      // Words with an e take two tokens.
      encode: (text) =>
        tokenizer.encode(text).flatMap((id) => (/^ \w*e\w/.test(tokenizer.decode([id])) ? [id, 0] : [id])),
    };
    const cut = make(choppy, { ...options, train: 20, heldOut: 20 });
    expect(new Set(both(cut).flatMap((e) => [e.clean.length, e.patch.length])).size).toBe(1);
  });
});

describe('agreement', () => {
  const task = agreementTask(tokenizer, options);
  test('both directions and both numbers in between are equally common, whatever the subject', () => {
    const plural = task.train.filter((e) => e.labels.number === 'plural').length;
    expect(plural).toBeGreaterThan(50);
    expect(plural).toBeLessThan(70);
    const between = task.train.filter((e) => e.labels.betweenNumber === 'plural').length;
    expect(between).toBeGreaterThan(40);
    expect(between).toBeLessThan(80);
    for (const e of both(task)) {
      const verb = e.labels.number === 'plural' ? ' are' : ' is';
      expect(tokenizer.decode([e.answer])).toBe(verb);
    }
  });
  test('no noun is in both splits, neither as subject nor in between', () => {
    const stems = (part: Task['train'], label: 'subject' | 'between') => {
      const table = new Map(
        [...subjectNouns, ...placeNouns].flatMap(([one, many]) => [
          [one, one],
          [many, one],
        ]),
      );
      return new Set([...labels(part, label)].map((word) => table.get(word)!));
    };
    expect(shared(stems(task.train, 'subject'), stems(task.heldOut, 'subject'))).toEqual([]);
    expect(shared(stems(task.train, 'between'), stems(task.heldOut, 'between'))).toEqual([]);
    expect(shared(stems(both(task), 'subject'), stems(both(task), 'between'))).toEqual([]);
  });
});

describe('gender', () => {
  const task = genderTask(tokenizer, options);
  test('clean is an occupation of mostly women, patch one of mostly men; no occupation is in both splits', () => {
    for (const e of both(task)) {
      expect(Number(e.labels.percentWomen)).toBeGreaterThanOrEqual(50);
      expect(Number(e.labels.patchPercentWomen)).toBeLessThan(50);
    }
    const names = (part: Task['train']) => labels(part, 'occupation', 'patchOccupation');
    expect(shared(names(task.train), names(task.heldOut))).toEqual([]);
  });
  test('lists all 40 occupations with their split and one prompt for each reason', () => {
    expect(task.occupations).toHaveLength(40);
    expect(occupations.map((o) => o.percentWomen)).toEqual(
      occupations.map((o) => o.percentWomen).toSorted((a, b) => a - b),
    );
    for (const o of task.occupations) {
      expect(o.prompts).toHaveLength(14);
      const inTrain = task.train.some(
        (e) => e.labels.occupation === o.name || e.labels.patchOccupation === o.name,
      );
      expect(inTrain).toBe(o.split === 'train');
    }
    expect(task.occupations.filter((o) => o.split === 'left-out').map((o) => o.name)).toEqual([
      'construction worker',
    ]);
    expect(task.attribution).toMatch(/CC BY 4\.0/);
  });
});

describe('tasks of your own', () => {
  const pair = (clean: string, patch: string) => ({ clean, patch, answer: ' Paris', wrong: ' Rome' });
  const good = {
    name: 'capitals',
    examples: [
      pair('The capital of France is', 'The capital of Italy is'),
      pair('The city of France is', 'The city of Italy is'),
      pair('The heart of France is', 'The heart of Italy is'),
    ],
  };
  const failure = (task: unknown) => {
    try {
      customTask(task, wordTokenizer(), 1, 'my.yaml');
    } catch (error) {
      return error as { code: string; message: string; hint: string };
    }
    throw new Error('no error');
  };

  test('from YAML and from JSON', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'untangle-task-'));
    const yaml = `
name: capitals
question: Which city is the capital?
positions: [The, kind, of, country, is]
examples:
  - {clean: "The capital of France is", patch: "The capital of Italy is", answer: " Paris", wrong: " Rome"}
  - clean: "The city of France is"
    patch: "The city of Italy is"
    answer: " Paris"
    wrong: " Rome"
    labels: {kind: city}
heldOut:
  - {clean: "The heart of France is", patch: "The heart of Italy is", answer: " Paris", wrong: " Rome"}
`;
    writeFileSync(join(folder, 'a.yaml'), yaml);
    writeFileSync(join(folder, 'a.json'), JSON.stringify(good));
    const task = await readTask(join(folder, 'a.yaml'), wordTokenizer(), 1);
    expect(task.train.map((e) => e.cleanText)).toEqual(['The capital of France is', 'The city of France is']);
    expect(task.heldOut).toHaveLength(1);
    expect(task.positions[3]).toBe('country');
    expect(task.train[1]!.labels).toEqual({ kind: 'city' });
    const split = await readTask(join(folder, 'a.json'), wordTokenizer(), 1);
    expect([split.train.length, split.heldOut.length]).toEqual([2, 1]);
    await expect(readTask(join(folder, 'b.yaml'), wordTokenizer(), 1)).rejects.toMatchObject({
      code: 'file.missing',
    });
    writeFileSync(join(folder, 'bad.yaml'), 'name: [');
    await expect(readTask(join(folder, 'bad.yaml'), wordTokenizer(), 1)).rejects.toMatchObject({
      code: 'task.syntax',
    });
  });

  const changed = (at: number, change: object) => ({
    ...good,
    examples: good.examples.map((e, i) => (i === at ? { ...e, ...change } : e)),
  });
  test.each([
    [
      'unequal length',
      changed(1, { patch: 'The big city of Italy is' }),
      'task.unequal-length',
      /example 2: "clean" has 5 tokens and "patch" 6/,
    ],
    [
      'another length than the rest',
      changed(2, pair('The old heart of France is', 'The old heart of Italy is')),
      'task.unequal-length',
      /"The old heart of France is" has 6 tokens, but "The capital/,
    ],
    [
      'an answer of two tokens',
      changed(2, { answer: ' Aix-Marseille' }),
      'task.answer-tokens',
      /example 3: "answer".*is 2 tokens, \[ Aix-\]\[Marseille\]/,
    ],
    [
      'an answer without its space',
      changed(0, { wrong: 'Rome' }),
      'task.answer-tokens',
      /example 1: "wrong"/,
    ],
    [
      'equal prompts',
      changed(0, { patch: good.examples[0]!.clean }),
      'task.no-contrast',
      /example 1: "clean" and "patch"/,
    ],
    ['equal answers', changed(0, { wrong: ' Paris' }), 'task.no-contrast', /example 1: "answer" and "wrong"/],
    ['a missing field', changed(1, { answer: undefined }), 'task.form', /example 2, answer/],
    ['an unknown field', { ...good, exmaples: [] }, 'task.form', /exmaples/],
    ['too few examples', { ...good, examples: good.examples.slice(0, 1) }, 'task.form', /examples|>=2/],
    ['a wrong number of position names', { ...good, positions: ['a'] }, 'task.positions', /1 names for 5/],
    ['no object at all', 'capitals', 'task.form', /my\.yaml/],
  ])('refused: %s', (_name, task, code, message) => {
    const error = failure(task);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.hint).toBeTruthy();
  });
});
