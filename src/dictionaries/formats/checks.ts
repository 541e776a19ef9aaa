/** @file A row of the self-check: dictionaries written in every format and read again compute the same. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { random } from '../../core/random.ts';
import type { Architecture } from '../kinds/registry.ts';
import type { Activation, Dictionary } from '../types.ts';
import { namesBelow } from './files.ts';
import { fold } from './format.ts';
import { type FormatName, findDictionaries, formats } from './registry.ts';

/** Which formats hold which kinds, one of each activation. */
const kinds: readonly (readonly [Architecture, Activation['kind'], readonly FormatName[]])[] = [
  ['relu', 'relu', ['saelens', 'dictionary_learning', 'gemma-scope']],
  ['gated', 'gated', ['saelens', 'dictionary_learning']],
  ['topk', 'topk', ['saelens', 'dictionary_learning', 'sparsify']],
  ['jumprelu', 'threshold', ['saelens', 'dictionary_learning', 'gemma-scope']],
  ['transcoder', 'threshold', ['saelens', 'gemma-scope', 'circuit-tracer']],
  ['skip-transcoder', 'relu', ['saelens', 'circuit-tracer']],
];

/** Largest difference between the arrays of random dictionaries and what comes back from each format that holds them. */
export async function exchangeDifference(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'untangle-formats-'));
  let worst = 0;
  try {
    for (const [architecture, kind, held] of kinds) {
      const d = randomDictionary(architecture, kind);
      for (const name of held) {
        const place = join(folder, `${architecture}-${name}`);
        await formats[name].write(place, d, {});
        const [found] = findDictionaries(await namesBelow(place), name);
        const sites = { site: d.site, ...(d.output && { output: d.output.site }) };
        const { weights } = await formats[name].read(place, found!, sites);
        worst = Math.max(worst, apart(d, fold(weights, place, sites)));
      }
    }
    return worst;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function randomDictionary(architecture: Architecture, kind: Activation['kind']): Dictionary {
  const r = random(11);
  const [D, F] = [8, 24];
  const normals = (n: number) => Float32Array.from({ length: n }, () => r.normal());
  const activations: Partial<Record<Activation['kind'], Activation>> = {
    topk: { kind: 'topk', k: 3 },
    threshold: { kind: 'threshold', threshold_F: normals(F).map(Math.abs) },
    gated: { kind: 'gated', r_mag_F: normals(F), b_mag_F: normals(F) },
  };
  return {
    architecture,
    activation: activations[kind] ?? { kind: 'relu' },
    site: 'blocks.1.hook_resid_mid',
    ...(architecture.includes('transcoder') ? { output: { site: 'blocks.1.hook_mlp_out', width: D } } : {}),
    ...{ modelHash: '', width: D, features: F, W_enc_FD: normals(F * D), b_enc_F: normals(F) },
    ...{ W_dec_FD: normals(F * D), b_dec_D: normals(D), sinkNorm: Number.POSITIVE_INFINITY },
    ...(architecture === 'skip-transcoder' ? { W_skip_ED: normals(D * D) } : {}),
  };
}

function apart(a: Dictionary, b: Dictionary): number {
  const arrays = ({ W_enc_FD, b_enc_F, W_dec_FD, b_dec_D, W_skip_ED, activation }: Dictionary) => [
    ...[W_enc_FD, b_enc_F, W_dec_FD, b_dec_D, W_skip_ED ?? []],
    activation.kind === 'gated' ? activation.b_mag_F : [],
  ];
  const other = arrays(b);
  return Math.max(
    ...arrays(a).map((values, i) =>
      Array.from(values).reduce((most, value, j) => Math.max(most, Math.abs(value - other[i]![j]!)), 0),
    ),
  );
}
