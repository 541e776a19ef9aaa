/** @file The cache of a workspace: one folder per finished step, named by the hash of all it depends on. */
import { existsSync } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readJson, writeJson } from '../files/atomic.ts';
import { fileFailure } from '../files/failures.ts';
import { makeFolder } from '../files/folders.ts';

/** What lies in manifest.json beside a step's result. */
const manifestSchema = z.object({
  schema: z.literal(1),
  step: z.string(),
  version: z.int(),
  hash: z.string(),
  config: z.unknown(),
  /** Hash of each step that this one needed, by name. */
  inputs: z.record(z.string(), z.string()),
  versions: z.record(z.string(), z.string()),
  seed: z.int(),
  threads: z.int(),
  begun: z.string(),
  seconds: z.number(),
  bytes: z.number(),
});
export type Manifest = z.output<typeof manifestSchema>;

export interface StepCache {
  /** The folder of all steps. */
  readonly root: string;
  /** Where a finished step lies. */
  folder(hash: string): string;
  /** The manifest of a finished step; undefined when it has not run or its manifest is damaged. */
  manifest(hash: string): Promise<Manifest | undefined>;
  /** The result of a finished step. */
  result(hash: string): Promise<unknown>;
  /** A folder to work in; `resume` keeps what an interrupted run left there. */
  begin(hash: string, resume: boolean): Promise<string>;
  /** Writes result and manifest and gives the folder its final name: from here on the step is finished. */
  commit(hash: string, manifest: Omit<Manifest, 'bytes'>, result: unknown): Promise<void>;
  /** Removes what an unfinished run wrote. */
  abandon(hash: string): Promise<void>;
}

/**
 * The cache of `workspace` (folders are made when first written).
 * @throws FileError of its methods: `disk.full`, `disk.read-only`, `file.failed`
 */
export function openCache(workspace: string): StepCache {
  const root = join(workspace, 'cache');
  const folder = (hash: string) => join(root, hash);
  const partial = (hash: string) => join(root, `${hash}.partial`);
  const guarded = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw fileFailure(error, path, 'cannot write');
    }
  };
  return {
    root,
    folder,
    async manifest(hash) {
      const path = join(folder(hash), 'manifest.json');
      if (!existsSync(path) || !existsSync(join(folder(hash), 'result.json'))) return undefined;
      const manifest = await readJson(path, manifestSchema).catch(() => undefined);
      return manifest?.hash === hash ? manifest : undefined;
    },
    result: (hash) => readJson(join(folder(hash), 'result.json')),
    begin: (hash, resume) =>
      guarded(root, async () => {
        if (!resume) await rm(partial(hash), { recursive: true, force: true });
        await makeFolder(partial(hash));
        return partial(hash);
      }),
    commit: (hash, manifest, result) =>
      guarded(folder(hash), async () => {
        await writeJson(join(partial(hash), 'result.json'), result);
        const bytes = await sizeOfFolder(partial(hash));
        await writeJson(join(partial(hash), 'manifest.json'), { ...manifest, bytes });
        await rm(folder(hash), { recursive: true, force: true });
        await rename(partial(hash), folder(hash));
      }),
    abandon: (hash) => rm(partial(hash), { recursive: true, force: true }).catch(() => {}),
  };
}

/** Bytes of all files below a folder. */
async function sizeOfFolder(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map((file) => stat(join(file.parentPath, file.name))));
  return sizes.reduce((sum, { size }) => sum + size, 0);
}
