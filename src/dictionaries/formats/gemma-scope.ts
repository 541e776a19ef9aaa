/** @file Gemma Scope: params.npz with JumpReLU weights (Lieberum et al. 2024; SAELens' gemma_2_* loaders). */
import { join } from 'node:path';
import { listNpz, writeNpz } from '../../files/npz.ts';
import { type Dictionary, outputWidth } from '../types.ts';
import { described, type Format, folderOf, type Reading, unsupported } from './format.ts';
import {
  checkNames,
  lengthOf,
  matrix,
  openTensors,
  shaped,
  type TensorSource,
  transposed,
  vector,
} from './tensors.ts';

const FILE = 'params.npz';
const TENSORS = ['W_enc', 'b_enc', 'W_dec', 'b_dec', 'threshold'];

export const gemmaScope: Format = {
  title: 'Gemma Scope',
  find: (paths) =>
    paths.flatMap((path) => {
      const folder = folderOf(path, FILE);
      return folder === undefined ? [] : [{ path: folder.replace(/\/$/, ''), files: [path] }];
    }),
  read: async (folder, { path, files: [file] }, { output }) => {
    const weights = join(folder, file!);
    const names = await listNpz(weights);
    // Before anything is read: what else the archive holds may not fit in memory.
    checkNames(
      { path: weights, names },
      TENSORS.map((name) => named(name, names)),
      [],
      'a dictionary of Gemma Scope',
    );
    const source = await openTensors(weights);
    return read(source, placeOf(`${folder}/${path}`.replaceAll('\\', '/')), output);
  },
  write,
};

/** Early ones write w_enc and w_dec. */
const named = (name: string, names: readonly string[]): string => {
  const early = name.replace(/^W_/, 'w_');
  return names.includes(early) ? early : name;
};

interface Place {
  readonly site?: string;
  /** Of transcoders; null where it is one but does not say of which layer. */
  readonly output?: string;
}

/**
 * Where it reads by the names of the repository and the folders: `gemma-scope-2b-pt-res/layer_20/width_16k/…`. Folders
 * of this machine keep the repository's name with `--` for `/`.
 */
function placeOf(path: string): Place {
  const [, part] = /gemma-scope-[\w.]+-(?:pt|it)-(res|mlp|att|transcoders)(?:[^a-z]|$)/.exec(path) ?? [];
  const [, layer] = /(?:^|\/)layer_(\d+)(?:\/|$)/.exec(path) ?? [];
  if (part === undefined || layer === undefined) return {};
  const at = `blocks.${layer}`;
  switch (part) {
    case 'res':
      return { site: `${at}.hook_resid_post` };
    case 'mlp':
      return { site: `${at}.hook_mlp_out` };
    case 'att':
      return { site: `${at}.attn.hook_z` };
    default:
      return { site: `${at}.ln2.hook_normalized`, output: `${at}.hook_mlp_out` };
  }
}

async function read(source: TensorSource, place: Place, output: string | undefined): Promise<Reading> {
  const F = lengthOf(source, 'b_enc');
  const E = lengthOf(source, 'b_dec');
  const D = source.shape(named('W_enc', source.names))[0] ?? 0;
  const writes = output ?? place.output;
  if (writes === undefined && D !== E) {
    throw unsupported(
      source.path,
      `${source.path} reads ${D} floats and writes ${E}: it is a transcoder, and does not say from where to where`,
      'say it: --site blocks.3.ln2.hook_normalized --output-site blocks.3.hook_mlp_out',
    );
  }
  return {
    weights: {
      architecture: writes === undefined ? 'jumprelu' : 'transcoder',
      activation: {
        kind: 'threshold',
        threshold_F: (await vector(source, 'threshold', F)).map((t) => Math.max(0, t)),
      },
      width: D,
      features: F,
      W_enc_FD: await matrix(source, named('W_enc', source.names), [F, D], 'transposed'),
      b_enc_F: await vector(source, 'b_enc', F),
      W_dec_FD: await matrix(source, named('W_dec', source.names), [F, E], 'as-is'),
      b_dec_D: await vector(source, 'b_dec', E),
      ...(place.site ? { site: place.site } : {}),
      ...(writes === undefined ? {} : { output: { site: writes, width: E } }),
      centred: false,
    },
    notes: [],
  };
}

async function write(folder: string, d: Dictionary): Promise<void> {
  const { features: F, width: D, activation } = d;
  const isHeld = (activation.kind === 'threshold' || activation.kind === 'relu') && !d.sites && !d.W_skip_ED;
  const E = outputWidth(d);
  if (!isHeld || d.rowNorm !== undefined || E !== D) {
    throw unsupported(
      folder,
      `a ${described(d)} does not fit in the file of Gemma Scope`,
      'it holds JumpReLU, BatchTopK and Matryoshka (by their thresholds) and ReLU, and transcoders of these without a skip between sites of one width',
    );
  }
  await writeNpz(join(folder, FILE), {
    W_enc: shaped([D, F], transposed(d.W_enc_FD, F, D)),
    b_enc: shaped([F], d.b_enc_F),
    W_dec: shaped([F, E], d.W_dec_FD),
    b_dec: shaped([E], d.b_dec_D),
    threshold: shaped([F], activation.kind === 'threshold' ? activation.threshold_F : new Float32Array(F)),
  });
}
