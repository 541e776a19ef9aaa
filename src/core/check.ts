/** @file The self-check a user runs on their own machine: each room lists its invariants with value, bar and verdict. */
import type { WorkContext } from './progress.ts';

export interface CheckRow {
  readonly area: string;
  /** What is promised, in words. */
  readonly name: string;
  readonly value: number;
  /** The value must not exceed it. */
  readonly bar: number;
  readonly pass: boolean;
}

/** A group of checks of one area (room). */
export interface Check {
  readonly area: string;
  rows(context: WorkContext & { readonly threads: number }): Promise<CheckRow[]>;
}

/** A row that passes when `value` is a number not above `bar`. */
export const checkRow = (area: string, name: string, value: number, bar: number): CheckRow => ({
  area,
  name,
  value,
  bar,
  pass: value <= bar,
});
