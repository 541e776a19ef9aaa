/** @file What the commands of edits share. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { numbersOf, positive, real } from '../options.ts';
import type { Plot } from '../plot.ts';

/** Plain text, by which what else moved is judged. */
export interface PlainTextOptions extends Plot {
  readonly text: string;
  readonly windows: number;
  readonly length: number;
}

export const addPlainText = (command: Command, windows: number): Command =>
  command
    .addOption(
      new Option('--text <text>', 'plain text: one of docs/data.md, or a file or folder').default(
        'wikipedia-leads',
      ),
    )
    .addOption(new Option('--windows <number>', 'how many texts').default(windows).argParser(notNegative))
    .addOption(new Option('--length <number>', 'tokens of each').default(64).argParser(positive));

/** A whole number from 0. */
export function notNegative(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0 || text.trim() === '')
    throw new InvalidArgumentError('It must be 0 or a whole number above it.');
  return value;
}

export const reals = numbersOf(real);

/** A number with a sign, as tables show changes. */
export const signed = (value: number, digits = 3): string =>
  `${value >= 0 ? '+' : '−'}${Math.abs(value).toFixed(digits)}`;

/** A value with its interval. */
export const between = (
  { value, low, high }: { readonly value: number; readonly low: number; readonly high: number },
  digits = 3,
): string => {
  const text = (v: number) => (Number.isFinite(v) ? v.toFixed(digits).replace('-', '−') : '?');
  return `${text(value)} (${text(low)} to ${text(high)})`;
};
