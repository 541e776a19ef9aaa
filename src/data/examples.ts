/** @file A task is pairs of prompts that differ in one fact, with the token that is right and the one that is wrong. */
import { DataError } from '../core/errors.ts';

/** What tasks and windows need of a tokenizer. */
export interface TextTokenizer {
  /** Token ids of `text`, with nothing added. */
  encode(text: string): number[];
  decode(ids: readonly number[]): string;
  /** The token that the model expects in front of every text, if it does. */
  readonly bos?: number;
  /** The token that the model expects behind every text, if it does (encoders). */
  readonly end?: number;
}

/** A prompt as the model wants it: its start token in front and its end token behind, where it has them. */
export const encodePrompt = ({ encode, bos, end }: TextTokenizer, text: string): number[] => [
  ...(bos === undefined ? [] : [bos]),
  ...encode(text),
  ...(end === undefined ? [] : [end]),
];

/** One pair. `clean` calls for `answer`, `patch` for `wrong`; both have the same number of tokens. */
export interface Example {
  readonly clean: readonly number[];
  readonly patch: readonly number[];
  readonly answer: number;
  readonly wrong: number;
  readonly cleanText: string;
  readonly patchText: string;
  /** What the example is made of, e.g. `{subject: 'keys', preposition: 'near'}`. */
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * A behaviour to explain. All prompts of a task have the same length, so that position t means the same in all.
 * The metric is m = logit(answer) − logit(wrong) at the last position.
 */
export interface Task {
  readonly name: string;
  readonly title: string;
  /** What the behaviour is, as one plain question. */
  readonly question: string;
  readonly metric: 'logit-difference';
  /** What stands at each position, e.g. `subject`. */
  readonly positions: readonly string[];
  readonly train: readonly Example[];
  /** Examples whose words (built-in tasks) or prompts do not occur in `train`. */
  readonly heldOut: readonly Example[];
  /** What to print where the task's data are shown. */
  readonly attribution?: string;
}

/** A pair before it is tokenized: answers are the text that follows the prompt, with its leading space. */
export interface ExampleText {
  readonly clean: string;
  readonly patch: string;
  readonly answer: string;
  readonly wrong: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * Tokenizes a pair and checks what the methods rely on; `name` (e.g. `example 3`) stands in the error.
 * @throws DataError `task.unequal-length`, `task.answer-tokens`, `task.no-contrast`
 */
export function tokenizeExample(tokenizer: TextTokenizer, text: ExampleText, name: string): Example {
  const clean = encodePrompt(tokenizer, text.clean);
  const patch = encodePrompt(tokenizer, text.patch);
  if (clean.length !== patch.length) {
    throw new DataError(
      'task.unequal-length',
      `${name}: "clean" has ${clean.length} tokens and "patch" ${patch.length}`,
      {
        where: name,
        hint: `reword one of them; clean is ${pieces(tokenizer, clean)}, patch is ${pieces(tokenizer, patch)}`,
      },
    );
  }
  const answer = following(tokenizer, text.clean, clean, text.answer, `${name}: "answer"`);
  const wrong = following(tokenizer, text.clean, clean, text.wrong, `${name}: "wrong"`);
  if (answer === wrong || clean.every((token, i) => token === patch[i])) {
    const same = answer === wrong ? '"answer" and "wrong"' : '"clean" and "patch"';
    throw new DataError('task.no-contrast', `${name}: ${same} are the same`, {
      where: name,
      hint: 'a pair must differ in the fact that is asked for, and the two answers must differ',
    });
  }
  return {
    clean,
    patch,
    answer,
    wrong,
    cleanText: text.clean,
    patchText: text.patch,
    labels: text.labels ?? {},
  };
}

/** The single token that `answer` adds to `prompt`. */
function following(
  tokenizer: TextTokenizer,
  prompt: string,
  tokens: readonly number[],
  answer: string,
  name: string,
): number {
  const whole = encodePrompt(tokenizer, prompt + answer);
  const continues = tokens.every((token, i) => whole[i] === token);
  if (continues && whole.length === tokens.length + 1) return whole[tokens.length]!;
  const added = continues ? whole.slice(tokens.length) : tokenizer.encode(answer);
  const why = continues ? `is ${added.length} tokens, ${pieces(tokenizer, added)}` : 'joins the last word';
  throw new DataError(
    'task.answer-tokens',
    `${name} must be one token after the prompt, but "${answer}" ${why}`,
    {
      where: name,
      hint: answer.startsWith(' ') ? 'choose a shorter word' : `start it with a space: " ${answer}"`,
    },
  );
}

const pieces = (tokenizer: TextTokenizer, ids: readonly number[]): string =>
  ids.map((id) => `[${tokenizer.decode([id])}]`).join('');

/**
 * Checks that all examples have one length and returns it.
 * @throws DataError `task.unequal-length` naming the first that differs, `task.empty`
 */
export function commonLength(examples: readonly Example[], task: string): number {
  const first = examples[0];
  if (!first) {
    throw new DataError('task.empty', `the task "${task}" has no examples`, {
      where: task,
      hint: 'give it some',
    });
  }
  const other = examples.findIndex((e) => e.clean.length !== first.clean.length);
  if (other >= 0) {
    const e = examples[other]!;
    throw new DataError(
      'task.unequal-length',
      `${task}: "${e.cleanText}" has ${e.clean.length} tokens, but "${first.cleanText}" has ${first.clean.length}`,
      {
        where: `${task}, example ${other + 1}`,
        hint: 'all prompts of a task need the same number of tokens, so that positions mean the same',
      },
    );
  }
  return first.clean.length;
}
