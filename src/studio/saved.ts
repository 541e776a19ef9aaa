/** @file Results that commands left in the workspace beside a study: bias studies, importance, circuits by energy, learning. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FileError } from '../core/errors.ts';
import { readJson } from '../files/atomic.ts';
import { BIAS_FILE, biasFolder, energyFile } from '../study/saved.ts';
import type { SavedKind } from './shapes.ts';

export interface SavedSource {
  /** Names of the bias studies, in alphabetical order. */
  biasNames(): Promise<string[]>;
  /** A bias study; undefined when there is none of this name. */
  bias(name: string): Promise<unknown>;
  /** The last result of `untangle energy KIND`; undefined when there is none. */
  energy(kind: SavedKind): Promise<unknown>;
}

/** Nothing was saved. */
export const nothingSaved: SavedSource = {
  biasNames: async () => [],
  bias: async () => undefined,
  energy: async () => undefined,
};

const orUndefined = (reading: Promise<unknown>): Promise<unknown> =>
  reading.catch((error: unknown) => {
    if (error instanceof FileError && error.code === 'file.missing') return undefined;
    throw error;
  });

/** What lies in a workspace. Looked up at every question: commands may run beside the Studio. */
export function savedIn(workspace: string): SavedSource {
  const names = async (): Promise<string[]> => {
    const entries = await readdir(biasFolder(workspace), { withFileTypes: true }).catch(() => []);
    return entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort();
  };
  return {
    biasNames: names,
    async bias(name) {
      // Only names that the folder holds: nothing of a request becomes a path.
      const known = (await names()).find((one) => one === name);
      if (known === undefined) return undefined;
      return orUndefined(readJson(join(biasFolder(workspace), known, BIAS_FILE)));
    },
    energy: (kind) => orUndefined(readJson(energyFile(workspace, kind))),
  };
}
