/** @file config.json of the families we build, as shapes (transformers, configuration_*.py). */
import { z } from 'zod';
import { type RopeScaling, ropeScaling, stretchedRotary } from './rope-scaling.ts';
import { badDescription, checkShape } from './shape.ts';
import type { Activation, Family, ModelShape } from './types.ts';

const number = z.number().nullish();
const truth = z.boolean().nullish();

/** The fields that decide; which of them a family has, its reader knows. */
export const configSchema = z.looseObject({
  model_type: z.string(),
  architectures: z.array(z.string()).nullish(),
  num_hidden_layers: number,
  hidden_size: number,
  num_attention_heads: number,
  num_key_value_heads: number,
  head_dim: number,
  intermediate_size: number,
  vocab_size: number,
  max_position_embeddings: number,
  rms_norm_eps: number,
  layer_norm_eps: number,
  rope_theta: number,
  rope_local_base_freq: number,
  rope_scaling: ropeScaling.nullish(),
  rope_parameters: z
    .union([z.object({ full_attention: ropeScaling, sliding_attention: ropeScaling }), ropeScaling])
    .nullish(),
  original_max_position_embeddings: number,
  partial_rotary_factor: number,
  rotary_pct: number,
  rotary_emb_base: number,
  tie_word_embeddings: truth,
  attention_bias: truth,
  mlp_bias: truth,
  hidden_act: z.string().nullish(),
  hidden_activation: z.string().nullish(),
  sliding_window: number,
  use_sliding_window: truth,
  max_window_layers: number,
  layer_types: z.array(z.string()).nullish(),
  sliding_window_pattern: number,
  query_pre_attn_scalar: number,
  attn_logit_softcapping: number,
  final_logit_softcapping: number,
  use_bidirectional_attention: truth,
  use_parallel_residual: truth,
  n_layer: number,
  n_embd: number,
  n_head: number,
  n_inner: number,
  n_positions: number,
  layer_norm_epsilon: number,
  activation_function: z.string().nullish(),
  scale_attn_weights: truth,
  scale_attn_by_inverse_layer_idx: truth,
  type_vocab_size: number,
  pad_token_id: number,
  position_embedding_type: z.string().nullish(),
  is_decoder: truth,
  image_size: number,
  patch_size: number,
  num_channels: number,
  qkv_bias: truth,
  id2label: z.record(z.string(), z.string()).nullish(),
  num_labels: number,
  text_config: z.looseObject({}).nullish(),
});
export type Config = z.infer<typeof configSchema>;

const activations: Readonly<Record<string, Activation>> = {
  silu: 'silu',
  swish: 'silu',
  gelu: 'gelu',
  gelu_new: 'gelu_tanh',
  gelu_fast: 'gelu_tanh',
  gelu_pytorch_tanh: 'gelu_tanh',
  quick_gelu: 'quick_gelu',
  relu: 'relu',
};

function activationOf(name: string, where: string): Activation {
  const known = activations[name];
  if (known) return known;
  throw badDescription(where, `the nonlinearity "${name}"`);
}

/**
 * The shape that a configuration describes; what depends on the weights or the tokenizer (heads of encoders,
 * separators) is not in it yet.
 * @throws ModelError `model.description`
 */
export function shapeOfConfig(config: Config, where: string): ModelShape {
  switch (config.model_type) {
    case 'llama':
    case 'mistral':
    case 'qwen2':
    case 'qwen3':
    case 'gemma2':
    case 'phi3':
      return decoder(config.model_type, config, where);
    case 'gemma3_text':
      return decoder('gemma3', config, where);
    case 'gemma3': {
      // A model of images and text: its text model alone is built. What the file leaves out is as in Gemma3TextConfig.
      const usual = { vocab_size: 262_208, num_attention_heads: 8, num_key_value_heads: 4, head_dim: 256 };
      const context = { max_position_embeddings: 131_072, tie_word_embeddings: true };
      const inner = configSchema.safeParse({
        ...usual,
        ...context,
        ...config.text_config,
        model_type: 'gemma3_text',
      });
      if (!config.text_config || !inner.success)
        throw badDescription(where, 'its text_config cannot be read');
      return decoder('gemma3', inner.data, where);
    }
    case 'gpt2':
      return gpt2(config, where);
    case 'gpt_neox':
      return neox(config, where);
    case 'bert':
    case 'roberta':
      return encoder(config.model_type, config, where);
    case 'vit':
      return vit(config, where);
    default:
      throw badDescription(where, `model_type is "${config.model_type}"`);
  }
}

type Modern = 'llama' | 'mistral' | 'qwen2' | 'qwen3' | 'gemma2' | 'gemma3' | 'phi3';

const defaultActivation = (family: Family) => (family.startsWith('gemma') ? 'gelu_pytorch_tanh' : 'silu');

/** Llama and what came of it. */
function decoder(family: Modern, config: Config, where: string): ModelShape {
  const gemma = family === 'gemma2' || family === 'gemma3';
  if (config.use_bidirectional_attention) throw badDescription(where, 'its attention is not causal');
  const heads = config.num_attention_heads ?? 0;
  const headWidth =
    config.head_dim ?? (gemma ? 256 : family === 'qwen3' ? 128 : (config.hidden_size ?? 0) / heads);
  const { full, local } = rotary(config);
  const ropeBase = full.rope_theta ?? config.rope_theta ?? (family === 'gemma3' ? 1_000_000 : 10_000);
  const partial = full.partial_rotary_factor ?? config.partial_rotary_factor ?? 1;
  const ropeWidth = Math.floor(headWidth * partial);
  const context = config.max_position_embeddings ?? (gemma ? 8192 : 2048);
  const act =
    (gemma ? config.hidden_activation : undefined) ?? config.hidden_act ?? defaultActivation(family);
  const activation = activationOf(act, where);
  const biases = [
    ...(family === 'qwen2' || config.attention_bias ? ['qkv'] : []),
    ...(family !== 'qwen2' && config.attention_bias ? ['out'] : []),
    ...(config.mlp_bias ? ['mlp'] : []),
  ];
  return checkShape(
    {
      family,
      layers: config.num_hidden_layers,
      width: config.hidden_size,
      heads,
      kvHeads: config.num_key_value_heads ?? heads,
      headWidth,
      mlpWidth: config.intermediate_size,
      vocabulary: config.vocab_size,
      context,
      ropeBase,
      normEpsilon: config.rms_norm_eps ?? 1e-6,
      tied: config.tie_word_embeddings ?? gemma,
      ...stretchedRotary(full, { width: ropeWidth, base: ropeBase, context }, where),
      ...(ropeWidth === headWidth ? {} : { ropeWidth }),
      ...(activation === 'silu' ? {} : { activation }),
      ...(biases.length === 0 ? {} : { biases }),
      ...windows(family, config),
      ...(family === 'qwen3' || family === 'gemma3' ? { headNorm: true } : {}),
      ...(gemma ? gemmaShape(family, config) : {}),
      ...(family === 'gemma3'
        ? { ropeLocalBase: local?.rope_theta ?? config.rope_local_base_freq ?? 10_000 }
        : {}),
    },
    where,
  );
}

const gemmaShape = (family: 'gemma2' | 'gemma3', config: Config) => ({
  normPlace: 'around',
  embedScale: Math.sqrt(config.hidden_size ?? 0),
  attentionScale: (config.query_pre_attn_scalar ?? 256) ** -0.5,
  ...caps(family, config),
});

/** Gemma 2 has caps unless told otherwise, Gemma 3 only when told. */
function caps(family: 'gemma2' | 'gemma3', config: Config) {
  const of = (value: number | null | undefined, usual: number) =>
    value === undefined && family === 'gemma2' ? usual : (value ?? undefined);
  return {
    attentionCap: of(config.attn_logit_softcapping, 50),
    logitCap: of(config.final_logit_softcapping, 30),
  };
}

/** Rotary parameters of all layers, and of the local ones where they have their own. */
function rotary(config: Config): { full: RopeScaling; local?: RopeScaling } {
  const { rope_parameters: parameters, original_max_position_embeddings: original } = config;
  if (parameters && 'sliding_attention' in parameters) {
    const both = parameters as { full_attention: RopeScaling; sliding_attention: RopeScaling };
    return { full: both.full_attention, local: both.sliding_attention };
  }
  const full = (config.rope_scaling ?? parameters ?? {}) as RopeScaling;
  return {
    full: {
      ...full,
      rope_theta: full.rope_theta ?? (parameters as RopeScaling | undefined)?.rope_theta,
      original_max_position_embeddings: full.original_max_position_embeddings ?? original,
    },
  };
}

/** Which layers look only so far back. */
function windows(family: Modern, config: Config): Partial<Pick<ModelShape, 'window' | 'localLayers'>> {
  const layers = config.num_hidden_layers ?? 0;
  const usual = family === 'gemma2' || family === 'gemma3' ? 4096 : undefined;
  const window = config.sliding_window === undefined ? usual : (config.sliding_window ?? undefined);
  if (window === undefined || family === 'llama') return {};
  const optional = family === 'qwen2' || family === 'qwen3';
  if (optional && !config.use_sliding_window) return {};
  const all = Array.from({ length: layers }, (_, i) => i);
  const isLocal = (i: number): boolean => {
    if (config.layer_types) return config.layer_types[i] === 'sliding_attention';
    if (family === 'gemma2') return i % 2 === 0;
    if (family === 'gemma3') return (i + 1) % (config.sliding_window_pattern ?? 6) !== 0;
    return optional ? i >= (config.max_window_layers ?? 28) : true;
  };
  const localLayers = all.filter(isLocal);
  if (localLayers.length === 0) return {};
  return localLayers.length === layers && family !== 'gemma3' ? { window } : { window, localLayers };
}

function gpt2(config: Config, where: string): ModelShape {
  if (config.scale_attn_by_inverse_layer_idx || config.scale_attn_weights === false)
    throw badDescription(where, 'its attention is scaled by layer, or not at all');
  const [width, heads] = [config.n_embd ?? 768, config.n_head ?? 12];
  const rows = config.n_positions ?? 1024;
  return checkShape(
    {
      family: 'gpt2',
      layers: config.n_layer ?? 12,
      width,
      heads,
      kvHeads: heads,
      headWidth: width / heads,
      mlpWidth: config.n_inner ?? 4 * width,
      vocabulary: config.vocab_size,
      context: rows,
      ropeBase: 0,
      normEpsilon: config.layer_norm_epsilon ?? 1e-5,
      tied: config.tie_word_embeddings ?? true,
      norm: 'layer',
      activation: activationOf(config.activation_function ?? 'gelu_new', where),
      gated: false,
      biases: ['qkv', 'out', 'mlp'],
      positionTable: { rows, first: 0 },
    },
    where,
  );
}

function neox(config: Config, where: string): ModelShape {
  const heads = config.num_attention_heads ?? 0;
  const headWidth = (config.hidden_size ?? 0) / heads;
  const { full } = rotary(config);
  const base = full.rope_theta ?? config.rotary_emb_base ?? config.rope_theta ?? 10_000;
  const partial = full.partial_rotary_factor ?? config.rotary_pct ?? config.partial_rotary_factor ?? 0.25;
  const ropeWidth = Math.floor(headWidth * partial);
  const context = config.max_position_embeddings ?? 2048;
  return checkShape(
    {
      family: 'gpt_neox',
      layers: config.num_hidden_layers,
      width: config.hidden_size,
      heads,
      kvHeads: heads,
      headWidth,
      mlpWidth: config.intermediate_size,
      vocabulary: config.vocab_size,
      context,
      ropeBase: base,
      normEpsilon: config.layer_norm_eps ?? 1e-5,
      tied: config.tie_word_embeddings ?? false,
      norm: 'layer',
      parallel: config.use_parallel_residual ?? true,
      activation: activationOf(config.hidden_act ?? 'gelu', where),
      gated: false,
      biases: config.attention_bias === false ? ['mlp'] : ['qkv', 'out', 'mlp'],
      ...stretchedRotary(full, { width: ropeWidth, base, context }, where),
      ...(ropeWidth === headWidth ? {} : { ropeWidth }),
    },
    where,
  );
}

function encoder(family: 'bert' | 'roberta', config: Config, where: string): ModelShape {
  if (config.is_decoder) throw badDescription(where, 'it is used as a decoder');
  const kind = config.position_embedding_type ?? 'absolute';
  if (kind !== 'absolute') throw badDescription(where, `positions of kind "${kind}"`);
  const heads = config.num_attention_heads ?? 0;
  const rows = config.max_position_embeddings ?? 512;
  const padding = config.pad_token_id ?? (family === 'roberta' ? 1 : 0);
  const first = family === 'roberta' ? padding + 1 : 0;
  return checkShape(
    {
      family,
      layers: config.num_hidden_layers,
      width: config.hidden_size,
      heads,
      kvHeads: heads,
      headWidth: (config.hidden_size ?? 0) / heads,
      mlpWidth: config.intermediate_size,
      vocabulary: config.vocab_size,
      context: rows - first,
      ropeBase: 0,
      normEpsilon: config.layer_norm_eps ?? 1e-12,
      tied: config.tie_word_embeddings ?? true,
      kind: 'encoder',
      norm: 'layer',
      normPlace: 'after',
      activation: activationOf(config.hidden_act ?? 'gelu', where),
      gated: false,
      biases: ['qkv', 'out', 'mlp'],
      positionTable: { rows, first },
      tokenTypes: { kinds: config.type_vocab_size ?? 2 },
      padding,
    },
    where,
  );
}

function vit(config: Config, where: string): ModelShape {
  const heads = config.num_attention_heads ?? 12;
  const width = config.hidden_size ?? 768;
  const [size, patch] = [config.image_size ?? 224, config.patch_size ?? 16];
  const rows = (size / patch) ** 2 + 1;
  return checkShape(
    {
      family: 'vit',
      layers: config.num_hidden_layers ?? 12,
      width,
      heads,
      kvHeads: heads,
      headWidth: width / heads,
      mlpWidth: config.intermediate_size ?? 3072,
      vocabulary: Math.max(Object.keys(config.id2label ?? {}).length, 1),
      context: rows,
      ropeBase: 0,
      normEpsilon: config.layer_norm_eps ?? 1e-12,
      tied: false,
      kind: 'vision',
      norm: 'layer',
      activation: activationOf(config.hidden_act ?? 'gelu', where),
      gated: false,
      biases: config.qkv_bias === false ? ['out', 'mlp'] : ['qkv', 'out', 'mlp'],
      positionTable: { rows, first: 0 },
      image: { size, patch, channels: config.num_channels ?? 3 },
    },
    where,
  );
}
