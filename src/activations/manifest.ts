/** @file What a harvest has finished: the manifest that a later start goes on from, and the result at the end. */
import { join } from 'node:path';
import { z } from 'zod';
import { DataError } from '../core/errors.ts';
import { sha256 } from '../core/hash.ts';
import type { Window } from '../data/windows.ts';
import { readJson, writeJson } from '../files/atomic.ts';
import { exists } from '../files/cache.ts';

const manifestSchema = z.object({
  /** Hash of all that the activations depend on. */
  key: z.string(),
  storage: z.record(z.string(), z.enum(['float16', 'float32'])),
  /** Finished shards, which hold the windows 0 … windows − 1. */
  shards: z.int().nonnegative(),
  windows: z.int().nonnegative(),
  seconds: z.number(),
});

export type Manifest = z.infer<typeof manifestSchema>;

const siteSchema = z.object({
  site: z.string(),
  /** Numbers per row. */
  width: z.int(),
  /** Rows kept: what `openActivations` reads. */
  rows: z.int(),
  shards: z.array(z.string()),
  storage: z.enum(['float16', 'float32']),
  /** √(Σ x² / (rows · width)) of the kept rows. */
  rootMeanSquare: z.number(),
  /** The same after the mean row is taken away. */
  standardDeviation: z.number(),
  /** Of the positions beside the first. */
  medianNorm: z.number(),
  leftOut: z.object({
    /** First positions of windows. */
    first: z.int(),
    /** Later positions with a norm above `threshold`. */
    byNorm: z.int(),
    /** byNorm as a share of the positions beside the first. */
    share: z.number(),
    threshold: z.number(),
  }),
});

export type HarvestSite = z.infer<typeof siteSchema>;

const resultSchema = z.object({
  key: z.string(),
  windows: z.int(),
  tokens: z.int(),
  seconds: z.number(),
  tokensPerSecond: z.number(),
  sites: z.array(siteSchema),
});

export type HarvestResult = z.infer<typeof resultSchema>;

const manifestFile = (folder: string): string => join(folder, 'manifest.json');
const resultFile = (folder: string): string => join(folder, 'harvest.json');

/** Hash of the tokens of windows, with their lengths. */
export const windowsHash = (windows: readonly Window[]): string =>
  sha256(
    windows
      .map((w) => sha256(new Uint8Array(w.tokens.buffer, w.tokens.byteOffset, w.tokens.byteLength)))
      .join(),
  );

export const saveManifest = (folder: string, manifest: Manifest): Promise<void> =>
  writeJson(manifestFile(folder), manifest);

export const saveResult = (folder: string, result: HarvestResult): Promise<void> =>
  writeJson(resultFile(folder), result);

/**
 * The manifest in `folder`, an empty one when nothing has been harvested there.
 * @throws DataError `activations.other-harvest` when the folder holds activations of something else
 */
export async function loadManifest(folder: string, key: string): Promise<Manifest> {
  if (!(await exists(manifestFile(folder)))) return { key, storage: {}, shards: 0, windows: 0, seconds: 0 };
  const manifest = await readJson(manifestFile(folder), manifestSchema);
  if (manifest.key === key) return manifest;
  throw new DataError(
    'activations.other-harvest',
    `${folder} holds activations of another model, text or site`,
    {
      where: folder,
      hint: 'harvest into an empty folder, or remove this one',
    },
  );
}

/** The result of a finished harvest; undefined while it is unfinished. */
export async function loadResult(folder: string): Promise<HarvestResult | undefined> {
  return (await exists(resultFile(folder))) ? readJson(resultFile(folder), resultSchema) : undefined;
}
