/** @file Where an imported dictionary comes from, kept beside it: origin.json, and how often its features were active. */
import { join } from 'node:path';
import { z } from 'zod';
import { readJson, writeJson } from '../../files/atomic.ts';
import { exists } from '../../files/cache.ts';
import { saveDictionary } from '../files.ts';
import type { Dictionary } from '../types.ts';
import type { Origin } from './format.ts';
import { readSparsity, writeSparsity } from './sparsity.ts';

const ORIGIN = 'origin.json';

/** Where a dictionary comes from; of one that was trained here there is nothing to say. */
export interface Provenance extends Origin {
  /** A format of the registry, or `untangle`. */
  readonly format: string;
  /** As the user named it. */
  readonly source?: string;
  /** Of the repository on the hub whose files were read. */
  readonly commit?: string;
}

const originSchema = z.strictObject({
  format: z.string(),
  source: z.string().optional(),
  commit: z.string().optional(),
  model: z.string().optional(),
  notes: z.array(z.string()).readonly(),
});

/** Writes a dictionary in our format with what is known of its origin. */
export async function saveImported(folder: string, d: Dictionary, from: Provenance): Promise<void> {
  const { sparsity_F, ...origin } = from;
  await writeJson(join(folder, ORIGIN), origin satisfies z.input<typeof originSchema>);
  if (sparsity_F) await writeSparsity(folder, sparsity_F);
  await saveDictionary(folder, d);
}

/** What lies beside a dictionary in our format. @throws FileError `file.json`, `file.schema` */
export async function readProvenance(folder: string, features: number): Promise<Provenance> {
  const path = join(folder, ORIGIN);
  const origin = (await exists(path))
    ? await readJson(path, originSchema)
    : { format: 'untangle', notes: [] };
  const sparsity_F = await readSparsity(folder, features);
  const { format, notes, ...rest } = origin;
  const known = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return { format, notes, ...known, ...(sparsity_F ? { sparsity_F } : {}) };
}
