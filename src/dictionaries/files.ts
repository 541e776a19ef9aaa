/** @file A dictionary on disk: a folder with a manifest and one safetensors file. */
import { join } from 'node:path';
import { z } from 'zod';
import { DictionaryError } from '../core/errors.ts';
import { sha256 } from '../core/hash.ts';
import type { Tensor } from '../core/tensor.ts';
import { readJson, writeJson } from '../files/atomic.ts';
import { openSafetensors, writeSafetensors } from '../files/safetensors.ts';
import { type Dictionary, dictionaryTensors } from './types.ts';

const MANIFEST = 'dictionary.json';
const WEIGHTS = 'dictionary.safetensors';

const size = z.int().min(1);

/** What dictionary.json says. Weights are folded: they apply to raw activations, decoder rows have norm 1. */
const manifestSchema = z.strictObject({
  format: z.literal('untangle-dictionary'),
  version: z.literal(1),
  architecture: z.enum(['topk', 'neurons']),
  site: z.string(),
  modelHash: z.string(),
  width: size,
  features: size,
  k: size,
  /** null: no row is too long. */
  sinkNorm: z.number().positive().nullable(),
  folded: z.literal(true),
  /** SHA-256 of the four matrices one after another. */
  weights: z.string(),
});

/** Writes `d` into `folder` (made when missing); the manifest comes last, so half a dictionary is never found. */
export async function saveDictionary(folder: string, d: Dictionary): Promise<void> {
  const tensors = dictionaryTensors(d);
  const { architecture, site, modelHash, width, features, k } = d;
  await writeSafetensors(join(folder, WEIGHTS), tensors, { format: 'untangle-dictionary', site });
  await writeJson(join(folder, MANIFEST), {
    ...{ format: 'untangle-dictionary', version: 1, architecture, site, modelHash, width, features, k },
    sinkNorm: Number.isFinite(d.sinkNorm) ? d.sinkNorm : null,
    folded: true,
    weights: checksum(tensors),
  } satisfies z.input<typeof manifestSchema>);
}

/**
 * Reads what saveDictionary wrote.
 * @throws FileError (missing, cut short, of another form), DictionaryError `dictionary.damaged`.
 */
export async function loadDictionary(folder: string): Promise<Dictionary> {
  const manifest = await readJson(join(folder, MANIFEST), manifestSchema);
  const { format: _f, version: _v, folded: _o, weights, sinkNorm, ...sizes } = manifest;
  const path = join(folder, WEIGHTS);
  const file = await openSafetensors(path);
  try {
    const read = (name: string) => (file.read(name) as Tensor<'float32'>).data;
    const d: Dictionary = {
      ...sizes,
      sinkNorm: sinkNorm ?? Number.POSITIVE_INFINITY,
      W_enc_FD: read('W_enc_FD'),
      b_enc_F: read('b_enc_F'),
      W_dec_FD: read('W_dec_FD'),
      b_dec_D: read('b_dec_D'),
    };
    for (const [name, { shape }] of Object.entries(dictionaryTensors(d))) {
      const found = file.info(name);
      if (found.dtype === 'float32' && String(found.shape) === String(shape)) continue;
      throw damaged(path, `"${name}" is ${found.dtype} [${found.shape}], not float32 [${shape}]`);
    }
    if (checksum(dictionaryTensors(d)) !== weights)
      throw damaged(path, 'its weights are not those it was saved with');
    return d;
  } finally {
    file.close();
  }
}

const damaged = (path: string, what: string) =>
  new DictionaryError('dictionary.damaged', `the dictionary ${path} is damaged: ${what}`, {
    where: path,
    hint: 'delete its folder and train it again',
  });

const checksum = (tensors: Record<string, Tensor<'float32'>>): string =>
  sha256(
    Object.values(tensors)
      .map(({ data }) => sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)))
      .join(),
  );
