/** @file One process per workspace: a lock file that names its owner, taken over when the owner is dead. */
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileError } from '../core/errors.ts';
import { isAlive } from './atomic.ts';
import { errnoOf, fileFailure } from './failures.ts';
import { makeFolder } from './folders.ts';

export interface WorkspaceLock {
  release(): Promise<void>;
}

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** When the owning process started: tells two processes with one pid apart (containers). */
  readonly started: number;
  readonly since: string;
}

/**
 * Takes the workspace for this process by creating the file `lock` in it, with pid and host inside. A lock whose
 * process has died on this host is taken over.
 * @throws FileError `workspace.locked` naming the other process, `disk.read-only`, `disk.full`
 */
export async function lockWorkspace(folder: string): Promise<WorkspaceLock> {
  const path = join(folder, 'lock');
  const owner: Owner = {
    pid: process.pid,
    host: hostname(),
    started: Math.round(performance.timeOrigin),
    since: new Date().toISOString(),
  };
  const mine = `${JSON.stringify(owner)}\n`;
  try {
    await makeFolder(folder);
    for (let attempt = 0; attempt < 100; attempt++) {
      try {
        await writeFile(path, mine, { flag: 'wx' });
        return { release: () => release(path, mine) };
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST') throw error;
      }
      await removeIfStale(path, folder);
    }
  } catch (error) {
    throw fileFailure(error, folder, 'cannot write to');
  }
  throw new FileError('workspace.locked', `the workspace ${folder} is locked again and again`, {
    where: folder,
    hint: 'several processes are starting in it at once; try again',
  });
}

/** Ends well when the lock at `path` was stale and is gone (or somebody else removed it). */
async function removeIfStale(path: string, folder: string): Promise<void> {
  let text = await readFile(path, 'utf8').catch(() => '');
  if (!parseOwner(text)) {
    // Between creation and writing the file is empty for a moment: look again before calling it stale.
    await sleep(200);
    text = await readFile(path, 'utf8').catch(() => '');
  }
  const owner = parseOwner(text);
  if (owner && !isGone(owner)) {
    const away = owner.host === hostname() ? '' : ` on ${owner.host}`;
    throw new FileError(
      'workspace.locked',
      `process ${owner.pid}${away} has worked in ${folder} since ${owner.since}`,
      {
        where: folder,
        hint: `wait for it or stop it, or choose another folder; if no such process exists, remove ${path}`,
      },
    );
  }
  // One process at a time removes a stale lock, and only the very one it has judged: whoever found the same lock stale
  // and comes later finds another text, a fresh lock, and leaves it.
  const guard = `${path}.takeover`;
  try {
    await writeFile(guard, '', { flag: 'wx' });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    await sleep(20);
    const made = await stat(guard).catch(() => undefined);
    if (made && Date.now() - made.mtimeMs > ABANDONED) await rm(guard, { force: true });
    return;
  }
  try {
    if ((await readFile(path, 'utf8').catch(() => '')) === text) await rm(path, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

/** Milliseconds after which a takeover, a matter of microseconds, counts as broken off. */
const ABANDONED = 10_000;

function isGone(owner: Owner): boolean {
  if (owner.host !== hostname()) return false;
  if (owner.pid === process.pid) return owner.started !== Math.round(performance.timeOrigin);
  return !isAlive(owner.pid);
}

function parseOwner(text: string): Owner | undefined {
  try {
    const value = JSON.parse(text) as Partial<Owner> | null;
    if (Number.isInteger(value?.pid) && typeof value?.host === 'string') return value as Owner;
  } catch {
    // Not JSON: half-written by a process that died, or not ours.
  }
  return undefined;
}

/** Removes the lock if it is still ours. */
async function release(path: string, mine: string): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => '');
  if (text === mine) await rm(path, { force: true });
}
