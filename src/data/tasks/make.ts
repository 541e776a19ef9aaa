/** @file How built-in tasks are made: words dealt into two splits, examples drawn from a template, all checked. */
import { DataError } from '../../core/errors.ts';
import { type Random, random } from '../../core/random.ts';
import {
  commonLength,
  type Example,
  type ExampleText,
  type Task,
  type TextTokenizer,
  tokenizeExample,
} from '../examples.ts';
import { distinct, positionLabels, promptOf, type Slot } from '../templates.ts';

export interface TaskOptions {
  /** How many training and held-out examples. */
  readonly train: number;
  readonly heldOut: number;
  readonly seed: number;
}

export interface TaskTexts extends Omit<Task, 'train' | 'heldOut' | 'metric'> {
  readonly train: readonly ExampleText[];
  readonly heldOut: readonly ExampleText[];
}

/**
 * Tokenizes and checks the examples of both splits.
 * @throws DataError `task.unequal-length`, `task.answer-tokens`, `task.no-contrast`
 */
export function assemble(tokenizer: TextTokenizer, texts: TaskTexts): Task {
  const encode = (examples: readonly ExampleText[], part: string): Example[] =>
    examples.map((example, i) =>
      tokenizeExample(tokenizer, example, `${texts.name}, ${part} example ${i + 1}`),
    );
  const train = encode(texts.train, 'training');
  const heldOut = encode(texts.heldOut, 'held-out');
  commonLength([...train, ...heldOut], texts.name);
  return { ...texts, metric: 'logit-difference', train, heldOut };
}

export const pick = <T>(items: readonly T[], chance: Random): T => items[chance.integer(items.length)]!;

/** @throws DataError `task.too-few-examples` when either list is empty */
export function requireWords(a: readonly unknown[], b: readonly unknown[], task: string): void {
  if (a.length > 0 && b.length > 0) return;
  throw new DataError(
    'task.too-few-examples',
    `${task}: no words of equal length are left for one of the splits`,
    {
      where: task,
      hint: 'this tokenizer cuts nearly all of the words differently: write a task file with its own examples',
    },
  );
}

/** A pair as slots, so that positions can be named. */
export interface DrawnPair {
  readonly clean: readonly Slot[];
  readonly patch: readonly Slot[];
  readonly answer: string;
  readonly wrong: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** A task as a template: `W` is the words that a split draws from. */
export interface Template<W extends Readonly<Record<string, readonly unknown[]>>> {
  readonly name: string;
  readonly title: string;
  readonly question: string;
  /** The words that this tokenizer leaves, for the training and for the held-out split. */
  words(chance: Random): readonly [W, W];
  /** The i-th pair of a split, which may repeat an earlier one. */
  draw(words: W, i: number, chance: Random): DrawnPair;
}

/**
 * The examples of a template, all different, with the positions of the first one named.
 * @throws DataError `task.too-few-examples`, `task.unequal-length`, `task.answer-tokens`
 */
export function fromTemplate<W extends Readonly<Record<string, readonly unknown[]>>>(
  tokenizer: TextTokenizer,
  { train, heldOut, seed }: TaskOptions,
  { name, title, question, words, draw }: Template<W>,
): Task {
  const chance = random(seed).fork(name);
  const splits = words(chance);
  for (const key of Object.keys(splits[0])) requireWords(splits[0][key]!, splits[1][key]!, name);
  let named: readonly Slot[] = [];
  const make = (part: 0 | 1, count: number): ExampleText[] =>
    distinct(
      count,
      (e) => `${e.clean}|${e.patch}|${e.answer}`,
      (i) => {
        const { clean, patch, ...rest } = draw(splits[part], i, chance);
        named = named.length > 0 ? named : clean;
        return { ...rest, clean: promptOf(clean), patch: promptOf(patch) };
      },
      name,
    );
  const texts = { train: make(0, train), heldOut: make(1, heldOut) };
  return assemble(tokenizer, {
    name,
    title,
    question,
    positions: positionLabels(tokenizer, named),
    ...texts,
  });
}

/** Whether `word` is one token after a space. */
export const isOneToken = (tokenizer: TextTokenizer, word: string): boolean =>
  tokenizer.encode(` ${word}`).length === 1;
