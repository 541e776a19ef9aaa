/** @file Fetching files over HTTP: whole or not at all, checked, with progress, stopped by a signal. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { FileError, throwIfAborted } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';
import { writeAtomically } from './atomic.ts';
import { fileFailure } from './failures.ts';

export interface DownloadOptions extends WorkContext {
  readonly headers?: Readonly<Record<string, string>>;
  /** The file's SHA-256 in hex; another content is refused. */
  readonly sha256?: string;
  /** Seconds to wait for the answer's start; a stalled body gets six times as long. */
  readonly patience?: number;
}

/**
 * Downloads `url` to the file `target`, which appears when it is whole. Progress: task `download/<file name>`.
 * @throws FileError `file.download` (no answer, a refusal, a stall, a cut answer), `file.checksum`, `disk.full`
 */
export async function download(url: string, target: string, options: DownloadOptions): Promise<void> {
  const { progress, signal, headers, sha256, patience = 10 } = options;
  throwIfAborted(signal);
  const task = `download/${basename(target)}`;
  const clock = watchdog(patience, signal);
  const failed = (what: string, cause?: unknown) =>
    new FileError('file.download', `${hostOf(url)}: ${what}`, {
      where: url,
      hint: 'check the network connection (proxies are read from HTTPS_PROXY by Node 24 and later)',
      cause,
    });
  const begun = performance.now();
  try {
    const response = await fetch(url, { signal: clock.signal, headers: { ...headers }, redirect: 'follow' });
    if (!response.ok || !response.body)
      throw failed(`answered ${response.status} ${response.statusText}`.trim());
    const total = Number(response.headers.get('content-length')) || undefined;
    progress({ type: 'start', task, label: `Downloading ${basename(target)}`, total, unit: 'bytes' });
    clock.allow(6 * patience);
    const body = response.body;
    await writeAtomically(target, async (file) => {
      const hash = createHash('sha256');
      let done = 0;
      for await (const piece of body) {
        clock.allow(6 * patience);
        hash.update(piece);
        await file.writeFile(piece);
        done += piece.length;
        progress({ type: 'advance', task, done, total });
      }
      if (total !== undefined && done !== total && !response.headers.get('content-encoding'))
        throw failed(`sent ${done} of ${total} bytes`);
      checkSum(url, hash.digest('hex'), sha256);
    });
    progress({ type: 'end', task, seconds: (performance.now() - begun) / 1000 });
  } catch (error) {
    throwIfAborted(signal);
    if (error instanceof FileError && error.code !== 'file.failed') throw error;
    if (clock.signal.aborted) throw failed(`no answer within ${clock.seconds()} seconds`, error);
    throw failed(reasonOf(error), error);
  } finally {
    clock.stop();
  }
}

/** @throws FileError `file.checksum` unless `actual` is the `expected` SHA-256 (when one is given) */
export function checkSum(where: string, actual: string, expected: string | undefined): void {
  if (expected === undefined || actual === expected) return;
  throw new FileError('file.checksum', `${where} has the SHA-256 ${actual}, expected ${expected}`, {
    where,
    hint: 'the content is not the one that was pinned: it was damaged on the way, or the publisher changed it',
  });
}

/** SHA-256 of a file in hex, read in pieces. @throws FileError `file.missing`, `file.no-permission` */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20 }))
      hash.update(piece as Buffer);
  } catch (error) {
    throw fileFailure(error, path, 'cannot read');
  }
  return hash.digest('hex');
}

/** An abort signal that fires when the caller's does, or when the allowed time passes without a new `allow`. */
function watchdog(seconds: number, outer: AbortSignal | undefined) {
  const controller = new AbortController();
  const abort = () => controller.abort();
  let allowed = seconds;
  let timer = setTimeout(abort, 1000 * seconds);
  outer?.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    seconds: () => allowed,
    allow(next: number) {
      allowed = next;
      clearTimeout(timer);
      timer = setTimeout(abort, 1000 * next);
    },
    stop() {
      clearTimeout(timer);
      outer?.removeEventListener('abort', abort);
    },
  };
}

/** fetch hides the reason ("fetch failed") in the cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}

const hostOf = (url: string): string => {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
};
