/** @file Prompts from slots: words that fill one slot must take equally many tokens, so that positions line up. */
import { DataError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import { encodePrompt, type TextTokenizer } from './examples.ts';

/** A slot of a prompt: what it is called, the words in it, and what stands before them if not a space. */
export type Slot = readonly [label: string, words: string, before?: string];

const slotText = ([, words, before = ' ']: Slot, i: number): string => (i === 0 ? words : before + words);

export const promptOf = (slots: readonly Slot[]): string => slots.map(slotText).join('');

/** The label of each position of a prompt; a slot of several tokens counts them, e.g. `reason 2`. */
export function positionLabels(tokenizer: TextTokenizer, slots: readonly Slot[]): string[] {
  const counts = slots.map((slot, i) => tokenizer.encode(slotText(slot, i)).length);
  const start = tokenizer.bos === undefined ? [] : ['start'];
  const end = tokenizer.end === undefined ? [] : ['end'];
  const whole = encodePrompt(tokenizer, promptOf(slots)).length;
  // A tokenizer that joins words leaves only numbers to call positions by.
  if (counts.reduce((a, b) => a + b, start.length + end.length) !== whole) return numberedPositions(whole);
  const labels = slots.flatMap(([label], i) =>
    counts[i] === 1 ? [label] : Array.from({ length: counts[i]! }, (_, t) => `${label} ${t + 1}`),
  );
  return [...start, ...labels, ...end];
}

/** Labels for positions that nothing better is known of. */
export const numberedPositions = (length: number): string[] =>
  Array.from({ length }, (_, t) => `position ${t}`);

/** Those items all of whose `forms` take `count` tokens after a space; `count` is the commonest if not given. */
export function equallyLong<T>(
  tokenizer: TextTokenizer,
  items: readonly T[],
  forms: (item: T) => readonly string[],
): T[] {
  const lengths = items.map((item) => {
    const counts = new Set(forms(item).map((form) => tokenizer.encode(` ${form}`).length));
    return counts.size === 1 ? [...counts][0]! : 0;
  });
  const votes = new Map<number, number>();
  for (const length of lengths) if (length > 0) votes.set(length, (votes.get(length) ?? 0) + 1);
  const commonest = [...votes].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0]?.[0];
  return items.filter((_, i) => lengths[i] === commonest);
}

/** Items in random order, dealt into two disjoint parts; the first gets the share `share`. */
export function split<T>(items: readonly T[], share: number, random: Random): [T[], T[]] {
  const order = random.shuffle(items);
  const cut = Math.round(order.length * share);
  return [order.slice(0, cut), order.slice(cut)];
}

/**
 * `count` different examples from `draw(i)`, which may repeat itself.
 * @throws DataError `task.too-few-examples` when the words allow fewer
 */
export function distinct<T>(
  count: number,
  key: (item: T) => string,
  draw: (i: number) => T,
  task: string,
): T[] {
  const found = new Map<string, T>();
  let misses = 0;
  for (let i = 0; found.size < count; i++) {
    if (misses > 2000) {
      throw new DataError(
        'task.too-few-examples',
        `${task}: ${found.size} different examples, not ${count}`,
        {
          where: task,
          hint: 'ask for fewer: this tokenizer leaves too few words of equal length',
        },
      );
    }
    const item = draw(i);
    misses = found.has(key(item)) ? misses + 1 : 0;
    if (misses === 0) found.set(key(item), item);
  }
  return [...found.values()];
}
