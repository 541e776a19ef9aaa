/** @file sparsify (EleutherAI): a folder per hookpoint with cfg.json and sae.safetensors; sparse_coder.py, version 1.3. */
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { readJson, writeJson } from '../../files/atomic.ts';
import { writeSafetensors } from '../../files/safetensors.ts';
import { type Dictionary, outputWidth } from '../types.ts';
import { described, type Format, folderOf, type Reading, shifted, unsupported } from './format.ts';
import { sitesOfModule } from './sites.ts';
import { checkNames, matrix, openTensors, shaped, type TensorSource, vector } from './tensors.ts';

const CONFIG = 'cfg.json';
const WEIGHTS = 'sae.safetensors';

const configSchema = z.looseObject({
  activation: z.string().default('topk'),
  d_in: z.int().min(1),
  num_latents: z.int().min(0).default(0),
  expansion_factor: z.int().min(1).default(32),
  k: z.int().min(1),
  signed: z.boolean().default(false),
  transcode: z.boolean().default(false),
  skip_connection: z.boolean().default(false),
});
type Config = z.output<typeof configSchema>;

export const sparsify: Format = {
  title: 'sparsify',
  find: (paths) =>
    paths.flatMap((path) => {
      const folder = folderOf(path, WEIGHTS);
      if (folder === undefined || !paths.includes(`${folder}${CONFIG}`)) return [];
      return [{ path: folder.replace(/\/$/, ''), files: [path, `${folder}${CONFIG}`] }];
    }),
  read: async (folder, { path }) => {
    const place = join(folder, path);
    const config = await readJson(join(place, CONFIG), configSchema);
    const source = await openTensors(join(place, WEIGHTS));
    try {
      return await read(place, config, source);
    } finally {
      source.close();
    }
  },
  write,
};

async function read(place: string, config: Config, source: TensorSource): Promise<Reading> {
  const { d_in: D, k, transcode, skip_connection: skip } = config;
  const F = config.num_latents || D * config.expansion_factor;
  if (config.activation !== 'topk' || config.signed) {
    const what = config.signed ? 'TopK of either sign' : `the activation "${config.activation}"`;
    throw unsupported(place, `${place} has ${what}`, 'of sparsify\'s activations "topk" is read');
  }
  if (k > F) throw unsupported(place, `${place} says that k is ${k}`, `k must be from 1 to ${F}`);
  const tensors = ['encoder.weight', 'encoder.bias', 'W_dec', 'b_dec', ...(skip ? ['W_skip'] : [])];
  checkNames(source, tensors, [], `a ${transcode ? 'transcoder' : 'dictionary'} of sparsify`);
  const sites = sitesOfModule(basename(resolve(place)));
  const site = transcode ? sites?.input : sites?.output;
  const isTranscoder = transcode || skip;
  return {
    weights: {
      architecture: skip ? 'skip-transcoder' : transcode ? 'transcoder' : 'topk',
      activation: { kind: 'topk', k },
      width: D,
      features: F,
      W_enc_FD: await matrix(source, 'encoder.weight', [F, D], 'as-is'),
      b_enc_F: await vector(source, 'encoder.bias', F),
      W_dec_FD: await matrix(source, 'W_dec', [F, D], 'as-is'),
      b_dec_D: await vector(source, 'b_dec', D),
      ...(skip ? { W_skip_ED: await matrix(source, 'W_skip', [D, D], 'as-is') } : {}),
      ...(site ? { site } : {}),
      ...(isTranscoder ? { output: { width: D, ...(sites ? { site: sites.output } : {}) } } : {}),
      centred: !transcode,
    },
    notes: [],
  };
}

async function write(folder: string, d: Dictionary): Promise<void> {
  const { features: F, width: D, activation } = d;
  const E = outputWidth(d);
  if (activation.kind !== 'topk' || d.sites || d.rowNorm !== undefined || E !== D) {
    throw unsupported(
      folder,
      `sparsify has no form for a ${described(d)}`,
      'it holds TopK dictionaries, and TopK transcoders between sites of one width',
    );
  }
  const transcode = d.output !== undefined;
  const { b_enc_F } = transcode ? d : shifted(d, 1);
  await writeSafetensors(join(folder, WEIGHTS), {
    'encoder.weight': shaped([F, D], d.W_enc_FD),
    'encoder.bias': shaped([F], b_enc_F),
    W_dec: shaped([F, D], d.W_dec_FD),
    b_dec: shaped([D], d.b_dec_D),
    ...(d.W_skip_ED ? { W_skip: shaped([D, D], d.W_skip_ED) } : {}),
  });
  await writeJson(join(folder, CONFIG), {
    activation: 'topk',
    expansion_factor: Math.max(1, Math.round(F / D)),
    normalize_decoder: !transcode,
    num_latents: F,
    k: activation.k,
    multi_topk: false,
    skip_connection: d.W_skip_ED !== undefined,
    transcode,
    d_in: D,
  });
}
