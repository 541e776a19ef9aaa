/** @file How often each feature was active, as SAELens keeps it: sparsity.safetensors, log10 of the frequencies. */
import { join } from 'node:path';
import { exists } from '../../files/cache.ts';
import { writeSafetensors } from '../../files/safetensors.ts';
import type { Floats } from '../types.ts';
import { checkNames, openTensors, vector } from './tensors.ts';

export const SPARSITY = 'sparsity.safetensors';

/** What lies in `folder`, [F]; undefined when nothing does, or nothing was counted yet (NaN). @throws DictionaryError `dictionary.tensors`, `dictionary.orientation` */
export async function readSparsity(folder: string, F: number): Promise<Floats | undefined> {
  const path = join(folder, SPARSITY);
  if (!(await exists(path))) return undefined;
  const source = await openTensors(path);
  try {
    checkNames(source, ['sparsity'], [], 'sparsities of SAELens');
    const sparsity_F = await vector(source, 'sparsity', F);
    return sparsity_F.some(Number.isNaN) ? undefined : sparsity_F;
  } finally {
    source.close();
  }
}

export const writeSparsity = (folder: string, sparsity_F: Floats): Promise<void> =>
  writeSafetensors(join(folder, SPARSITY), {
    sparsity: { dtype: 'float32', shape: [sparsity_F.length], data: sparsity_F },
  });

/** L0, how many features are active on average. SAELens writes log10(frequency + 1e-10). */
export const meanActive = (sparsity_F: Floats): number =>
  sparsity_F.reduce((sum, log) => sum + Math.max(0, 10 ** log - 1e-10), 0);
