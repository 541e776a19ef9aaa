/** @file What the operating system refuses, said in our words: one table from errno to error code and advice. */
import { FileError, UntangleError } from '../core/errors.ts';

interface Refusal {
  readonly code: string;
  readonly what: string;
  readonly hint: string;
}

const readOnly = (what: string): Refusal => ({
  code: 'disk.read-only',
  what,
  hint: 'make the folder writable, or choose another one with --workspace (downloads: set UNTANGLE_HOME)',
});
const full = (what: string): Refusal => ({
  code: 'disk.full',
  what,
  hint: 'free some space, or choose a workspace on another disk with --workspace; finished steps are kept and the same command goes on from there',
});

const refusals: Readonly<Record<string, Refusal>> = {
  EACCES: readOnly('no permission'),
  EPERM: readOnly('the operation is not permitted'),
  EROFS: readOnly('the file system is read-only'),
  ENOSPC: full('no space is left on the disk'),
  EDQUOT: full('the disk quota is used up'),
  EFBIG: full('the file would be larger than the file system allows'),
  ENOENT: { code: 'file.missing', what: 'there is no such file or folder', hint: 'check the path' },
  ENOTDIR: { code: 'file.missing', what: 'a part of the path is not a folder', hint: 'check the path' },
  EISDIR: { code: 'file.is-folder', what: 'this is a folder, not a file', hint: 'name a file inside it' },
  EEXIST: {
    code: 'file.is-file',
    what: 'a file stands where a folder should be',
    hint: 'name another folder, or move the file away',
  },
  EMFILE: {
    code: 'file.too-many-open',
    what: 'too many files are open',
    hint: 'raise the limit (ulimit -n) or close other programs',
  },
};

/** The operating system's code of an error (`ENOSPC`…), if it has one. */
export const errnoOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/**
 * Any error met while `doing` something (e.g. `cannot write`) with the file at `path`, as a FileError:
 * `disk.read-only`, `disk.full`, `file.missing`, `file.is-folder`, `file.is-file`, `file.too-many-open`, else `file.failed`.
 * Errors of ours pass unchanged.
 */
export function fileFailure(error: unknown, path: string, doing: string): UntangleError {
  if (error instanceof UntangleError) return error;
  const refusal = refusals[errnoOf(error) ?? ''];
  const what = refusal?.what ?? (error instanceof Error ? error.message : String(error));
  // A missing file while reading is the reader's mistake; refused permission while reading is not a full disk.
  if (refusal?.code === 'disk.read-only' && doing.includes('read')) {
    return new FileError('file.no-permission', `${doing} ${path}: ${what}`, {
      where: path,
      hint: 'check who owns the file and its permissions',
      cause: error,
    });
  }
  return new FileError(refusal?.code ?? 'file.failed', `${doing} ${path}: ${what}`, {
    where: path,
    hint: refusal?.hint ?? 'check the path and the disk',
    cause: error,
  });
}
