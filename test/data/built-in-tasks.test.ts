/** @file The ten built-in tasks: pairs that line up, answers of one token, splits that share no word of the fact. */
import { describe, expect, test } from 'vitest';
import { encodePrompt, type TextTokenizer } from '../../src/data/examples.ts';
import { capitals } from '../../src/data/tasks/capitals.ts';
import { mensNames, womensNames } from '../../src/data/tasks/names.ts';
import { builtInTask, builtInTasks, type Task } from '../../src/data/tasks.ts';
import { hasRealModel, realModel } from '../support/real-model.ts';

const options = { train: 60, heldOut: 30, seed: 1 };
const both = (task: Task) => [...task.train, ...task.heldOut];

/** A tokenizer whose tokens are the pieces that `pattern` cuts a text into. */
function cutting(pattern: RegExp): TextTokenizer {
  const ids = new Map<string, number>();
  const pieces: string[] = [];
  return {
    encode: (text) =>
      (text.match(pattern) ?? []).map((piece) => {
        const known = ids.get(piece) ?? pieces.push(piece) - 1;
        ids.set(piece, known);
        return known;
      }),
    decode: (tokens) => tokens.map((id) => pieces[id] ?? '').join(''),
  };
}

/** Digits and punctuation are tokens of their own, as in the tokenizers of language models. */
const fineTokenizer = () => cutting(/\s?[A-Za-z]+|./gs);

/** The labels that no training and held-out example may share. */
const ownWords: Readonly<Record<string, readonly string[]>> = {
  'agreement-simple': ['subject'],
  'agreement-within-rc': ['subject'],
  'agreement-across-rc': ['subject'],
  agreement: ['subject', 'between'],
  'indirect-object': ['giver', 'taker'],
  'greater-than': ['event'],
  pronoun: ['name'],
  gender: ['occupation', 'patchOccupation'],
  docstring: ['argument', 'other'],
  capitals: ['country', 'other'],
};

function holds(task: Task, tokenizer: TextTokenizer) {
  expect([task.train.length, task.heldOut.length]).toEqual([60, 30]);
  expect(new Set(both(task).map((e) => `${e.cleanText}|${e.patchText}|${e.answer}`)).size).toBe(90);
  for (const e of both(task)) {
    expect([e.clean.length, e.patch.length]).toEqual([task.positions.length, task.positions.length]);
    const answer = tokenizer.decode([e.answer]);
    expect(encodePrompt(tokenizer, e.cleanText + answer)).toEqual([...e.clean, e.answer]);
    expect(encodePrompt(tokenizer, e.cleanText + tokenizer.decode([e.wrong]))).toEqual([...e.clean, e.wrong]);
    expect(e.clean.filter((token, i) => token !== e.patch[i])).toHaveLength(1);
  }
  const own = (part: Task['train']) =>
    new Set(part.flatMap((e) => ownWords[task.name]!.map((label) => e.labels[label]!)));
  expect([...own(task.train)].filter((word) => own(task.heldOut).has(word))).toEqual([]);
}

describe.each(builtInTasks)('$name', ({ name, make }) => {
  const tokenizer = fineTokenizer();
  const task = make(tokenizer, options);

  test('has different pairs of one length that differ in one token, answers of one token, splits of their own words', () =>
    holds(task, tokenizer));

  test('is called by its name, asks a question, and depends on the seed alone', () => {
    expect(task.name).toBe(name);
    expect(task.question).toMatch(/^[A-Z].*\?$/);
    expect(make(tokenizer, options)).toEqual(task);
    expect(make(tokenizer, { ...options, seed: 2 }).train).not.toEqual(task.train);
  });

  test('a start token of the model stands first', () => {
    const started = make({ ...tokenizer, bos: 99_999 }, options);
    expect(started.positions[0]).toBe('start');
    for (const e of both(started)) expect([e.clean[0], e.patch[0]]).toEqual([99_999, 99_999]);
  });
});

describe('what the templates promise', () => {
  const tokenizer = fineTokenizer();
  const made = (name: string) => builtInTask(name).make(tokenizer, options);
  const text = (id: number) => tokenizer.decode([id]).trim();

  test('the one who is given something is named once, the giver twice', () => {
    for (const e of both(made('indirect-object'))) {
      const count = (name: string) => e.cleanText.split(/\W+/).filter((word) => word === name).length;
      expect([count(text(e.answer)), count(text(e.wrong))]).toEqual([1, 2]);
    }
    const first = made('indirect-object').train.filter((e) => e.labels.order === 'giver first').length;
    expect(first).toBeGreaterThan(20);
    expect(first).toBeLessThan(40);
  });

  test('the right year is later than the beginning, the wrong one earlier, and both are possible in the patch', () => {
    for (const e of both(made('greater-than'))) {
      const begun = (prompt: string) => Number(/year \d\d(\d)/.exec(prompt)![1]);
      expect(Number(text(e.answer))).toBeGreaterThan(begun(e.cleanText));
      expect(Number(text(e.wrong))).toBeLessThan(begun(e.cleanText));
      expect(Number(text(e.wrong))).toBeGreaterThan(begun(e.patchText));
    }
  });

  test('years whose last two digits are one token get answers of two digits', () => {
    const pairs = cutting(/\s?[A-Za-z]+|\s?\d\d|./gs);
    const task = builtInTask('greater-than').make(pairs, options);
    holds(task, pairs);
    for (const e of both(task)) expect(pairs.decode([e.answer])).toMatch(/^\d5$/);
  });

  test('she follows a woman, he a man', () => {
    for (const e of both(made('pronoun'))) {
      const names = e.labels.gender === 'woman' ? womensNames : mensNames;
      expect(names).toContain(e.labels.name);
      expect(text(e.answer)).toBe(e.labels.gender === 'woman' ? 'she' : 'he');
    }
    expect(womensNames.filter((name) => mensNames.includes(name))).toEqual([]);
  });

  test('the docstring asks for the third argument', () => {
    for (const e of both(made('docstring'))) {
      const names = /\(self, (.*)\)/.exec(e.cleanText)![1]!.split(', ');
      expect(names[2]).toBe(text(e.answer));
      expect(e.cleanText.match(/:param \w+/g)!.map((line) => line.slice(7))).toEqual(names.slice(0, 2));
    }
  });

  test('the answer is the capital of the country in the prompt', () => {
    for (const e of both(made('capitals')))
      expect(capitals.find(([country]) => e.cleanText.includes(country))![1]).toBe(text(e.answer));
  });

  test('the verb of a relative clause agrees with the noun before it, the verb after it with the first', () => {
    for (const e of both(made('agreement-within-rc')))
      expect(/s$/.test(text(e.answer))).toBe(e.labels.number === 'singular');
    for (const e of both(made('agreement-across-rc')))
      expect(text(e.answer)).toBe(e.labels.number === 'singular' ? 'is' : 'are');
  });

  test('an unknown name is an error that names those near it', () => {
    expect(() => builtInTask('agreement-simpel')).toThrow(
      expect.objectContaining({ code: 'task.unknown', hint: expect.stringContaining('agreement-simple') }),
    );
  });
});

describe.runIf(await hasRealModel())('with the tokenizer of SmolLM2', () => {
  test.each(builtInTasks)('$name holds what it promises', async ({ make }) => {
    const { tokenizer } = await realModel();
    holds(make(tokenizer, options), tokenizer);
  });
});
