/** @file What a command may touch of the outside: streams, terminal, the signal to stop. */
import type { StyleText } from './style.ts';

export interface Io {
  /** Writes to standard output. */
  out(text: string): void;
  /** Writes to standard error. */
  err(text: string): void;
  /** Whether standard error is a terminal: live progress goes there. */
  readonly live: boolean;
  /** Whether a person sits in front: standard input and output are terminals. */
  readonly interactive: boolean;
  /** Columns of the terminal. */
  readonly columns: number;
  readonly style: StyleText;
  /** Fires at the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** How this program was called, for commands shown to people. */
  readonly self: string;
}

/** Prints one JSON document on standard output. */
export const printJson = (io: Pick<Io, 'out'>, value: unknown): void =>
  io.out(`${JSON.stringify(value, null, 2)}\n`);
