/** @file What a step knows of files it depends on without reading them: names, sizes and times of change. */
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { contentHash } from '../../core/hash.ts';

/** A name stays itself; the path of a file or folder becomes its name and a hash of the files' sizes and times. */
export async function fingerprint(nameOrPath: string): Promise<string> {
  const at = await stat(nameOrPath).catch(() => undefined);
  if (!at) return nameOrPath;
  const files = at.isDirectory()
    ? (await readdir(nameOrPath, { recursive: true })).sort().map((name) => join(nameOrPath, name))
    : [nameOrPath];
  const states = await Promise.all(
    files.map(async (file) => {
      const state = await stat(file).catch(() => undefined);
      return state?.isFile() ? [basename(file), state.size, Math.round(state.mtimeMs)] : [];
    }),
  );
  return `${basename(nameOrPath)}@${contentHash(states)}`;
}
