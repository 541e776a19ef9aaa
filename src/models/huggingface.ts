/** @file A model in a Hugging Face folder as a WeightSource: config.json, model.safetensors (one or many), tokenizer.json. */
import { join } from 'node:path';
import { z } from 'zod';
import { FileError } from '../core/errors.ts';
import { readJson } from '../files/atomic.ts';
import { exists } from '../files/cache.ts';
import { openSafetensors, type SafetensorsFile } from '../files/safetensors.ts';
import { chatFiles } from './chat-files.ts';
import { safetensorsFormats } from './dequantise.ts';
import { configSchema, shapeOfConfig } from './huggingface-config.ts';
import { basePrefix, huggingFaceNames, isSurplus } from './huggingface-names.ts';
import { badDescription } from './shape.ts';
import { checkTensors, type WeightSource } from './source.ts';
import { storedBy } from './stored.ts';
import { idOfSpecial } from './tokenizer.ts';
import { readTokenizerFolder, TOKENIZER_FILES } from './tokenizer-folder.ts';
import type { Family, ModelShape, TokenizerFiles } from './types.ts';
import { modelWeights } from './weights.ts';

/** Names of the files of a folder. */
export const FILES = {
  config: 'config.json',
  weights: 'model.safetensors',
  index: 'model.safetensors.index.json',
  ...TOKENIZER_FILES,
  ...chatFiles,
} as const;

/** Index of a model in many files. */
export const indexSchema = z.looseObject({ weight_map: z.record(z.string(), z.string()) });

/**
 * Opens a Hugging Face folder that holds a model of one of our families in float32, float16 or bfloat16.
 * @throws FileError as openSafetensors, `file.missing`; ModelError `model.description`, `model.tokenizer`,
 *   `model.missing-tensor`, `model.tensor-shape`, `model.unknown-tensor`
 */
export async function openHuggingFaceSource(folder: string): Promise<WeightSource> {
  const configPath = join(folder, FILES.config);
  const described = shapeOfConfig(await readJson(configPath, configSchema), configPath);
  const tokenizer =
    described.kind === 'vision' ? undefined : await readTokenizerFolder(folder, described.family);
  const files = await openWeights(folder);
  const close = () => {
    for (const file of files) file.close();
  };
  try {
    const place = locate(files, described.family);
    const shape = withHead(described, new Set(place.keys()), tokenizer);
    const stored = storedBy(huggingFaceNames[shape.family], shape);
    const found = new Map([...place].map(([name, { file, as }]) => [name, file.info(as).shape]));
    checkTensors({ path: folder, shape, stored, found, surplus: isSurplus });
    const specs = modelWeights(shape);
    const infoOf = (name: string) => {
      const { file, as } = place.get(name)!;
      return { file, as, info: file.info(as) };
    };
    const formats = new Set(specs.map((spec) => infoOf(stored(spec)!.name).info.stored));
    for (const format of formats) {
      if (safetensorsFormats.has(format)) continue;
      throw badDescription(folder, `weights of type ${format} are not read`);
    }
    return {
      path: folder,
      shape,
      ...(tokenizer ? { tokenizer } : {}),
      precision: [...formats].filter((f) => f !== 'F32').join(', '),
      stored: (spec) => stored(spec)!,
      readTensor(name, columns, from, count, target) {
        const { file, as, info } = infoOf(name);
        const format = safetensorsFormats.get(info.stored)!;
        const rowBytes = columns * format.bytes;
        format.unpack(file.readBytes(as, from * rowBytes, count * rowBytes), 0, target, 0, count * columns);
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** The shape with what only the weights and the tokenizer can tell: an encoder's head and its separator. */
function withHead(shape: ModelShape, names: ReadonlySet<string>, tokenizer?: TokenizerFiles): ModelShape {
  const { model } = huggingFaceNames[shape.family];
  if (shape.kind === 'vision') return { ...shape, head: names.has(model.W_U!) ? 'classes' : 'hidden' };
  if (shape.kind !== 'encoder') return shape;
  const head = names.has(model['mlm_head.W']!)
    ? 'masked'
    : names.has(model['pooler.W']!)
      ? 'pooler'
      : 'hidden';
  const separator = tokenizer && idOfSpecial(tokenizer, 'sep_token');
  const kinds = shape.tokenTypes!.kinds;
  return { ...shape, head, tokenTypes: separator === undefined ? { kinds } : { kinds, separator } };
}

async function openWeights(folder: string): Promise<SafetensorsFile[]> {
  const names = (await exists(join(folder, FILES.index)))
    ? shardNames(await readJson(join(folder, FILES.index), indexSchema), folder)
    : [FILES.weights];
  const files: SafetensorsFile[] = [];
  try {
    for (const name of names) files.push(await openSafetensors(join(folder, name)));
  } catch (error) {
    for (const file of files) file.close();
    throw error;
  }
  return files;
}

/** Names of the files of an index, which must lie in the folder itself. @throws FileError `file.header` */
export function shardNames(index: z.infer<typeof indexSchema>, where: string): string[] {
  const names = [...new Set(Object.values(index.weight_map))];
  const strange = names.find((name) => !/^[\w.-]+\.safetensors$/.test(name));
  if (strange !== undefined || names.length > 1000) {
    throw new FileError('file.header', `the index of ${where} names the file ${JSON.stringify(strange)}`, {
      where,
      hint: 'an index may only name .safetensors files of its own folder',
    });
  }
  return names;
}

/** A tensor's file, and its name there. */
interface Place {
  readonly file: SafetensorsFile;
  readonly as: string;
}

/**
 * Which file holds which tensor, by the names that transformers gives to the whole model: files saved from the bare
 * model leave the family's prefix out, the text part of a larger model has one more, and early BERTs have other names
 * for the parameters of norms.
 * @throws FileError `file.tensor-duplicate`
 */
function locate(files: readonly SafetensorsFile[], family: Family): Map<string, Place> {
  const prefix = basePrefix[family];
  const all = files.flatMap((file) => file.names.map((as) => ({ file, as })));
  const isText = all.some(({ as }) => /(^|\.)language_model\./.test(as));
  const read = isText
    ? all.filter(({ as }) => as.includes('language_model.') || as === 'lm_head.weight')
    : all;
  const named = read.map((one) => ({
    ...one,
    name: one.as.replace(/^(model\.)?language_model\.(?!lm_head)(model\.)?/, 'model.'),
  }));
  const isBare = !named.some(({ name }) => name.startsWith(prefix));
  const place = new Map<string, Place>();
  for (const { file, as, name } of named) {
    const whole = isBare && !isHead(name) ? prefix + name : name;
    const modern = whole
      .replace(/^language_model\.lm_head/, 'lm_head')
      .replace(/\.LayerNorm\.gamma$/, '.LayerNorm.weight')
      .replace(/\.LayerNorm\.beta$/, '.LayerNorm.bias');
    const other = place.get(modern);
    if (other) {
      throw new FileError(
        'file.tensor-duplicate',
        `the tensor "${modern}" is in ${other.file.path} and in ${file.path}`,
        { where: file.path, hint: 'remove the file that does not belong to the model' },
      );
    }
    place.set(modern, { file, as });
  }
  return place;
}

/** Names that stand beside the bare model, not in it. */
const isHead = (name: string): boolean => /^(lm_head|embed_out|cls|classifier)\./.test(name);
