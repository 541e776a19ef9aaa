/** @file The user's cache of downloads and converted models: where it is, and folders that appear only when whole. */
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { isAlive } from './atomic.ts';
import { errnoOf, fileFailure } from './failures.ts';
import { makeFolder } from './folders.ts';

/** The cache's folder: UNTANGLE_HOME, or `~/.cache/untangle`. */
export const cacheRoot = (): string => process.env.UNTANGLE_HOME || join(homedir(), '.cache', 'untangle');

/** Whether something exists at `path`. */
export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

let counter = 0;

/**
 * The folder `target`, made by `fill` when it is not there. `fill` works in a folder aside, which takes the
 * name `target` when it ends well and is removed when it fails; so a folder that is there is whole. When two
 * processes make the same one, the first stays. Remains of killed processes are cleared away.
 * @throws FileError `disk.read-only`, `disk.full`, `file.failed`; whatever `fill` throws
 */
export async function folderMadeOnce(
  target: string,
  fill: (folder: string) => Promise<void>,
): Promise<{ made: boolean }> {
  if (await exists(target)) return { made: false };
  const parent = dirname(target);
  const aside = join(parent, `.${basename(target)}.${process.pid}-${counter++}.partial`);
  try {
    await makeFolder(aside);
    await clearRemains(parent);
    await fill(aside);
    await rename(aside, target);
    return { made: true };
  } catch (error) {
    await rm(aside, { recursive: true, force: true }).catch(() => {});
    const takenMeanwhile = ['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(errnoOf(error) ?? '');
    if (takenMeanwhile && (await exists(target))) return { made: false };
    throw errnoOf(error) === undefined ? error : fileFailure(error, target, 'cannot write');
  }
}

/** Removes folders aside whose process has died. */
async function clearRemains(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = /^\..*\.(\d+)-\d+\.partial$/.exec(name)?.[1];
    if (pid === undefined || Number(pid) === process.pid || isAlive(Number(pid))) continue;
    await rm(join(parent, name), { recursive: true, force: true }).catch(() => {});
  }
}
