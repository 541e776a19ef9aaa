/** @file The shape of a model from GGUF metadata (keys of ggml/docs/gguf.md, "LLM"; constants of llama.cpp's builders). */
import { z } from 'zod';
import { ModelError } from '../core/errors.ts';
import type { GgufFile } from './gguf.ts';
import { ggufArchitectures } from './gguf-names.ts';
import { stretchedRotary } from './rope-scaling.ts';
import { badDescription, checkShape } from './shape.ts';
import type { ModelShape } from './types.ts';

/** Tensors that hold divisors of the rotary frequencies instead of weights. */
export const ropeTensors = {
  all: 'rope_freqs.weight',
  short: 'rope_factors_short.weight',
  long: 'rope_factors_long.weight',
} as const;

const number = z.number().optional();
/** Metadata under the architecture's prefix. */
const keys = z.looseObject({
  block_count: number,
  context_length: number,
  embedding_length: number,
  feed_forward_length: number,
  'attention.head_count': number,
  'attention.head_count_kv': number,
  'attention.key_length': number,
  'attention.layer_norm_rms_epsilon': number,
  'attention.layer_norm_epsilon': number,
  'attention.sliding_window': number,
  'attention.causal': z.boolean().optional(),
  attn_logit_softcapping: number,
  final_logit_softcapping: number,
  'rope.freq_base': number,
  'rope.freq_base_swa': number,
  'rope.dimension_count': number,
  'rope.scaling.type': z.string().optional(),
  'rope.scaling.factor': number,
  'rope.scaling.original_context_length': number,
  'rope.scaling.attn_factor': number,
  use_parallel_residual: z.boolean().optional(),
});
type Keys = z.infer<typeof keys>;

/**
 * The shape that a GGUF file describes. `readAll` reads a small tensor.
 * @throws ModelError `model.description`, `model.missing-tensor`
 */
export function shapeOfGguf(file: GgufFile, readAll: (name: string) => Float32Array): ModelShape {
  const { metadata, path, tensors } = file;
  const name = String(metadata.get('general.architecture'));
  const architecture = Object.hasOwn(ggufArchitectures, name) ? ggufArchitectures[name] : undefined;
  if (!architecture) throw badDescription(path, `its architecture is ${JSON.stringify(name)}`);
  const prefix = `${name}.`;
  const own = [...metadata].filter(([key]) => key.startsWith(prefix));
  const parsed = keys.safeParse(
    Object.fromEntries(own.map(([key, value]) => [key.slice(prefix.length), value])),
  );
  if (!parsed.success)
    throw badDescription(path, `${parsed.error.issues[0]!.path}: ${parsed.error.issues[0]!.message}`);
  const vocabulary = tensors.get('token_embd.weight')?.shape[0];
  if (vocabulary === undefined) {
    throw new ModelError('model.missing-tensor', `${path} lacks the token embedding (token_embd.weight)`, {
      where: path,
      hint: 'the file is incomplete, or holds no language model',
    });
  }
  const of = parsed.data;
  const heads = of['attention.head_count'];
  const headWidth = of['attention.key_length'] ?? (of.embedding_length ?? 0) / (heads ?? 0);
  const kvHeads = of['attention.head_count_kv'] ?? heads;
  const { family } = architecture;
  const sizes = {
    family,
    layers: of.block_count,
    width: of.embedding_length,
    heads,
    kvHeads,
    headWidth,
    mlpWidth: of.feed_forward_length,
    vocabulary,
    context: of.context_length,
    normEpsilon: of['attention.layer_norm_rms_epsilon'] ?? of['attention.layer_norm_epsilon'],
    tied: !tensors.has('output.weight'),
  };
  const has = (tensor: string) => tensors.has(`blk.0.${tensor}`);
  const biases = [
    ...(has('attn_q.bias') || has('attn_qkv.bias') ? ['qkv'] : []),
    ...(has('attn_output.bias') ? ['out'] : []),
    ...(has('ffn_up.bias') ? ['mlp'] : []),
  ];
  const biased = biases.length === 0 ? {} : { biases };
  switch (family) {
    case 'gpt2':
      return checkShape(
        { ...sizes, ...layered, ...biased, ropeBase: 0, ...learned(file), activation: 'gelu_tanh' },
        path,
      );
    case 'gpt_neox':
      return checkShape(
        {
          ...sizes,
          ...layered,
          ...biased,
          ...rotary(file, of, headWidth, readAll),
          activation: 'gelu',
          parallel: of.use_parallel_residual ?? true,
        },
        path,
      );
    case 'bert':
      return checkShape({ ...sizes, ...biased, ...encoder(file) }, path);
    default:
      return checkShape(
        {
          ...sizes,
          ...rotary(file, of, headWidth, readAll),
          ...biased,
          ...(has('attn_q_norm.weight') ? { headNorm: true } : {}),
          ...(family === 'gemma2' || family === 'gemma3' ? gemma(family, of, headWidth) : {}),
          ...(family === 'phi3' && of['attention.sliding_window']
            ? { window: of['attention.sliding_window'] }
            : {}),
        },
        path,
      );
  }
}

/** GPT-2 and GPT-NeoX: layer norms, no gate. */
const layered = { norm: 'layer', gated: false } as const;

function learned({ tensors }: GgufFile) {
  const rows = tensors.get('position_embd.weight')?.shape[0];
  return rows === undefined ? {} : { positionTable: { rows, first: 0 } };
}

/** BERT without what lies beyond its last state: llama.cpp does not keep pooler and heads. */
function encoder(file: GgufFile) {
  const { metadata, tensors } = file;
  const id = (key: string) => metadata.get(`tokenizer.ggml.${key}`);
  const separator = id('seperator_token_id') ?? id('separator_token_id');
  const kinds = tensors.get('token_types.weight')?.shape[0] ?? 1;
  return {
    ...layered,
    ...learned(file),
    ropeBase: 0,
    tied: true,
    kind: 'encoder',
    normPlace: 'after',
    activation: 'gelu',
    head: 'hidden',
    tokenTypes: typeof separator === 'number' ? { kinds, separator } : { kinds },
    padding: id('padding_token_id') ?? 0,
  };
}

/** Rotary fields; llama3's stretch is a tensor, LongRoPE's two, others are said in words. */
function rotary(file: GgufFile, of: Keys, headWidth: number, readAll: (name: string) => Float32Array) {
  const { path, tensors } = file;
  const ropeBase = of['rope.freq_base'] ?? 10_000;
  const ropeWidth = of['rope.dimension_count'] ?? headWidth;
  const context = of.context_length ?? 0;
  const read = (name: string) => [...readAll(name)];
  const kind = of['rope.scaling.type'] ?? 'none';
  const { all, short, long } = ropeTensors;
  const original = of['rope.scaling.original_context_length'];
  let stretched = {};
  if (tensors.has(short) && tensors.has(long)) {
    const scaling = {
      rope_type: 'longrope',
      short_factor: read(short),
      long_factor: read(long),
      original_max_position_embeddings: original,
      attention_factor: of['rope.scaling.attn_factor'],
    };
    stretched = stretchedRotary(scaling, { width: ropeWidth, base: ropeBase, context }, path);
  } else if (kind !== 'none') {
    const scaling = {
      rope_type: kind,
      factor: of['rope.scaling.factor'],
      original_max_position_embeddings: original,
      attention_factor: of['rope.scaling.attn_factor'],
    };
    stretched = stretchedRotary(scaling, { width: ropeWidth, base: ropeBase, context }, path);
  }
  return {
    ropeBase,
    ...(ropeWidth === headWidth ? {} : { ropeWidth }),
    ...stretched,
    ...(tensors.has(all) ? { ropeFactors: read(all) } : {}),
  };
}

/** Gemma's constants; its largest models scale attention by width / heads (llama.cpp, gemma2-iswa.cpp, gemma3-iswa.cpp). */
function gemma(family: 'gemma2' | 'gemma3', of: Keys, headWidth: number) {
  const layers = of.block_count ?? 0;
  const width = of.embedding_length ?? 0;
  const largest = family === 'gemma2' ? layers === 46 : layers === 62;
  const period = family === 'gemma2' ? 2 : 6;
  const window = of['attention.sliding_window'];
  const localLayers = Array.from({ length: layers }, (_, i) => i).filter((i) => (i + 1) % period !== 0);
  return {
    normPlace: 'around',
    activation: 'gelu_tanh',
    embedScale: Math.sqrt(width),
    attentionScale: (largest ? width / (of['attention.head_count'] ?? 1) : headWidth) ** -0.5,
    attentionCap: of.attn_logit_softcapping,
    logitCap: of.final_logit_softcapping,
    ...(window === undefined ? {} : { window, localLayers }),
    ...(family === 'gemma3' ? { ropeLocalBase: of['rope.freq_base_swa'] ?? 10_000 } : {}),
  };
}
