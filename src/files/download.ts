/** @file Fetching files over HTTP: whole or not at all, checked, taken up where it broke off, stopped by a signal. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FileError, throwIfAborted } from '../core/errors.ts';
import { isAlive, temporaryName } from './atomic.ts';
import { fileFailure } from './failures.ts';
import { makeFolder } from './folders.ts';
import { type Answer, type RequestOptions, refusalOf, request, unreachable } from './http.ts';

export interface DownloadOptions extends RequestOptions {
  /** The file's SHA-256 in hex; another content is refused. */
  readonly sha256?: string;
  /** The SHA-1 that git gives the content (of `blob <size>\0` and the content), for files that are checked by it. */
  readonly gitSha1?: string;
  /** Bytes of the file, where known beforehand. */
  readonly size?: number;
}

/** How often a connection that broke after it had brought something is taken up again. */
const RESUMES = 5;

/**
 * Downloads `url` to the file `target`, which appears when it is whole. Progress: task `download/<file name>`.
 * Where the content can be checked (a hash is given) what came is kept when the connection breaks or the process
 * is stopped, and the rest is asked for (Range), now and by the next call; content with another hash is removed.
 * @throws FileError `file.refused`, `file.rate-limit`, `file.download` (no answer, a stall, a cut answer),
 *   `file.checksum`, `disk.full`, `disk.read-only`
 */
export async function download(url: string, target: string, options: DownloadOptions): Promise<void> {
  const { progress, signal } = options;
  throwIfAborted(signal);
  const checked = options.sha256 !== undefined || options.gitSha1 !== undefined;
  const task = `download/${basename(target)}`;
  const begun = performance.now();
  const part = temporaryName(target);
  try {
    await makeFolder(dirname(target));
    if (checked) await takeUp(target, part);
    for (let resumes = 0; ; ) {
      const before = await sizeOfFile(part);
      try {
        await fetchRest(url, part, task, options, checked);
        await checkContent(url, part, options);
        break;
      } catch (error) {
        throwIfAborted(signal);
        const more = (await sizeOfFile(part)) > before;
        const cut = error instanceof FileError && error.code === 'file.download';
        if (checked && cut && more && resumes++ < RESUMES) continue;
        // A part that was kept may have been of another version, or damaged: once more from the start.
        const stale = error instanceof FileError && error.code === 'file.checksum';
        if ((stale && before > 0) || refusalOf(error)?.status === 416) {
          await rm(part, { force: true });
          if (resumes++ < RESUMES) continue;
        }
        throw error;
      }
    }
    await rename(part, target);
    progress({ type: 'end', task, seconds: (performance.now() - begun) / 1000 });
  } catch (error) {
    const spoiled = error instanceof FileError && error.code === 'file.checksum';
    if (!checked || spoiled || (await sizeOfFile(part)) === 0)
      await rm(part, { force: true }).catch(() => {});
    else await rename(part, keptName(target)).catch(() => {});
    throwIfAborted(signal);
    throw fileFailure(error, target, 'cannot write');
  }
}

/** Where the beginning of a file that broke off waits. */
const keptName = (target: string): string => join(dirname(target), `.${basename(target)}.incomplete`);

/** Gives what an earlier call left of `target` the name `part`: kept in order, or by a process that was killed. */
async function takeUp(target: string, part: string): Promise<void> {
  const [folder, name] = [dirname(target), basename(target)];
  const left = (await readdir(folder)).filter((entry) => {
    if (!entry.startsWith(`.${name}.`)) return false;
    const pid = /^(\d+)-[0-9a-f]+\.partial$/.exec(entry.slice(name.length + 2))?.[1];
    return pid !== undefined && Number(pid) !== process.pid && !isAlive(Number(pid));
  });
  // Only one of several processes can move a file: no two write to one.
  for (const candidate of [keptName(target), ...left.map((entry) => join(folder, entry))]) {
    const taken = await rename(candidate, part).then(
      () => true,
      () => false,
    );
    if (taken) return;
  }
}

/** Appends to `part` what is missing. */
async function fetchRest(
  url: string,
  part: string,
  task: string,
  options: DownloadOptions,
  checked: boolean,
): Promise<void> {
  let done = checked ? await sizeOfFile(part) : 0;
  if (done > 0 && done === options.size) return;
  const range = done > 0 ? { range: `bytes=${done}-` } : undefined;
  // Without compression the bytes are those of the file, and can be counted.
  const headers = { 'accept-encoding': 'identity', ...options.headers, ...range };
  await request(url, { ...options, headers }, async (answer) => {
    if (done > 0 && !continues(answer, done)) done = 0;
    const length = Number(answer.headers.get('content-length')) || undefined;
    const total = options.size ?? (length === undefined ? undefined : done + length);
    const label = `Downloading ${task.slice('download/'.length)}`;
    options.progress({ type: 'start', task, label, ...(total ? { total } : {}), unit: 'bytes' });
    await requireSpace(part, (total ?? done) - done);
    const file = await open(part, done > 0 ? 'a' : 'w');
    try {
      for await (const piece of answer.body) {
        await file.writeFile(piece);
        done += piece.length;
        options.progress({ type: 'advance', task, done, ...(total ? { total } : {}) });
      }
      await file.sync();
    } catch (error) {
      // The system's refusals carry a code of their own; the rest is the connection's.
      throw error instanceof Error && 'syscall' in error && String(error.syscall).match(/write|sync/)
        ? fileFailure(error, part, 'cannot write')
        : error;
    } finally {
      await file.close();
    }
    const encoded = answer.headers.get('content-encoding');
    if (total !== undefined && done !== total && !encoded)
      throw unreachable(url, `sent ${done} of ${total} bytes`);
  });
}

/** Whether an answer goes on from byte `at` (206 with that range); else it is the whole file. */
const continues = (answer: Answer, at: number): boolean =>
  answer.status === 206 && (answer.headers.get('content-range') ?? '').startsWith(`bytes ${at}-`);

/** @throws FileError `disk.full` when fewer than `bytes` are free where `path` will lie */
async function requireSpace(path: string, bytes: number): Promise<void> {
  const disk = await statfs(dirname(path)).catch(() => undefined);
  if (!disk || disk.bavail * disk.bsize >= bytes) return;
  const gigabytes = (count: number) => `${(count / 1e9).toPrecision(3)} GB`;
  const free = gigabytes(disk.bavail * disk.bsize);
  throw new FileError('disk.full', `${gigabytes(bytes)} are needed in ${dirname(path)}, ${free} are free`, {
    where: dirname(path),
    hint: 'free some space, or put downloads on another disk (UNTANGLE_HOME, or HF_HOME for those of the hub)',
  });
}

/** @throws FileError `file.checksum` when the file at `part`, which came from `url`, is not the one that was asked for */
export async function checkContent(
  url: string,
  part: string,
  { sha256, gitSha1 }: Pick<DownloadOptions, 'sha256' | 'gitSha1'>,
): Promise<void> {
  if (sha256 !== undefined) checkSum(url, await fileSha256(part), sha256);
  if (gitSha1 === undefined) return;
  const header = `blob ${await sizeOfFile(part)}\0`;
  checkSum(url, await hashFile(part, createHash('sha1').update(header)), gitSha1);
}

const sizeOfFile = (path: string): Promise<number> =>
  stat(path).then(
    (state) => state.size,
    () => 0,
  );

/** @throws FileError `file.checksum` unless `actual` is the `expected` hash (when one is given) */
export function checkSum(where: string, actual: string, expected: string | undefined): void {
  if (expected === undefined || actual === expected) return;
  const kind = actual.length === 64 ? 'SHA-256' : 'SHA-1';
  throw new FileError('file.checksum', `${where} has the ${kind} ${actual}, expected ${expected}`, {
    where,
    hint: 'the content is not the one that was pinned: it was damaged on the way, or the publisher changed it',
  });
}

/** SHA-256 of a file in hex, read in pieces. @throws FileError `file.missing`, `file.no-permission` */
export const fileSha256 = (path: string): Promise<string> => hashFile(path, createHash('sha256'));

async function hashFile(path: string, hash: Hash): Promise<string> {
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20 }))
      hash.update(piece as Buffer);
  } catch (error) {
    throw fileFailure(error, path, 'cannot read');
  }
  return hash.digest('hex');
}
