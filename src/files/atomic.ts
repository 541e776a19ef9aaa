/** @file Writing so that a reader never sees half a file: a temporary name beside it, synced, then renamed. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FileError } from '../core/errors.ts';
import { errnoOf, fileFailure } from './failures.ts';
import { makeFolder } from './folders.ts';

/** A name beside `path` that no other process or call uses. `removeTemporaries` knows it by its ending. */
export const temporaryName = (path: string): string =>
  join(dirname(path), `.${basename(path)}.${process.pid}-${randomBytes(4).toString('hex')}.partial`);

/**
 * Calls `write` with a fresh open file and the temporary path; when it ends well the file is synced and takes
 * the name `path`. On any failure nothing is left behind and an older file at `path` stays as it was.
 * @throws FileError `disk.full`, `disk.read-only`, `file.failed`
 */
export async function writeAtomically(
  path: string,
  write: (file: FileHandle, temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryName(path);
  let file: FileHandle | undefined;
  try {
    await makeFolder(dirname(path));
    file = await open(temporary, 'w');
    await write(file, temporary);
    await file.sync();
    await file.close();
    file = undefined;
    await rename(temporary, path);
  } catch (error) {
    await file?.close().catch(() => {});
    await rm(temporary, { force: true }).catch(() => {});
    throw fileFailure(error, path, 'cannot write');
  }
  await syncFolder(dirname(path));
}

/**
 * Makes a folder and sees that files can be written in it: for work whose result is written at its end.
 * @throws FileError as makeFolder()
 */
export async function makeWritable(folder: string): Promise<void> {
  await makeFolder(folder);
  const trial = temporaryName(join(folder, 'trial'));
  try {
    await writeFile(trial, new Uint8Array(4096));
  } catch (error) {
    throw fileFailure(error, folder, 'cannot write to');
  } finally {
    await rm(trial, { force: true }).catch(() => {});
  }
}

/** Writes text, bytes, or several pieces of bytes one after the other. */
export const writeFileAtomic = (
  path: string,
  data: string | Uint8Array | readonly Uint8Array[],
): Promise<void> =>
  writeAtomically(path, async (file) => {
    const pieces = typeof data === 'string' || data instanceof Uint8Array ? [data] : data;
    for (const piece of pieces) await file.writeFile(piece);
  });

/** Writes a value as JSON with two spaces of indentation and a closing newline. */
export const writeJson = (path: string, value: unknown): Promise<void> =>
  writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);

/** Anything that turns an unknown value into a T or throws: a zod schema, for one. */
export interface Schema<T> {
  parse(value: unknown): T;
}

/**
 * Reads a JSON file; `schema` (zod) checks it.
 * @throws FileError `file.missing`, `file.json` (not JSON, with the place), `file.schema` (JSON of another form)
 */
export async function readJson<T = unknown>(path: string, schema?: Schema<T>): Promise<T> {
  const text = await readText(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new FileError('file.json', `${path} is not JSON: ${(error as Error).message}`, {
      where: path,
      hint: 'the file is damaged or of another kind; remove it to have it made again',
      cause: error,
    });
  }
  try {
    return schema ? schema.parse(value) : (value as T);
  } catch (error) {
    throw new FileError('file.schema', `${path} has not the expected form: ${(error as Error).message}`, {
      where: path,
      hint: 'it may come from another version of Untangle; remove it to have it made again',
      cause: error,
    });
  }
}

/** What readJson has against a file, in one line, when it is no JSON or JSON of another form; undefined for other errors. */
export function formFault(error: unknown): string | undefined {
  if (!(error instanceof FileError) || !['file.json', 'file.schema'].includes(error.code)) return undefined;
  const { cause } = error;
  const issue =
    cause instanceof Error && 'issues' in cause && Array.isArray(cause.issues) ? cause.issues[0] : undefined;
  if (!issue) return cause instanceof Error ? cause.message : error.message;
  const { path, message } = issue as { path: readonly PropertyKey[]; message: string };
  return path.length > 0 ? `${path.map(String).join('.')}: ${message}` : message;
}

/** A whole text file. @throws FileError `file.missing` and the like */
export const readText = (path: string): Promise<string> =>
  readFile(path, 'utf8').catch((error: unknown) => {
    throw fileFailure(error, path, 'cannot read');
  });

/** Removes what killed processes left half-written in `folder` (temporary names only), and says how many. */
export async function removeTemporaries(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => [] as string[]);
  const old = names.filter((name) => {
    const pid = /^\..*\.(\d+)-[0-9a-f]+\.partial$/.exec(name)?.[1];
    return pid !== undefined && Number(pid) !== process.pid && !isAlive(Number(pid));
  });
  for (const name of old) await rm(join(folder, name), { force: true }).catch(() => {});
  return old.length;
}

/** Whether a process with this id runs (also when it belongs to somebody else). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}

/** Makes a rename durable; folders cannot be opened for this on Windows, which needs no such call. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close().catch(() => {});
}
