/** @file Options that every command has, and how they are read. */
import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';

export interface GlobalOptions {
  /** One JSON document on standard output. */
  readonly json?: boolean;
  readonly seed?: number;
  readonly threads: number;
  readonly workspace: string;
  /** No progress. */
  readonly quiet?: boolean;
}

/** Adds the options of every command to one of them. */
export function addGlobalOptions(command: Command): Command {
  return command
    .addOption(new Option('--json', 'print one JSON document on standard output'))
    .addOption(
      new Option('--seed <number>', 'seed of every random choice (overrides the study)').argParser(integer),
    )
    .addOption(
      new Option('--threads <number>', 'threads of heavy work')
        .default(availableParallelism(), 'all cores')
        .argParser(threads),
    )
    .addOption(new Option('--workspace <folder>', 'where results are kept').default('.untangle'))
    .addOption(new Option('--quiet', 'no progress'));
}

/** Most threads that can be asked for: each takes memory of its own, and many thousands never come up. */
const MOST_THREADS = Math.max(256, availableParallelism());

/** A number of threads. */
function threads(text: string): number {
  const value = positive(text);
  if (value > MOST_THREADS) throw new InvalidArgumentError(`It must be ${MOST_THREADS} or less.`);
  return value;
}

/** A number, e.g. a step. */
export function real(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || text.trim() === '') throw new InvalidArgumentError('It is not a number.');
  return value;
}

/** A number above 0. */
export function aboveZero(text: string): number {
  const value = real(text);
  if (value <= 0) throw new InvalidArgumentError('It must be above 0.');
  return value;
}

/** A whole number. */
export function integer(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || text.trim() === '')
    throw new InvalidArgumentError('It is not a whole number.');
  return value;
}

/** A whole number from 1. */
export function positive(text: string): number {
  const value = integer(text);
  if (value < 1) throw new InvalidArgumentError('It must be 1 or more.');
  return value;
}

/** Numbers one after another: each value is added to those before it. */
export const numbersOf =
  (one: (text: string) => number) =>
  (text: string, before: readonly number[] | undefined): readonly number[] => [...(before ?? []), one(text)];

/** The model of a command that works on a language model. */
export const modelOption = (): Option =>
  new Option('--model <model>', 'as for `untangle run`').default('smollm2-135m');
