/** @file What Hugging Face calls the weights of each family (transformers, modeling_*.py). */
import type { Names } from './stored.ts';
import type { Family } from './types.ts';

/** Weight and bias of our linear maps by the foreign module's name. */
const modules = (names: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(names).flatMap(([ours, written]) => {
      const [theirs, part] = written.split('#');
      const tail = part === undefined ? '' : `#${part}`;
      const [room, of] = ours.split(':') as [string, string | undefined];
      if (of === undefined)
        return [
          [`${room}.w`, `${theirs}.weight`],
          [`${room}.b`, `${theirs}.bias`],
        ];
      return [
        [`${room}.W_${of}`, `${theirs}.weight${tail}`],
        [`${room}.b_${of}`, `${theirs}.bias${tail}`],
      ];
    }),
  );

const gatedMlp = { 'mlp:gate': 'mlp.gate_proj', 'mlp:in': 'mlp.up_proj', 'mlp:out': 'mlp.down_proj' };
const separate = {
  'attn:Q': 'self_attn.q_proj',
  'attn:K': 'self_attn.k_proj',
  'attn:V': 'self_attn.v_proj',
  'attn:O': 'self_attn.o_proj',
  'attn.q_norm': 'self_attn.q_norm',
  'attn.k_norm': 'self_attn.k_norm',
};
const decoder = {
  model: {
    W_E: 'model.embed_tokens.weight',
    'ln_final.w': 'model.norm.weight',
    W_U: 'lm_head.weight',
  },
  blockPrefix: 'model.layers.{i}.',
};

const llama: Names = {
  ...decoder,
  block: modules({ ln1: 'input_layernorm', ...separate, ln2: 'post_attention_layernorm', ...gatedMlp }),
};
const gemma: Names = {
  ...decoder,
  normsFromOne: true,
  block: modules({
    ln1: 'input_layernorm',
    ...separate,
    ln1_post: 'post_attention_layernorm',
    ln2: 'pre_feedforward_layernorm',
    ln2_post: 'post_feedforward_layernorm',
    ...gatedMlp,
  }),
};
const phi3: Names = {
  ...decoder,
  block: modules({
    ln1: 'input_layernorm',
    'attn:Q': 'self_attn.qkv_proj#Q',
    'attn:K': 'self_attn.qkv_proj#K',
    'attn:V': 'self_attn.qkv_proj#V',
    'attn:O': 'self_attn.o_proj',
    ln2: 'post_attention_layernorm',
    'mlp:gate': 'mlp.gate_up_proj#gate',
    'mlp:in': 'mlp.gate_up_proj#in',
    'mlp:out': 'mlp.down_proj',
  }),
};
const gpt2: Names = {
  straight: true,
  model: {
    W_E: 'transformer.wte.weight',
    W_pos: 'transformer.wpe.weight',
    ...modules({ ln_final: 'transformer.ln_f' }),
    W_U: 'lm_head.weight',
  },
  blockPrefix: 'transformer.h.{i}.',
  block: modules({
    ln1: 'ln_1',
    'attn:Q': 'attn.c_attn#Q',
    'attn:K': 'attn.c_attn#K',
    'attn:V': 'attn.c_attn#V',
    'attn:O': 'attn.c_proj',
    ln2: 'ln_2',
    'mlp:in': 'mlp.c_fc',
    'mlp:out': 'mlp.c_proj',
  }),
};
const neox: Names = {
  model: {
    W_E: 'gpt_neox.embed_in.weight',
    ...modules({ ln_final: 'gpt_neox.final_layer_norm' }),
    W_U: 'embed_out.weight',
  },
  blockPrefix: 'gpt_neox.layers.{i}.',
  block: modules({
    ln1: 'input_layernorm',
    'attn:Q': 'attention.query_key_value#headQ',
    'attn:K': 'attention.query_key_value#headK',
    'attn:V': 'attention.query_key_value#headV',
    'attn:O': 'attention.dense',
    ln2: 'post_attention_layernorm',
    'mlp:in': 'mlp.dense_h_to_4h',
    'mlp:out': 'mlp.dense_4h_to_h',
  }),
};

const encoderBlock = {
  'attn:Q': 'attention.self.query',
  'attn:K': 'attention.self.key',
  'attn:V': 'attention.self.value',
  'attn:O': 'attention.output.dense',
  ln1: 'attention.output.LayerNorm',
  'mlp:in': 'intermediate.dense',
  'mlp:out': 'output.dense',
  ln2: 'output.LayerNorm',
};
const encoder = (base: string, masked: Record<string, string>): Names => ({
  model: {
    W_E: `${base}.embeddings.word_embeddings.weight`,
    W_pos: `${base}.embeddings.position_embeddings.weight`,
    W_type: `${base}.embeddings.token_type_embeddings.weight`,
    ...modules({ 'embed.ln': `${base}.embeddings.LayerNorm` }),
    'pooler.W': `${base}.pooler.dense.weight`,
    'pooler.b': `${base}.pooler.dense.bias`,
    ...masked,
  },
  blockPrefix: `${base}.encoder.layer.{i}.`,
  block: modules(encoderBlock),
});
const bert = encoder('bert', {
  'mlm_head.W': 'cls.predictions.transform.dense.weight',
  'mlm_head.b': 'cls.predictions.transform.dense.bias',
  ...modules({ 'mlm_head.ln': 'cls.predictions.transform.LayerNorm' }),
  W_U: 'cls.predictions.decoder.weight',
  b_U: 'cls.predictions.bias',
});
const roberta = encoder('roberta', {
  'mlm_head.W': 'lm_head.dense.weight',
  'mlm_head.b': 'lm_head.dense.bias',
  ...modules({ 'mlm_head.ln': 'lm_head.layer_norm' }),
  W_U: 'lm_head.decoder.weight',
  b_U: 'lm_head.bias',
});
const vit: Names = {
  model: {
    cls: 'vit.embeddings.cls_token',
    W_pos: 'vit.embeddings.position_embeddings',
    W_patch: 'vit.embeddings.patch_embeddings.projection.weight',
    b_patch: 'vit.embeddings.patch_embeddings.projection.bias',
    ...modules({ ln_final: 'vit.layernorm' }),
    W_U: 'classifier.weight',
    b_U: 'classifier.bias',
  },
  blockPrefix: 'vit.encoder.layer.{i}.',
  block: modules({
    ln1: 'layernorm_before',
    'attn:Q': 'attention.attention.query',
    'attn:K': 'attention.attention.key',
    'attn:V': 'attention.attention.value',
    'attn:O': 'attention.output.dense',
    ln2: 'layernorm_after',
    'mlp:in': 'intermediate.dense',
    'mlp:out': 'output.dense',
  }),
};

/** Names by family. */
export const huggingFaceNames: Readonly<Record<Family, Names>> = {
  llama,
  mistral: llama,
  qwen2: llama,
  qwen3: llama,
  gemma2: gemma,
  gemma3: gemma,
  phi3,
  gpt2,
  gpt_neox: neox,
  bert,
  roberta,
  vit,
};

/** What a family's names start with; files saved from the bare model leave it out. */
export const basePrefix: Readonly<Record<Family, string>> = {
  llama: 'model.',
  mistral: 'model.',
  qwen2: 'model.',
  qwen3: 'model.',
  gemma2: 'model.',
  gemma3: 'model.',
  phi3: 'model.',
  gpt2: 'transformer.',
  gpt_neox: 'gpt_neox.',
  bert: 'bert.',
  roberta: 'roberta.',
  vit: 'vit.',
};

/** Tensors that carry nothing of their own: masks, position numbers, heads for other tasks, tied copies. */
export const isSurplus = (name: string): boolean =>
  /(\.rotary_emb\.inv_freq|\.attn\.bias|\.attn\.masked_bias|\.attention\.bias|\.attention\.masked_bias|position_ids)$/.test(
    name,
  ) || /^(cls\.seq_relationship|vit\.pooler|pooler)\b/.test(name);
