/** @file Contexts to cluster: places in text where the model is sure of the next token, and behaviours planted in text. */
import { CircuitError } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { type Example, encodePrompt, type TextTokenizer } from '../../data/examples.ts';
import type { Window } from '../../data/windows.ts';

/** A text and the token that follows. All contexts of a set are equally long. */
export interface Context {
  readonly tokens: readonly number[];
  readonly answer: number;
  /** The behaviour that was planted; absent in plain text. */
  readonly planted?: string;
}

export interface ContextOptions {
  /** Tokens of each context. */
  readonly length: number;
  readonly count: number;
}

/** Whether the last token and the answer stood side by side in the context before: copying, not a behaviour of its own. */
export function isInduction(tokens: readonly number[], answer: number): boolean {
  const last = tokens.at(-1);
  return tokens.some((token, i) => i + 1 < tokens.length && token === last && tokens[i + 1] === answer);
}

/**
 * Plain contexts: places that are drawn from windows of text, without induction. With `surprise`, only those whose next
 * token costs the model less than `below` nats (Marks et al. 2024, App. G: 0.1 or 0.3).
 * @param surprise −log p of each window's tokens given those before, as `surprises` returns them
 * @throws CircuitError `circuit.no-contexts` when none is left
 */
export function plainContexts(
  windows: readonly Pick<Window, 'tokens'>[],
  { length, count }: ContextOptions,
  random: Random,
  surprise?: { readonly nats: readonly ArrayLike<number>[]; readonly below: number },
): Context[] {
  const found: Context[] = [];
  for (const [w, { tokens }] of windows.entries()) {
    for (let end = length; end < tokens.length; end++) {
      if (surprise && !(surprise.nats[w]![end]! < surprise.below)) continue;
      const context = { tokens: Array.from(tokens.subarray(end - length, end)), answer: tokens[end]! };
      if (!isInduction(context.tokens, context.answer)) found.push(context);
    }
  }
  if (found.length === 0) {
    throw new CircuitError('circuit.no-contexts', 'no place in the text could be used as a context', {
      hint: 'give more or longer text, or allow more nats',
    });
  }
  return random.shuffle(found).slice(0, count);
}

/**
 * Prompts of tasks behind a piece of plain text, so that neither length nor beginning tells them apart: the planted
 * behaviours that clusters are scored against.
 * @throws CircuitError `circuit.no-contexts` when a prompt is longer than `length`
 */
export function plantedContexts(
  behaviours: readonly { readonly name: string; readonly examples: readonly Example[] }[],
  tokenizer: TextTokenizer,
  windows: readonly Pick<Window, 'tokens'>[],
  length: number,
  random: Random,
): Context[] {
  const between = tokenizer.encode('\n');
  return behaviours.flatMap(({ name, examples }) =>
    examples.map((example) => {
      const prompt = encodePrompt(
        { ...tokenizer, bos: undefined, end: undefined } as TextTokenizer,
        example.cleanText,
      );
      const room = length - prompt.length - between.length;
      if (room < 0) {
        throw new CircuitError(
          'circuit.no-contexts',
          `a prompt of "${name}" has ${prompt.length} tokens, more than contexts of ${length} can hold`,
          { where: name, hint: 'ask for longer contexts' },
        );
      }
      const { tokens } = windows[random.integer(windows.length)]!;
      const from = random.integer(Math.max(1, tokens.length - room));
      return {
        tokens: [...tokens.subarray(from, from + room), ...between, ...prompt],
        answer: example.answer,
        planted: name,
      };
    }),
  );
}
