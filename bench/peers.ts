/** @file The Python peers of a benchmark: a virtual environment of pinned packages in the checkout, and contestants as child processes. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** A benchmark's own environment: pinned packages, the folder they go to, the variable that names a ready Python instead. */
export interface PeerEnvironment {
  readonly requirements: string;
  readonly venv: string;
  readonly variable: string;
}

/** Python of the peers' environment, set up at first use; the environment's variable names a ready one instead. */
export function peersPython({ requirements, venv, variable }: PeerEnvironment): string {
  const given = process.env[variable];
  if (given) return given;
  const folder = join(root, venv);
  const python = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const stamp = join(folder, 'installed.txt');
  const wanted = readFileSync(requirements, 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return python;
  console.error(`setting up the Python peers in ${venv} (once; several hundred MB)`);
  run('python3', '-m', 'venv', folder);
  run(python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements);
  writeFileSync(stamp, wanted);
  return python;
}

function run(command: string, ...args: string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 2, 2] });
  if (status !== 0)
    throw new Error(`failed: ${command} ${args.join(' ')}${error ? ` (${error.message})` : ''}`);
}

/** Versions that pip reports, of the packages in the requirements file. */
export function peerVersions(python: string, requirements: string): Record<string, string> {
  const { stdout } = spawnSync(
    python,
    ['-m', 'pip', 'list', '--format=json', '--disable-pip-version-check'],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const wanted = readFileSync(requirements, 'utf8')
    .split('\n')
    .map((line) => line.split('==')[0]);
  const all = JSON.parse(stdout) as { name: string; version: string }[];
  return Object.fromEntries(
    all.filter(({ name }) => wanted.includes(name)).map(({ name, version }) => [name, version]),
  );
}

/** A side of a comparison in a process of its own that answers one line of JSON to each line of JSON. */
export interface Contestant<Command, Answer> {
  readonly name: string;
  ask(command: Command): Promise<Answer>;
  end(): void;
}

/** Starts `command args` as a contestant; its standard error is shown. Throws when it ends without an answer. */
export function contestant<Command, Answer>(
  name: string,
  command: string,
  args: readonly string[],
): Contestant<Command, Answer> {
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

/** Our side: a TypeScript file run as the program itself is run. */
export const oursFrom = <Command, Answer>(file: string): Contestant<Command, Answer> =>
  contestant('untangle', process.execPath, ['--import', 'tsx', file]);
