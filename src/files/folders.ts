/** @file Folders: made one after the other from the first that is missing, and told beforehand where none can be made. */
import { lstat, mkdir, mkdtemp, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { FileError } from '../core/errors.ts';
import { errnoOf, fileFailure } from './failures.ts';

/**
 * Makes a folder and those above it, where they are not there.
 * @throws FileError `disk.read-only` (also where the place takes no folders, as /proc), `disk.full`, `file.is-file`,
 *   `file.missing` (below a file, or by a link to nothing), `file.failed`
 */
export const makeFolder = (path: string): Promise<void> => asFileError(path, makeFolders(resolve(path)));

/**
 * Throws where makeFolder() would, and leaves nothing behind: for commands that may never write there.
 * @throws FileError as makeFolder()
 */
export const checkFolder = (path: string): Promise<void> => asFileError(path, tryFolder(resolve(path)));

const asFileError = (path: string, work: Promise<void>): Promise<void> =>
  work.catch((error: unknown) => {
    throw fileFailure(error, path, 'cannot make the folder');
  });

/**
 * `recursive` of Node's own mkdir never comes back where mkdir says ENOENT though the folder above is there (/proc, a
 * link to nothing): it goes up and down between the two for ever.
 */
async function makeFolders(path: string, parentMade = false): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const parent = dirname(path);
    if (errnoOf(error) === 'ENOENT' && !parentMade && parent !== path) {
      await makeFolders(parent);
      return makeFolders(path, true);
    }
    if (!(await isFolder(path))) throw await noFolder(error, path);
  }
}

/** A folder of a name of its own in the nearest folder that is there, made and removed. */
async function tryFolder(path: string, child = path): Promise<void> {
  if (await isFolder(path)) {
    if (path === child) return;
    try {
      await rmdir(await mkdtemp(join(path, '.untangle-')));
    } catch (error) {
      throw await noFolder(error, child);
    }
    return;
  }
  const there = await lstat(path).catch((error: unknown) => errnoOf(error));
  if (there !== 'ENOENT' || dirname(path) === path)
    throw await noFolder(
      Object.assign(new Error(), { code: typeof there === 'string' ? there : 'EEXIST' }),
      path,
    );
  return tryFolder(dirname(path), path);
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

/** Why there is no folder at `path`, where the system's code alone would mislead; else the error as it is. */
async function noFolder(error: unknown, path: string): Promise<unknown> {
  const said = (code: string, what: string, hint: string) =>
    new FileError(code, `cannot make the folder ${path}: ${what}`, { where: path, hint, cause: error });
  if (errnoOf(error) === 'ENOENT')
    return said(
      'disk.read-only',
      `no folders can be made in ${dirname(path)}`,
      'choose another folder with --workspace (downloads: set UNTANGLE_HOME)',
    );
  const link = await lstat(path).catch(() => undefined);
  if (errnoOf(error) === 'EEXIST' && link?.isSymbolicLink() && !(await stat(path).catch(() => undefined)))
    return said(
      'file.missing',
      'it is a link to a place that is not there',
      'mount its disk, or mend the link',
    );
  return error;
}
