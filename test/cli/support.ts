/** @file Runs the real command line as a user does, or one command of it within the test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Io } from '../../src/cli/io.ts';
import { styleText } from '../../src/cli/style.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Starts `untangle` with `args`; `watch` is called with all of standard error whenever more has come. */
export function untangle(
  args: readonly string[],
  {
    cwd,
    env,
    watch,
  }: { cwd?: string; env?: Record<string, string>; watch?: (err: string, child: ChildProcess) => void } = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), main, ...args], {
    ...(cwd ? { cwd } : {}),
    ...(env ? { env: { ...process.env, ...env } } : {}),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (data: Buffer) => {
    out += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    err += data.toString();
    watch?.(err, child);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

/** Streams that keep what was said. */
export function fakeIo(live: boolean, signal = new AbortController().signal) {
  const said = { out: '', err: '' };
  const io: Io = {
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    live,
    interactive: false,
    columns: 80,
    style: styleText(false),
    signal,
    self: 'untangle',
  };
  return { io, said };
}

/** What a command prints, without a process of its own; its errors are thrown. */
export async function within(args: readonly string[], signal?: AbortSignal): Promise<string> {
  const { program } = await import('../../src/cli/program.ts');
  const { io, said } = fakeIo(false, signal);
  await program(io).parseAsync([...args], { from: 'user' });
  return said.out;
}
