/**
 * @file dictionary_learning (Marks, Karvonen, Mueller): a folder with ae.pt (a state dict) and config.json, as its
 * trainers leave it; dictionary.py and trainers/*.py, version 0.1.0.
 */
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { DictionaryError } from '../../core/errors.ts';
import { readJson } from '../../files/atomic.ts';
import type { Architecture } from '../kinds/registry.ts';
import type { Activation } from '../types.ts';
import { CONFIG, classes } from './dictionary-learning-classes.ts';
import { writeDictionaryLearning } from './dictionary-learning-write.ts';
import { type Foreign, type Format, noThreshold, type Reading, unsupported } from './format.ts';
import { siteOfRun } from './sites.ts';
import { checkNames, lengthOf, matrix, openTensors, scalar, type TensorSource, vector } from './tensors.ts';

const configSchema = z.looseObject({
  trainer: z.looseObject({
    dict_class: z.string(),
    trainer_class: z.string().nullish(),
    activation_dim: z.int().min(1).nullish(),
    dict_size: z.int().min(1).nullish(),
    k: z.number().nullish(),
    layer: z.int().min(0).nullish(),
    lm_name: z.string().nullish(),
    submodule_name: z.string().nullish(),
  }),
  buffer: z.looseObject({ io: z.string().nullish() }).nullish(),
});
type Config = z.output<typeof configSchema>;

export const dictionaryLearning: Format = {
  title: 'dictionary_learning',
  find: (paths) =>
    paths.flatMap((path) => {
      const name = basename(path);
      const [, step] = /^ae(_\d+)?\.(?:pt|safetensors)$/.exec(name) ?? [];
      if (!/^ae(_\d+)?\.(pt|safetensors)$/.test(name)) return [];
      const folder = dirname(path) === '.' ? '' : dirname(path);
      const config = [folder, dirname(folder)]
        .map((place) => join(place, CONFIG).replaceAll('\\', '/'))
        .find((file) => paths.includes(file));
      return [{ path: step === undefined ? folder : path, files: [path, ...(config ? [config] : [])] }];
    }),
  read: async (folder, { files: [weights, config] }, options) => {
    const path = join(folder, weights!);
    const said = config === undefined ? undefined : await readJson(join(folder, config), configSchema);
    const source = await openTensors(path);
    try {
      return await read(path, source, said, siteFrom(weights!, folder, said), options.output);
    } finally {
      source.close();
    }
  },
  write: writeDictionaryLearning,
};

/** Where it reads: the name of the run says it, else a folder on the way to the file. */
function siteFrom(path: string, root: string, config: Config | undefined): string | undefined {
  const names = [
    config?.trainer.submodule_name ?? '',
    ...path.split('/').reverse(),
    ...root.split(/[\\/]/).slice(-3).reverse(),
  ];
  return names.map(siteOfRun).find((site) => site !== undefined);
}

async function read(
  path: string,
  source: TensorSource,
  config: Config | undefined,
  site: string | undefined,
  output: string | undefined,
): Promise<Reading> {
  const name = config?.trainer.dict_class ?? classOf(source);
  const kind = Object.hasOwn(classes, name) ? classes[name] : undefined;
  if (!kind) {
    throw unsupported(
      path,
      `${path} is a "${name}"`,
      `known classes of dictionary_learning: ${Object.keys(classes).join(', ')}`,
    );
  }
  checkNames(source, kind.tensors, [], `a ${name} of dictionary_learning`);
  const F = config?.trainer.dict_size ?? lengthOf(source, kind.b_enc);
  const D = config?.trainer.activation_dim ?? lengthOf(source, kind.b_dec);
  const encoder = kind.isLinear ? 'encoder.weight' : 'W_enc';
  const decoder = kind.isLinear ? 'decoder.weight' : 'W_dec';
  const isTranscoder = config?.buffer?.io === 'in_and_out';
  const byDecoderNorm = name === 'AutoEncoder';
  const weights: Foreign = {
    architecture: isTranscoder
      ? 'transcoder'
      : config?.trainer.trainer_class === 'PAnnealTrainer'
        ? 'p-anneal'
        : kind.is,
    activation: await activationOf(path, kind.is, source, config, F),
    width: D,
    features: F,
    W_enc_FD: await matrix(source, encoder, [F, D], kind.isLinear ? 'as-is' : 'transposed'),
    b_enc_F: await vector(source, kind.b_enc, F),
    W_dec_FD: await matrix(source, decoder, [F, D], kind.isLinear ? 'transposed' : 'as-is'),
    b_dec_D: await vector(source, kind.b_dec, D),
    // What goes in and what comes out have one name there.
    ...(site === undefined || isTranscoder ? {} : { site }),
    ...(isTranscoder ? { output: { width: D, ...(output ? { site: output } : {}) } } : {}),
    centred: kind.centred,
    byDecoderNorm,
  };
  const notes = [
    ...(config ? [] : [`no ${CONFIG} lies beside it: taken for a ${name} by its tensors`]),
    ...(byDecoderNorm ? ['decoder norms are folded in, as the library does when it loads this class'] : []),
    ...(kind.is === 'topk' ? ['its threshold is left: the library itself takes the k largest'] : []),
  ];
  return { weights, notes, ...(config?.trainer.lm_name ? { model: config.trainer.lm_name } : {}) };
}

/** The class by its tensors, where no configuration says it: TopK and BatchTopK have the same, and are refused. */
function classOf({ path, names }: TensorSource): string {
  const same = (tensors: readonly string[]) =>
    tensors.length === names.length && tensors.every((tensor) => names.includes(tensor));
  const found = Object.keys(classes).filter((name) => same(classes[name]!.tensors));
  if (found.length === 1) return found[0]!;
  throw unsupported(
    path,
    found.length === 0
      ? `${path} has the tensors of no class of dictionary_learning: ${names
          .slice(0, 8)
          .map((n) => n.slice(0, 80))
          .join(', ')}`
      : `${path} may be a ${found.join(' or a ')}: their tensors have the same names`,
    `the ${CONFIG} that its trainer wrote belongs beside it (or one folder above)`,
  );
}

async function activationOf(
  path: string,
  kind: Architecture,
  source: TensorSource,
  config: Config | undefined,
  F: number,
): Promise<Activation> {
  switch (kind) {
    case 'relu':
      return { kind: 'relu' };
    case 'gated':
      return {
        kind: 'gated',
        r_mag_F: await vector(source, 'r_mag', F),
        b_mag_F: await vector(source, 'mag_bias', F),
      };
    case 'jumprelu': {
      const threshold_F = await vector(source, 'threshold', F);
      return { kind: 'threshold', threshold_F: threshold_F.map((t) => Math.max(0, t)) };
    }
    case 'topk':
      return { kind: 'topk', k: await kOf(path, source, config, F) };
    default: {
      await kOf(path, source, config, F);
      if (source.names.includes('group_sizes')) await checkGroups(path, source, F);
      const threshold = await scalar(source, 'threshold');
      if (threshold > 0) return { kind: 'threshold', threshold_F: new Float32Array(F).fill(threshold) };
      throw noThreshold(path, threshold);
    }
  }
}

/** k of the tensors, which the configuration must repeat. @throws DictionaryError `dictionary.unsupported` */
async function kOf(
  path: string,
  source: TensorSource,
  config: Config | undefined,
  F: number,
): Promise<number> {
  const k = await scalar(source, 'k');
  if (Number.isInteger(k) && k >= 1 && k <= F && (config?.trainer.k ?? k) === k) return k;
  throw unsupported(path, `${path} says that k is ${k}`, `k must be from 1 to ${F}, and that of ${CONFIG}`);
}

/** Groups of a Matryoshka dictionary hold every feature once. @throws DictionaryError `dictionary.orientation` */
async function checkGroups(path: string, source: TensorSource, F: number): Promise<void> {
  const sizes = await source.floats('group_sizes');
  if (sizes.every((size) => size >= 1) && sizes.reduce((sum, size) => sum + size, 0) === F) return;
  throw new DictionaryError(
    'dictionary.orientation',
    `the groups of ${path} have ${sizes.slice(0, 8).join(', ')} features, which are not its ${F}`,
    { where: path, hint: 'its tensors contradict each other: the file is damaged' },
  );
}
