/** @file A Llama in a Hugging Face folder as a WeightSource: config.json, model.safetensors (one or many), tokenizer.json. */
import { join } from 'node:path';
import { z } from 'zod';
import { FileError, ModelError } from '../core/errors.ts';
import { readJson } from '../files/atomic.ts';
import { exists } from '../files/cache.ts';
import { openSafetensors, type SafetensorsFile } from '../files/safetensors.ts';
import { safetensorsFormats } from './dequantise.ts';
import { badDescription, checkShape } from './llama-shape.ts';
import { checkTensors, storedSize, type WeightSource } from './source.ts';
import type { TokenizerFiles } from './tokenizer.ts';
import type { ModelShape } from './types.ts';
import { llamaWeights } from './weights.ts';

/** Names of the files of a folder. */
export const FILES = {
  config: 'config.json',
  weights: 'model.safetensors',
  index: 'model.safetensors.index.json',
  tokenizer: 'tokenizer.json',
  tokenizerConfig: 'tokenizer_config.json',
} as const;

const ropeScaling = z.looseObject({
  rope_type: z.string().optional(),
  type: z.string().optional(),
  rope_theta: z.number().optional(),
  factor: z.number().positive().optional(),
  low_freq_factor: z.number().positive().optional(),
  high_freq_factor: z.number().positive().optional(),
  original_max_position_embeddings: z.number().positive().optional(),
});

/** The fields of config.json that decide (transformers, LlamaConfig; newer versions nest the rotary ones). */
const configSchema = z.looseObject({
  model_type: z.string(),
  num_hidden_layers: z.number(),
  hidden_size: z.number(),
  num_attention_heads: z.number(),
  num_key_value_heads: z.number().nullish(),
  head_dim: z.number().nullish(),
  intermediate_size: z.number(),
  vocab_size: z.number(),
  max_position_embeddings: z.number().default(2048),
  rms_norm_eps: z.number().default(1e-6),
  rope_theta: z.number().nullish(),
  rope_scaling: ropeScaling.nullish(),
  rope_parameters: ropeScaling.nullish(),
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.boolean().nullish(),
  mlp_bias: z.boolean().nullish(),
  hidden_act: z.string().default('silu'),
});
type Config = z.infer<typeof configSchema>;

/** Index of a model in many files. */
export const indexSchema = z.looseObject({ weight_map: z.record(z.string(), z.string()) });

/**
 * Opens a Hugging Face folder that holds a Llama in float32, float16 or bfloat16.
 * @throws FileError as openSafetensors, `file.missing`; ModelError `model.description`, `model.tokenizer`,
 *   `model.missing-tensor`, `model.tensor-shape`, `model.unknown-tensor`
 */
export async function openHuggingFaceSource(folder: string): Promise<WeightSource> {
  const configPath = join(folder, FILES.config);
  const shape = shapeOf(await readJson(configPath, configSchema), configPath);
  const tokenizer = await readTokenizer(folder);
  const files = await openWeights(folder);
  const close = () => {
    for (const file of files) file.close();
  };
  try {
    const place = locate(files);
    const found = new Map([...place].map(([name, file]) => [name, file.info(name).shape]));
    // A tied model may carry its unembedding all the same; rotary tables are made anew.
    const ignored = (name: string) =>
      name.endsWith('.rotary_emb.inv_freq') || (shape.tied && name === 'lm_head.weight');
    const specs = llamaWeights(shape);
    checkTensors(folder, specs, (spec) => spec.huggingFace, found, ignored);
    const formats = new Set(specs.map((spec) => place.get(spec.huggingFace)!.info(spec.huggingFace).stored));
    for (const stored of formats) {
      if (safetensorsFormats.has(stored)) continue;
      throw badDescription(folder, `weights of type ${stored} are not read`);
    }
    return {
      path: folder,
      shape,
      tokenizer,
      precision: [...formats].filter((f) => f !== 'F32').join(', '),
      readRows(spec, from, count, target) {
        const file = place.get(spec.huggingFace)!;
        const format = safetensorsFormats.get(file.info(spec.huggingFace).stored)!;
        const { columns } = storedSize(spec);
        const rowBytes = columns * format.bytes;
        const bytes = file.readBytes(spec.huggingFace, from * rowBytes, count * rowBytes);
        format.unpack(bytes, 0, target, 0, count * columns);
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

function shapeOf(config: Config, where: string): ModelShape {
  if (config.model_type !== 'llama') throw badDescription(where, `model_type is "${config.model_type}"`);
  if (config.attention_bias || config.mlp_bias) throw badDescription(where, 'it has biases');
  if (config.hidden_act !== 'silu') throw badDescription(where, `hidden_act is "${config.hidden_act}"`);
  const scaling = config.rope_scaling ?? config.rope_parameters ?? undefined;
  const heads = config.num_attention_heads;
  const headWidth = config.head_dim ?? config.hidden_size / heads;
  const ropeBase = config.rope_theta ?? config.rope_parameters?.rope_theta ?? 10_000;
  const shape = {
    family: 'llama' as const,
    layers: config.num_hidden_layers,
    width: config.hidden_size,
    heads,
    kvHeads: config.num_key_value_heads ?? heads,
    headWidth,
    mlpWidth: config.intermediate_size,
    vocabulary: config.vocab_size,
    context: config.max_position_embeddings,
    ropeBase,
    ropeFactors: undefined as number[] | undefined,
    normEpsilon: config.rms_norm_eps,
    tied: config.tie_word_embeddings,
  };
  const checked = checkShape(shape, where);
  const ropeFactors = scaling && ropeDivisors(scaling, checked, where);
  return ropeFactors ? { ...checked, ropeFactors } : checked;
}

/** Divisors of the rotary frequencies (transformers, modeling_rope_utils.py: `linear` and `llama3`). */
function ropeDivisors(
  scaling: z.infer<typeof ropeScaling>,
  shape: ModelShape,
  where: string,
): number[] | undefined {
  const kind = scaling.rope_type ?? scaling.type ?? 'default';
  const half = shape.headWidth / 2;
  const factor = scaling.factor ?? 1;
  if (kind === 'default') return undefined;
  if (kind === 'linear') return Array.from({ length: half }, () => factor);
  if (kind !== 'llama3') throw badDescription(where, `rotary scaling "${kind}"`);
  const [low, high] = [scaling.low_freq_factor ?? 1, scaling.high_freq_factor ?? 4];
  const original = scaling.original_max_position_embeddings ?? 8192;
  return Array.from({ length: half }, (_, i) => {
    const wavelength = 2 * Math.PI * shape.ropeBase ** (i / half);
    if (wavelength < original / high) return 1;
    if (wavelength > original / low) return factor;
    const smooth = (original / wavelength - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

async function readTokenizer(folder: string): Promise<TokenizerFiles> {
  const path = join(folder, FILES.tokenizer);
  if (!(await exists(path))) {
    throw new ModelError('model.tokenizer', `${folder} has no tokenizer.json`, {
      where: folder,
      hint: 'save the tokenizer with transformers: AutoTokenizer.from_pretrained(…).save_pretrained(folder)',
    });
  }
  const configPath = join(folder, FILES.tokenizerConfig);
  return {
    tokenizer: await readJson(path),
    config: (await exists(configPath)) ? await readJson(configPath) : {},
  };
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

/** Which file holds which tensor. @throws FileError `file.tensor-duplicate` */
function locate(files: readonly SafetensorsFile[]): Map<string, SafetensorsFile> {
  const place = new Map<string, SafetensorsFile>();
  for (const file of files) {
    for (const name of file.names) {
      const other = place.get(name);
      if (other) {
        throw new FileError(
          'file.tensor-duplicate',
          `the tensor "${name}" is in ${other.path} and in ${file.path}`,
          { where: file.path, hint: 'remove the file that does not belong to the model' },
        );
      }
      place.set(name, file);
    }
  }
  return place;
}
