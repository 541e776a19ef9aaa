/** @file A dictionary on disk: a folder with a manifest and one safetensors file. */
import { join } from 'node:path';
import { z } from 'zod';
import { DictionaryError } from '../core/errors.ts';
import { sha256 } from '../core/hash.ts';
import type { Tensor } from '../core/tensor.ts';
import { readJson, writeJson } from '../files/atomic.ts';
import { openSafetensors, writeSafetensors } from '../files/safetensors.ts';
import { architectures, kinds } from './kinds/registry.ts';
import { type Activation, activeLimit, type Dictionary, dictionaryTensors, type Floats } from './types.ts';

/** The file that makes a folder a dictionary of ours. */
export const MANIFEST = 'dictionary.json';
const WEIGHTS = 'dictionary.safetensors';

const size = z.int().min(1);

const common = {
  format: z.literal('untangle-dictionary'),
  site: z.string(),
  modelHash: z.string(),
  width: size,
  features: size,
  /** null: no row is too long. */
  sinkNorm: z.number().positive().nullable(),
  folded: z.literal(true),
  /** SHA-256 of the arrays one after another. */
  weights: z.string(),
};

const part = z.strictObject({ site: z.string(), width: size });

/** What dictionary.json says. Weights are folded: they apply to raw activations. */
const manifestSchema = z.strictObject({
  ...common,
  version: z.literal(2),
  architecture: z.enum(architectures),
  activation: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('topk'), k: size }),
    z.strictObject({ kind: z.literal('pursuit'), k: size }),
    z.strictObject({ kind: z.enum(['relu', 'threshold', 'gated', 'identity']) }),
  ]),
  output: part.optional(),
  sites: z.array(part).min(1).optional(),
  skip: z.literal(true).optional(),
  rowNorm: z.number().positive().optional(),
  rowCentred: z.literal(true).optional(),
});

/** What version 1 said: TopK and neurons only. */
const firstSchema = z
  .strictObject({ ...common, version: z.literal(1), architecture: z.enum(['topk', 'neurons']), k: size })
  .transform(
    ({ k, ...rest }): z.output<typeof manifestSchema> => ({
      ...rest,
      version: 2,
      activation: rest.architecture === 'topk' ? { kind: 'topk', k } : { kind: 'identity' },
    }),
  );

/** Writes `d` into `folder` (made when missing); the manifest comes last, so half a dictionary is never found. */
export async function saveDictionary(folder: string, d: Dictionary): Promise<void> {
  const tensors = dictionaryTensors(d);
  const { architecture, activation, site, modelHash, width, features, output, sites, rowNorm, rowCentred } =
    d;
  const { kind } = activation;
  await writeSafetensors(join(folder, WEIGHTS), tensors, { format: 'untangle-dictionary', site });
  await writeJson(join(folder, MANIFEST), {
    ...{ format: 'untangle-dictionary', version: 2, architecture, site, modelHash, width, features },
    activation: kind === 'topk' || kind === 'pursuit' ? { kind, k: activation.k } : { kind },
    ...(output && { output }),
    ...(sites && { sites: [...sites] }),
    ...(d.W_skip_ED && { skip: true }),
    ...(rowNorm !== undefined && { rowNorm }),
    ...(rowCentred && { rowCentred }),
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
  const manifest = await readJson(join(folder, MANIFEST), z.union([manifestSchema, firstSchema]));
  const { format: _f, version: _v, folded: _o, weights, sinkNorm, activation, skip, ...rest } = manifest;
  const { output, sites, rowNorm, rowCentred, ...sizes } = rest;
  const path = join(folder, WEIGHTS);
  const file = await openSafetensors(path);
  try {
    const read = (name: string) => (file.read(name) as Tensor<'float32'>).data;
    const d: Dictionary = {
      ...sizes,
      ...(output && { output }),
      ...(sites && { sites }),
      ...(rowNorm !== undefined && { rowNorm }),
      ...(rowCentred && { rowCentred }),
      activation: withArrays(activation, read),
      sinkNorm: sinkNorm ?? Number.POSITIVE_INFINITY,
      W_enc_FD: read('W_enc_FD'),
      b_enc_F: read('b_enc_F'),
      W_dec_FD: read('W_dec_FD'),
      b_dec_D: read('b_dec_D'),
      ...(skip && { W_skip_ED: read('W_skip_ED') }),
    };
    const k = activeLimit(d) ?? 1;
    if (k > (d.activation.kind === 'pursuit' ? Math.max(d.width, d.features) : d.features))
      throw damaged(path, `its k is ${k} of ${d.features} features`);
    if (rowCentred && rowNorm === undefined) throw damaged(path, 'its rows lose their mean but have no norm');
    if (sites && sites.reduce((sum, part) => sum + part.width, 0) !== d.width)
      throw damaged(path, `its sites do not have ${d.width} floats together`);
    if (!kinds[d.architecture].activations.some((kind) => kind === activation.kind))
      throw damaged(path, `a ${d.architecture} is never read by ${activation.kind}`);
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

function withArrays(
  activation: z.output<typeof manifestSchema>['activation'],
  read: (name: string) => Floats,
): Activation {
  switch (activation.kind) {
    case 'threshold':
      return { kind: 'threshold', threshold_F: read('threshold_F') };
    case 'gated':
      return { kind: 'gated', r_mag_F: read('r_mag_F'), b_mag_F: read('b_mag_F') };
    case 'topk':
    case 'pursuit':
      return activation;
    default:
      return { kind: activation.kind };
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
