/** @file Errors as a user sees them: what, where, what to do, and the code to look up. */
import { InterruptedError, reportError, UsageError } from '../core/errors.ts';
import { type Io, printJson } from './io.ts';

/** Exit codes that others script against. */
export const exitCodes = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const;

/** The exit code that tells this error. */
export const exitCodeOf = (error: unknown): number =>
  error instanceof InterruptedError
    ? exitCodes.interrupted
    : error instanceof UsageError
      ? exitCodes.usage
      : exitCodes.failure;

/** Prints an error for people on standard error and, with --json, as a document on standard output. */
export function printError(error: unknown, io: Io, json: boolean): void {
  const report = reportError(error);
  const { style } = io;
  const lines = [`${style.bad(report.code === 'interrupted' ? 'stopped:' : 'error:')} ${report.message}`];
  if (report.where) lines.push(`  ${style.faint('where')} ${report.where}`);
  if (report.hint) lines.push(`  ${style.faint('hint')}  ${report.hint}`);
  lines.push(`  ${style.faint('code')}  ${report.code}`);
  if (report.code === 'internal' && error instanceof Error && error.stack)
    lines.push(style.faint(error.stack));
  io.err(`${lines.join('\n')}\n`);
  if (json) printJson(io, { error: report });
}
