/** @file The Python peers: a virtual environment of pinned packages in the checkout, and trainers as child processes. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Answer, Command } from './settings.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '..', '..');

/** Python of the peers' environment. UNTANGLE_PEERS_PYTHON names a ready one instead. */
export function peersPython(): string {
  const given = process.env.UNTANGLE_PEERS_PYTHON;
  if (given) return given;
  const venv = join(root, '.venv-peers');
  const python = join(venv, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const requirements = join(here, 'requirements.txt');
  const stamp = join(venv, 'installed.txt');
  const wanted = readFileSync(requirements, 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return python;
  console.error('setting up the Python peers in .venv-peers (once; several hundred MB)');
  run('python3', '-m', 'venv', venv);
  run(python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements);
  writeFileSync(stamp, wanted);
  return python;
}

function run(command: string, ...args: string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 2, 2] });
  if (status !== 0)
    throw new Error(`failed: ${command} ${args.join(' ')}${error ? ` (${error.message})` : ''}`);
}

/** Versions that pip reports, of the packages in requirements.txt. */
export function peerVersions(python: string): Record<string, string> {
  const { stdout } = spawnSync(
    python,
    ['-m', 'pip', 'list', '--format=json', '--disable-pip-version-check'],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const wanted = readFileSync(join(here, 'requirements.txt'), 'utf8')
    .split('\n')
    .map((line) => line.split('==')[0]);
  const all = JSON.parse(stdout) as { name: string; version: string }[];
  return Object.fromEntries(
    all.filter(({ name }) => wanted.includes(name)).map(({ name, version }) => [name, version]),
  );
}

/** A trainer in a process of its own that answers one command at a time. */
export interface Trainee {
  readonly name: string;
  ask(command: Command): Promise<Answer>;
  end(): void;
}

export function trainee(name: string, command: string, args: readonly string[]): Trainee {
  const child: ChildProcess = spawn(command, args, { stdio: ['pipe', 'pipe', 2], cwd: root });
  const answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return {
    name,
    async ask(question) {
      child.stdin!.write(`${JSON.stringify(question)}\n`);
      const { value, done } = (await answers.next()) as IteratorResult<string, undefined>;
      if (done) throw new Error(`${name} ended without an answer; its complaint stands above`);
      return JSON.parse(value as string) as Answer;
    },
    end: () => void child.stdin!.end(),
  };
}

export const peer = (name: string, python: string): Trainee =>
  trainee(name, python, [join(here, 'peer.py'), name]);

export const ours = (): Trainee =>
  trainee('untangle', process.execPath, ['--import', 'tsx', join(here, 'ours.ts')]);
