/** @file Shapes as config.json: what huggingface-config.ts reads, the other way round. */
import type { Activation, Family, ModelShape } from './types.ts';

const architectures: Readonly<Record<Family, string>> = {
  llama: 'LlamaForCausalLM',
  mistral: 'MistralForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
  gemma2: 'Gemma2ForCausalLM',
  gemma3: 'Gemma3ForCausalLM',
  phi3: 'Phi3ForCausalLM',
  gpt2: 'GPT2LMHeadModel',
  gpt_neox: 'GPTNeoXForCausalLM',
  bert: 'BertForMaskedLM',
  roberta: 'RobertaForMaskedLM',
  vit: 'ViTForImageClassification',
};

const activations: Readonly<Record<Activation, string>> = {
  silu: 'silu',
  gelu: 'gelu',
  gelu_tanh: 'gelu_pytorch_tanh',
  quick_gelu: 'quick_gelu',
  relu: 'relu',
};

/** The configuration of a model of this shape, for transformers. */
export function configOfShape(shape: ModelShape): Record<string, unknown> {
  const { family, layers, width, heads, mlpWidth, vocabulary, context, normEpsilon, tied } = shape;
  const act = activations[shape.activation ?? 'silu'];
  const common = { architectures: [architectures[family]], tie_word_embeddings: tied };
  if (family === 'gpt2') {
    return {
      ...common,
      model_type: family,
      n_layer: layers,
      n_embd: width,
      n_head: heads,
      n_inner: mlpWidth,
      n_positions: shape.positionTable!.rows,
      vocab_size: vocabulary,
      layer_norm_epsilon: normEpsilon,
      activation_function: act,
    };
  }
  const sizes = {
    ...common,
    model_type: family === 'gemma3' ? 'gemma3_text' : family,
    num_hidden_layers: layers,
    hidden_size: width,
    num_attention_heads: heads,
    intermediate_size: mlpWidth,
    hidden_act: act,
  };
  if (family === 'vit') {
    const labels = Array.from({ length: vocabulary }, (_, i) => [String(i), `LABEL_${i}`]);
    return {
      ...sizes,
      image_size: shape.image!.size,
      patch_size: shape.image!.patch,
      num_channels: shape.image!.channels,
      layer_norm_eps: normEpsilon,
      qkv_bias: shape.biases?.includes('qkv') ?? false,
      id2label: Object.fromEntries(labels),
    };
  }
  const text = { ...sizes, vocab_size: vocabulary };
  if (family === 'bert' || family === 'roberta') {
    const { padding, positionTable, tokenTypes, head } = shape;
    return {
      ...text,
      architectures: [
        head === 'masked' ? architectures[family] : family === 'bert' ? 'BertModel' : 'RobertaModel',
      ],
      max_position_embeddings: positionTable!.rows,
      type_vocab_size: tokenTypes!.kinds,
      pad_token_id: padding,
      layer_norm_eps: normEpsilon,
    };
  }
  const rotary = rotaryConfig(shape);
  if (family === 'gpt_neox') {
    return {
      ...text,
      max_position_embeddings: context,
      layer_norm_eps: normEpsilon,
      use_parallel_residual: shape.parallel ?? false,
      attention_bias: shape.biases?.includes('qkv') ?? false,
      rotary_pct: (shape.ropeWidth ?? shape.headWidth) / shape.headWidth,
      rotary_emb_base: shape.ropeBase,
      rope_parameters: {
        ...rotary,
        partial_rotary_factor: (shape.ropeWidth ?? shape.headWidth) / shape.headWidth,
      },
    };
  }
  return { ...text, ...decoder(shape, rotary) };
}

/** Base and divisors; divisors of whatever origin are said as LongRoPE's, which takes any. */
function rotaryConfig({
  ropeBase,
  ropeFactors,
  ropeLong,
  ropeScale,
  context,
}: ModelShape): Record<string, unknown> {
  if (!ropeFactors) return { rope_type: 'default', rope_theta: ropeBase };
  return {
    rope_type: 'longrope',
    rope_theta: ropeBase,
    short_factor: ropeFactors,
    long_factor: ropeLong?.factors ?? ropeFactors,
    original_max_position_embeddings: ropeLong?.after ?? context,
    attention_factor: ropeScale ?? 1,
  };
}

function decoder(shape: ModelShape, rotary: Record<string, unknown>): Record<string, unknown> {
  const { family, layers, window, localLayers } = shape;
  const gemma = family === 'gemma2' || family === 'gemma3';
  const local = new Set(
    localLayers ?? (window === undefined ? [] : Array.from({ length: layers }, (_, i) => i)),
  );
  const partial = (shape.ropeWidth ?? shape.headWidth) / shape.headWidth;
  return {
    num_key_value_heads: shape.kvHeads,
    pad_token_id: null,
    head_dim: shape.headWidth,
    max_position_embeddings: shape.context,
    rms_norm_eps: shape.normEpsilon,
    // Both spellings: transformers before version 5 knows the first alone.
    rope_theta: shape.ropeBase,
    rope_parameters:
      family === 'gemma3'
        ? {
            full_attention: rotary,
            sliding_attention: { rope_type: 'default', rope_theta: shape.ropeLocalBase },
          }
        : { ...rotary, ...(partial === 1 ? {} : { partial_rotary_factor: partial }) },
    attention_bias: family !== 'qwen2' && (shape.biases?.includes('qkv') ?? false),
    mlp_bias: shape.biases?.includes('mlp') ?? false,
    sliding_window: window ?? null,
    ...(family === 'qwen2' || family === 'qwen3' ? { use_sliding_window: window !== undefined } : {}),
    ...(window !== undefined && family !== 'mistral' && family !== 'phi3'
      ? {
          layer_types: Array.from({ length: layers }, (_, i) =>
            local.has(i) ? 'sliding_attention' : 'full_attention',
          ),
        }
      : {}),
    ...(gemma
      ? {
          hidden_activation: activations[shape.activation ?? 'silu'],
          query_pre_attn_scalar: Math.round((shape.attentionScale ?? 1) ** -2),
          attn_logit_softcapping: shape.attentionCap ?? null,
          final_logit_softcapping: shape.logitCap ?? null,
        }
      : {}),
  };
}

/** Fields that transformers wants written as floating-point numbers, whole ones too. */
const FLOATS =
  /^(rope_theta|rotary_emb_base|rotary_pct|partial_rotary_factor|attention_factor|(short|long)_factor|\w+_softcapping|\w+_eps|layer_norm_epsilon)$/;

/** The text of a config.json. */
export function writtenConfig(config: Record<string, unknown>): string {
  const mark = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(mark);
    return Number.isInteger(value) ? `float:${value as number}.0` : value;
  };
  const text = JSON.stringify(config, (key, value: unknown) => (FLOATS.test(key) ? mark(value) : value), 2);
  return `${text.replace(/"float:([^"]+)"/g, '$1')}\n`;
}
