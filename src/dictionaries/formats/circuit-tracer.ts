/**
 * @file Transcoders of circuit-tracer: config.yaml with layer_N.safetensors, or W_enc_N and W_dec_N of a cross-layer
 * one, which is read a slice at a time (transcoder/single_layer_transcoder.py, cross_layer_transcoder.py, version 0.5).
 */
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { sizeOf, tensor, viewBytes } from '../../core/tensor.ts';
import { writeFileAtomic } from '../../files/atomic.ts';
import { fromBfloat16, openSafetensors, writeSafetensors } from '../../files/safetensors.ts';
import { type Activation, type Dictionary, type Floats, outputWidth } from '../types.ts';
import { CONFIG, type Config, configOf, hooks } from './circuit-tracer-config.ts';
import { described, type Entry, type Format, type Reading, type ReadOptions, unsupported } from './format.ts';
import {
  checkFloating,
  checkNames,
  lengthOf,
  matrix,
  openTensors,
  shaped,
  type TensorSource,
  toFloats,
  vector,
} from './tensors.ts';

const THRESHOLD = 'activation_function.threshold';

export const circuitTracer: Format = {
  title: 'circuit-tracer',
  find: (paths) =>
    paths.flatMap((path): Entry[] => {
      const folder = dirname(path) === '.' ? '' : `${dirname(path)}/`;
      const name = path.slice(folder.length);
      const config = paths.filter((file) => file === `${folder}${CONFIG}`);
      if (/^layer_\d+\.safetensors$/.test(name)) return [{ path, files: [path, ...config] }];
      const decoder = `${folder}${name.replace('W_enc_', 'W_dec_')}`;
      if (!/^W_enc_\d+\.safetensors$/.test(name) || !paths.includes(decoder)) return [];
      return [{ path, files: [path, decoder, ...config] }];
    }),
  read: async (folder, { files }, options) => {
    const path = join(folder, files[0]!);
    const layer = Number(/_(\d+)\.safetensors$/.exec(path)![1]);
    const config = await configOf(join(dirname(path), CONFIG));
    const source = await openTensors(path);
    try {
      const isCross = /W_enc_\d+\.safetensors$/.test(path);
      return isCross
        ? await readSlice(source, layer, config, options)
        : await readLayer(source, layer, config);
    } finally {
      source.close();
    }
  },
  write,
};

async function readLayer(source: TensorSource, layer: number, config: Config): Promise<Reading> {
  const required = ['W_enc', 'b_enc', 'W_dec', 'b_dec'];
  checkNames(source, required, [THRESHOLD, 'W_skip'], 'a transcoder of circuit-tracer');
  const F = lengthOf(source, 'b_enc');
  const E = lengthOf(source, 'b_dec');
  const D = source.shape('W_enc')[1] ?? 0;
  const skip = source.names.includes('W_skip');
  const { reads, writes, about } = hooks(config);
  return {
    weights: {
      architecture: skip ? 'skip-transcoder' : 'transcoder',
      activation: await activationOf(source, THRESHOLD, F, config),
      width: D,
      features: F,
      W_enc_FD: await matrix(source, 'W_enc', [F, D], 'as-is'),
      b_enc_F: await vector(source, 'b_enc', F),
      W_dec_FD: await matrix(source, 'W_dec', [F, E], 'as-is'),
      b_dec_D: await vector(source, 'b_dec', E),
      ...(skip ? { W_skip_ED: await matrix(source, 'W_skip', [E, D], 'as-is') } : {}),
      ...reads(layer),
      output: { width: E, ...writes(layer) },
      centred: false,
    },
    notes: [],
    ...about,
  };
}

/**
 * A threshold, TopK where the configuration says so, else ReLU.
 * @throws DictionaryError `dictionary.unsupported`
 */
async function activationOf(
  source: TensorSource,
  threshold: string,
  F: number,
  { activation, k }: Config,
): Promise<Activation> {
  const where = source.path;
  if (source.names.includes(threshold)) {
    const threshold_F = await vector(source, threshold, F);
    if (threshold_F.every((t) => !(t < 0))) return { kind: 'threshold', threshold_F };
    throw unsupported(
      where,
      `${where} has thresholds below 0, which let negative features pass`,
      'Untangle has no such features',
    );
  }
  if (activation === 'topk' || activation === 'top_k') {
    if (k && k <= F) return { kind: 'topk', k };
    throw unsupported(where, `${where} is a TopK transcoder without its k`, `write k: 32 in its ${CONFIG}`);
  }
  if (activation && !['relu', 'jump_relu', 'jumprelu'].includes(activation))
    throw unsupported(
      where,
      `${where} has the activation "${activation}"`,
      'relu, jumprelu and topk are known',
    );
  if (activation && activation !== 'relu')
    throw unsupported(where, `${where} should have thresholds and has none`, 'the file is not whole');
  return { kind: 'relu' };
}

/** Features of one layer of a cross-layer transcoder, and what they write to one layer from there on. */
async function readSlice(
  source: TensorSource,
  layer: number,
  config: Config,
  { target = layer }: ReadOptions,
): Promise<Reading> {
  const name = (tensorName: string) => `${tensorName}_${layer}`;
  const required = ['W_enc', 'b_enc', 'b_dec'].map(name);
  checkNames(source, required, [name('threshold')], 'a layer of a cross-layer transcoder');
  const F = lengthOf(source, name('b_enc'));
  const D = lengthOf(source, name('b_dec'));
  const isOwn = target === layer;
  const { reads, writes, about } = hooks(config);
  return {
    weights: {
      architecture: 'transcoder',
      activation: await activationOf(source, name('threshold'), F, config),
      width: D,
      features: F,
      W_enc_FD: await matrix(source, name('W_enc'), [F, D], 'as-is'),
      b_enc_F: await vector(source, name('b_enc'), F),
      W_dec_FD: await decoderSlice(
        source.path.replace(/W_enc_(\d+\.safetensors)$/, 'W_dec_$1'),
        name('W_dec'),
        [F, target - layer, D],
      ),
      b_dec_D: isOwn ? await vector(source, name('b_dec'), D) : new Float32Array(D),
      ...reads(layer),
      output: { width: D, ...writes(target) },
      centred: false,
    },
    notes: [
      isOwn
        ? `of a cross-layer transcoder: what layer ${layer} writes to itself, with the decoder bias of that layer`
        : `of a cross-layer transcoder: what layer ${layer} writes to layer ${target}; the decoder bias is with layer ${target}'s own`,
    ],
    ...about,
  };
}

/** W_dec[:, at, :] of a tensor [F, layers, D]: only these bytes are read. */
async function decoderSlice(
  path: string,
  name: string,
  [F, at, D]: readonly [features: number, at: number, width: number],
): Promise<Floats> {
  const file = await openSafetensors(path);
  try {
    checkNames(file, [name], [], 'decoders of a cross-layer transcoder');
    checkFloating({ path, dtype: () => file.info(name).dtype }, name);
    const { shape, stored, dtype, length } = file.info(name);
    const [rows, layers = 0, width] = shape;
    if (shape.length !== 3 || rows !== F || width !== D || !(at >= 0 && at < layers)) {
      throw unsupported(
        path,
        `"${name}" is [${shape}], and slice ${at} of [${F}, layers, ${D}] was asked for`,
        'a layer writes to itself and to those after it: choose --target among them',
      );
    }
    const bytes = length / sizeOf(shape);
    const out = new Float32Array(F * D);
    for (let f = 0; f < F; f++) {
      const piece = file.readBytes(name, (f * layers + at) * D * bytes, D * bytes);
      out.set(
        stored === 'BF16' ? fromBfloat16(piece) : toFloats(tensor(dtype, [D], viewBytes(dtype, piece))),
        f * D,
      );
    }
    return out;
  } finally {
    file.close();
  }
}

async function write(
  folder: string,
  d: Dictionary,
  { model }: Parameters<Format['write']>[2],
): Promise<void> {
  const { features: F, width: D, activation, output } = d;
  const E = outputWidth(d);
  const [, layer, input] = /^blocks\.(\d+)\.(.+)$/.exec(d.site) ?? [];
  const [, to, hook] = /^blocks\.(\d+)\.(.+)$/.exec(output?.site ?? '') ?? [];
  const isHeld = activation.kind === 'relu' || activation.kind === 'threshold';
  if (!isHeld || layer === undefined || layer !== to || E !== D || d.rowNorm !== undefined || d.sites) {
    throw unsupported(
      folder,
      `circuit-tracer has no form for a ${described(d)} from ${d.site} to ${output?.site ?? 'itself'}`,
      'it holds transcoders with ReLU or thresholds within one block, of one width (a TopK one it would take for ReLU)',
    );
  }
  await writeSafetensors(join(folder, `layer_${layer}.safetensors`), {
    W_enc: shaped([F, D], d.W_enc_FD),
    b_enc: shaped([F], d.b_enc_F),
    W_dec: shaped([F, E], d.W_dec_FD),
    b_dec: shaped([E], d.b_dec_D),
    ...(activation.kind === 'threshold' ? { [THRESHOLD]: shaped([F], activation.threshold_F) } : {}),
    ...(d.W_skip_ED ? { W_skip: shaped([E, D], d.W_skip_ED) } : {}),
  });
  const config = {
    model_name: model ?? 'unknown',
    model_kind: 'transcoder_set',
    scan: 'untangle',
    feature_input_hook: input,
    feature_output_hook: hook,
  };
  await writeFileAtomic(join(folder, CONFIG), stringify(config));
}
