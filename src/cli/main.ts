#!/usr/bin/env node
/** @file Entry of the command line: parses, runs one command, and ends with the exit code others script against. */
import { CommanderError } from 'commander';
import { UsageError } from '../core/errors.ts';
import { exitCodeOf, exitCodes, printError } from './errors.ts';
import { watchInterrupts } from './interrupts.ts';
import type { Io } from './io.ts';
import { program } from './program.ts';
import { styleText } from './style.ts';

/** A reader that has gone (`untangle … | head`) is no failure of ours. */
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.ok);
    throw error;
  });
}

const interrupts = watchInterrupts(() => process.stderr.write('\nstopping (Ctrl-C again to end at once)…\n'));
const io: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  live: process.stderr.isTTY === true,
  interactive: process.stdin.isTTY === true && process.stdout.isTTY === true,
  columns: process.stderr.columns ?? 100,
  style: styleText(process.stderr.isTTY === true),
  signal: interrupts.signal,
  self: import.meta.url.endsWith('.ts') ? 'npm run -s untangle --' : 'untangle',
};

/** Runs one command and returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  const json = args.includes('--json');
  try {
    const root = program(io);
    if (args.length === 0) io.out(root.helpInformation());
    else await root.parseAsync(args, { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
    const known = error instanceof CommanderError ? usageError(error) : error;
    printError(known, io, json);
    return exitCodeOf(known);
  }
}

/** Our codes for commander's. */
const usageCodes: Readonly<Record<string, string>> = {
  'commander.unknownCommand': 'usage.unknown-command',
  'commander.unknownOption': 'usage.unknown-option',
  'commander.missingArgument': 'usage.missing-argument',
  'commander.optionMissingArgument': 'usage.missing-value',
  'commander.missingMandatoryOptionValue': 'usage.missing-option',
  'commander.invalidArgument': 'usage.invalid-value',
  'commander.excessArguments': 'usage.too-many-arguments',
};

/** Commander's complaint in our words. */
function usageError(error: CommanderError): UsageError {
  const [message, suggestion] = error.message.replace(/^error: /, '').split('\n');
  return new UsageError(usageCodes[error.code] ?? 'usage.wrong', message ?? error.message, {
    hint: suggestion
      ? suggestion.replace(/^\(|\)$/g, '')
      : '`untangle --help` lists the commands and examples',
    cause: error,
  });
}

process.exitCode = await main(process.argv.slice(2));
interrupts.close();
