/** @file Opening many damaged files in a process of their own: crashes, hangs and greed are seen and told by file. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer } from './child.ts';
import { type Format, writeDamaged } from './formats.ts';

/** Longest that a file may take, and most memory beside four times its size. */
const LIMITS = { milliseconds: 5000, bytes: 64 * 2 ** 20 } as const;

export interface Sweep {
  /** How often each outcome came. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** What must not be: file, and why. */
  readonly faults: readonly string[];
  /** Most memory that opening one took. */
  readonly mostGrown: number;
}

/** Damaged files `from` to `to` of a format. */
export async function sweep(format: Format, from: number, to: number): Promise<Sweep> {
  const folder = mkdtempSync(join(tmpdir(), 'untangle-fuzz-'));
  const outcomes: Record<string, number> = {};
  const faults: string[] = [];
  let mostGrown = 0;
  let child = await started(folder);
  try {
    for (let i = from; i < to; i++) {
      const path = await writeDamaged(format, i, folder);
      const result = await asked(child, path);
      const name = `${format} ${i}`;
      if (typeof result === 'string') {
        faults.push(`${name}: ${result}`);
        child.kill('SIGKILL');
        child = await started(folder);
        continue;
      }
      outcomes[result.outcome] = (outcomes[result.outcome] ?? 0) + 1;
      mostGrown = Math.max(mostGrown, result.grown);
      if (result.outcome === 'unknown error') faults.push(`${name}: ${result.message.slice(0, 600)}`);
      const allowed = 4 * sizeOf(path) + LIMITS.bytes;
      if (result.grown > allowed) faults.push(`${name}: took ${result.grown} bytes, ${allowed} are allowed`);
      rmSync(join(folder, `${format}-${i}`), { recursive: true, force: true });
    }
    return { outcomes, faults, mostGrown };
  } finally {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Bytes of a file, or of all files of a folder. */
function sizeOf(path: string): number {
  const state = statSync(path);
  if (!state.isDirectory()) return state.size;
  return readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0);
}

async function started(home: string): Promise<ChildProcess> {
  const child = fork('test/fuzz/child.ts', {
    execArgv: ['--expose-gc', '--import', 'tsx'],
    env: { ...process.env, UNTANGLE_HOME: join(home, 'home'), HF_HUB_OFFLINE: '1' },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const first = await answerOf(child, 60_000);
  if (typeof first === 'string') throw new Error(`the process that opens files did not start: ${first}`);
  return child;
}

function asked(child: ChildProcess, path: string): Promise<Answer | string> {
  const answer = answerOf(child, LIMITS.milliseconds);
  child.send({ path });
  return answer;
}

/** The next answer, or why there is none. Time counts as the processor's, so that a busy machine is no hang. */
function answerOf(child: ChildProcess, milliseconds: number): Promise<Answer | string> {
  return new Promise((resolve) => {
    const begun = processorTime(child);
    const finish = (result: Answer | string) => {
      clearInterval(timer);
      child.off('message', finish);
      child.off('exit', ended);
      resolve(result);
    };
    const ended = (code: number | null, signal: string | null) => finish(`crashed (${signal ?? code})`);
    let waited = 0;
    const timer = setInterval(() => {
      waited += 250;
      if (processorTime(child) - begun > milliseconds || waited > 12 * milliseconds)
        finish(`hung for ${milliseconds} ms`);
    }, 250);
    child.on('message', finish);
    child.on('exit', ended);
  });
}

/** Milliseconds of processor time that a process has had; the clock where the system does not tell. */
function processorTime(child: ChildProcess): number {
  try {
    const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return performance.now();
  }
}
