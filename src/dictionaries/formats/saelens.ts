/** @file SAELens: a folder with cfg.json and sae_weights.safetensors (sae_lens/constants.py, saes/*.py; versions to 6.54). */
import { join } from 'node:path';
import { z } from 'zod';
import { readJson } from '../../files/atomic.ts';
import { exists } from '../../files/cache.ts';
import type { Architecture } from '../kinds/registry.ts';
import type { Activation } from '../types.ts';
import { type Foreign, type Format, folderOf, noThreshold, unsupported } from './format.ts';
import { CONFIG, type SaeLensConfig, saeLensConfig, WEIGHTS } from './saelens-config.ts';
import { writeSaeLens } from './saelens-write.ts';
import { siteOfHook } from './sites.ts';
import { readSparsity, SPARSITY } from './sparsity.ts';
import { checkNames, matrix, openTensors, scalar, type TensorSource, vector } from './tensors.ts';

const SCALER = 'activation_scaler.json';

export const saelens: Format = {
  title: 'SAELens',
  find: (paths) =>
    paths.flatMap((path) => {
      const folder = folderOf(path, WEIGHTS);
      if (folder === undefined || !paths.includes(`${folder}${CONFIG}`)) return [];
      const beside = [CONFIG, SPARSITY, SCALER].map((name) => `${folder}${name}`);
      return [
        { path: folder.replace(/\/$/, ''), files: [path, ...beside.filter((name) => paths.includes(name))] },
      ];
    }),
  read: async (folder, entry, { scale }) => {
    const place = join(folder, entry.path);
    const config = await readJson(join(place, CONFIG), saeLensConfig);
    const source = await openTensors(join(place, WEIGHTS));
    try {
      const factor = await scaleOf(place, config, scale);
      const weights = await read(place, config, source, factor);
      const sparsity_F = await readSparsity(place, config.d_sae);
      return {
        weights,
        notes: notesOf(config, weights, factor),
        ...(config.model ? { model: config.model } : {}),
        ...(sparsity_F ? { sparsity_F } : {}),
      };
    } finally {
      source.close();
    }
  },
  write: writeSaeLens,
};

/** Tensors beside W_enc, W_dec and b_dec, and what the activation is, by the architecture of the file. */
const architectures: Readonly<
  Record<string, { readonly needs: readonly string[]; readonly is: Architecture }>
> = {
  standard: { needs: ['b_enc'], is: 'relu' },
  topk: { needs: ['b_enc'], is: 'topk' },
  gated: { needs: ['b_gate', 'r_mag', 'b_mag'], is: 'gated' },
  jumprelu: { needs: ['b_enc', 'threshold'], is: 'jumprelu' },
  // Checkpoints of a run that is not at its end.
  batchtopk: { needs: ['b_enc', 'topk_threshold'], is: 'batchtopk' },
  matryoshka_batchtopk: { needs: ['b_enc', 'topk_threshold'], is: 'matryoshka' },
  transcoder: { needs: ['b_enc'], is: 'transcoder' },
  skip_transcoder: { needs: ['b_enc', 'W_skip'], is: 'skip-transcoder' },
  jumprelu_transcoder: { needs: ['b_enc', 'threshold'], is: 'transcoder' },
  jumprelu_skip_transcoder: { needs: ['b_enc', 'threshold', 'W_skip'], is: 'skip-transcoder' },
  matching_pursuit: { needs: [], is: 'matching-pursuit' },
};

/** What a dictionary was trained as that is saved as something else. */
const trained: ReadonlyMap<string, Architecture> = new Map([
  ['jumprelu batchtopk', 'batchtopk'],
  ['jumprelu matryoshka_batchtopk', 'matryoshka'],
  ['standard p_anneal', 'p-anneal'],
]);

async function read(
  place: string,
  config: SaeLensConfig,
  source: TensorSource,
  scale: number,
): Promise<Foreign> {
  const { d_in: D, d_sae: F, d_out: E, normalise } = config;
  const kind = Object.hasOwn(architectures, config.architecture)
    ? architectures[config.architecture]
    : undefined;
  if (!kind) {
    const known = Object.keys(architectures).join(', ');
    throw unsupported(place, `${place} is a "${config.architecture}" of SAELens`, `known are ${known}`);
  }
  if (!['relu', 'topk'].includes(config.activation))
    throw unsupported(place, `${place} has the activation "${config.activation}"`, 'relu and topk are known');
  const head = config.head ?? config.headOut;
  if (head !== undefined)
    throw unsupported(
      place,
      `${place} reads or writes head ${head} of its site alone`,
      'take one for the whole site',
    );
  const isTranscoder = kind.is.includes('transcoder');
  const foldable = [
    'none',
    'expected_average_only_in',
    ...(isTranscoder ? [] : ['constant_norm_rescale', ...(D > 1 ? ['layer_norm'] : [])]),
  ];
  if (!foldable.includes(normalise)) {
    throw unsupported(
      place,
      `${place} normalises every activation by "${normalise}"`,
      'that cannot be folded into weights; take one trained with "none" or "expected_average_only_in"',
    );
  }
  const isPursuit = kind.is === 'matching-pursuit';
  const log = kind.needs.includes('threshold') && source.names.includes('log_threshold');
  const needs = kind.needs.map((name) => (log && name === 'threshold' ? 'log_threshold' : name));
  const required = [...(isPursuit ? [] : ['W_enc']), ...needs, 'W_dec', 'b_dec'];
  checkNames(source, required, ['scaling_factor'], `a "${config.architecture}" of SAELens`);
  await checkScalingFactor(source, place);
  const W_dec_FD = await matrix(source, 'W_dec', [F, E], 'as-is');
  const W_enc_FD = isPursuit ? W_dec_FD : await matrix(source, 'W_enc', [F, D], 'transposed');
  return {
    architecture: trained.get(`${config.architecture} ${config.trainedAs}`) ?? kind.is,
    activation: await activationOf(place, config, kind.is, source),
    width: D,
    features: F,
    W_enc_FD,
    b_enc_F: isPursuit
      ? new Float32Array(F)
      : await vector(source, kind.is === 'gated' ? 'b_gate' : 'b_enc', F),
    W_dec_FD,
    // A pursuit that does not take b_dec off does not add it either.
    b_dec_D: isPursuit && !config.centred ? new Float32Array(E) : await vector(source, 'b_dec', E),
    ...(kind.needs.includes('W_skip') ? { W_skip_ED: await matrix(source, 'W_skip', [E, D], 'as-is') } : {}),
    ...(config.hook ? { site: siteOfHook(config.hook) } : {}),
    ...(isTranscoder
      ? { output: { width: E, ...(config.hookOut ? { site: siteOfHook(config.hookOut) } : {}) } }
      : {}),
    ...(normalise === 'constant_norm_rescale' ? { rowNorm: Math.sqrt(D) } : {}),
    // The standard deviation of a row as PyTorch has it, by D − 1.
    ...(normalise === 'layer_norm' ? { rowNorm: Math.sqrt(D - 1), rowCentred: true as const } : {}),
    centred: config.centred,
    scale,
    byDecoderNorm: config.byDecoderNorm,
  };
}

async function activationOf(
  place: string,
  { k, pursuit, d_in: D, d_sae: F, trainedAs }: SaeLensConfig,
  architecture: Architecture,
  source: TensorSource,
): Promise<Activation> {
  if (architecture === 'topk') {
    if (k === undefined || !Number.isInteger(k) || k < 1 || k > F)
      throw unsupported(place, `${place} says that k is ${k}`, `k must be from 1 to ${F}`);
    return { kind: 'topk', k };
  }
  if (architecture === 'gated') {
    return {
      kind: 'gated',
      r_mag_F: await vector(source, 'r_mag', F),
      b_mag_F: await vector(source, 'b_mag', F),
    };
  }
  if (architecture === 'matching-pursuit') {
    const { residual, steps = D, stops } = pursuit;
    if (stops || residual !== 0) {
      throw unsupported(
        place,
        `${place} pursues until the residual is small or nothing new is found`,
        'Untangle takes a fixed number of steps (max_iterations, residual_threshold 0, stop_on_duplicate_support false)',
      );
    }
    if (steps > Math.max(D, F))
      throw unsupported(
        place,
        `${place} pursues for ${steps} steps`,
        `there may be as many as floats (${D}) or features (${F})`,
      );
    return { kind: 'pursuit', k: steps };
  }
  if (source.names.includes('topk_threshold')) {
    const threshold = await scalar(source, 'topk_threshold');
    if (threshold <= 0) throw noThreshold(place, threshold);
    return { kind: 'threshold', threshold_F: new Float32Array(F).fill(threshold) };
  }
  if (source.names.includes('log_threshold')) {
    return { kind: 'threshold', threshold_F: (await vector(source, 'log_threshold', F)).map(Math.exp) };
  }
  if (!source.names.includes('threshold')) return { kind: 'relu' };
  // ReLU comes first there: a threshold below 0 is one of 0.
  const threshold_F = (await vector(source, 'threshold', F)).map((t) => Math.max(0, t));
  if (trainedAs?.includes('batchtopk') && threshold_F.every((t) => t === 0)) throw noThreshold(place, 0);
  return { kind: 'threshold', threshold_F };
}

/** Versions before 6 wrote a factor for every feature, all ones unless it was fine-tuned. */
async function checkScalingFactor(source: TensorSource, place: string): Promise<void> {
  if (!source.names.includes('scaling_factor')) return;
  if ((await source.floats('scaling_factor')).every((v) => Math.abs(v - 1) < 1e-6)) return;
  throw unsupported(
    place,
    `${place} has a fine-tuned factor for every feature`,
    'SAELens itself refuses it since version 6',
  );
}

/** The factor of `expected_average_only_in`: finished runs have it in their weights, checkpoints beside them. */
async function scaleOf(
  place: string,
  { normalise }: SaeLensConfig,
  given: number | undefined,
): Promise<number> {
  if (given !== undefined) return given;
  if (normalise !== 'expected_average_only_in') return 1;
  const path = join(place, SCALER);
  if (await exists(path)) {
    const { scaling_factor: factor } = await readJson(path, scalerSchema);
    if (factor) return factor;
  }
  throw unsupported(
    place,
    `${place} was trained on activations of another scale ("expected_average_only_in"), and the factor is not in its files`,
    "give it with --scale (`norm_scaling_factor` in SAELens' list of pretrained SAEs, or √d / mean ‖x‖)",
  );
}

const scalerSchema = z.looseObject({ scaling_factor: z.number().positive().nullish() });

function notesOf(
  config: SaeLensConfig,
  { rowNorm, rowCentred, byDecoderNorm }: Foreign,
  scale: number,
): string[] {
  return [
    ...(scale === 1 ? [] : [`folded in: activations were multiplied by ${scale} in training`]),
    ...(byDecoderNorm ? ['features are lengths: decoder norms are folded in, as SAELens computes them'] : []),
    ...(rowNorm === undefined
      ? []
      : [
          rowCentred
            ? 'rows lose their mean and are scaled to a standard deviation of 1; features are scaled back, so they are those of SAELens times that of x'
            : 'rows are scaled to norm √d; features are scaled back, so they are those of SAELens times ‖x‖/√d',
        ]),
    ...(config.architecture === 'jumprelu' && config.trainedAs?.includes('batchtopk')
      ? ['trained as BatchTopK, saved with its threshold']
      : []),
  ];
}
