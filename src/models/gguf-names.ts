/** @file What llama.cpp calls the weights of each architecture (gguf-py, constants.py), and which family it is. */
import type { Names } from './stored.ts';
import type { Family } from './types.ts';

/** Weight and bias of a tensor of GGUF under our names. */
const pair = (weight: string, bias: string, theirs: string): Record<string, string> => {
  const [name, part] = theirs.split('#');
  const tail = part === undefined ? '' : `#${part}`;
  return { [weight]: `${name}.weight${tail}`, [bias]: `${name}.bias${tail}` };
};
const norm = (ours: string, theirs: string) => pair(`${ours}.w`, `${ours}.b`, theirs);
const map = (room: string, of: string, theirs: string) => pair(`${room}.W_${of}`, `${room}.b_${of}`, theirs);

const model = {
  W_E: 'token_embd.weight',
  W_pos: 'position_embd.weight',
  ...norm('ln_final', 'output_norm'),
  W_U: 'output.weight',
};
const separate = {
  ...map('attn', 'Q', 'attn_q'),
  ...map('attn', 'K', 'attn_k'),
  ...map('attn', 'V', 'attn_v'),
};
const fused = {
  ...map('attn', 'Q', 'attn_qkv#Q'),
  ...map('attn', 'K', 'attn_qkv#K'),
  ...map('attn', 'V', 'attn_qkv#V'),
};
const shared = {
  ...norm('ln1', 'attn_norm'),
  ...map('attn', 'O', 'attn_output'),
  ...norm('ln2', 'ffn_norm'),
  ...map('mlp', 'in', 'ffn_up'),
  ...map('mlp', 'out', 'ffn_down'),
};
const gate = map('mlp', 'gate', 'ffn_gate');
const headNorms = { ...norm('attn.q_norm', 'attn_q_norm'), ...norm('attn.k_norm', 'attn_k_norm') };
const around = { ...norm('ln1_post', 'post_attention_norm'), ...norm('ln2_post', 'post_ffw_norm') };
const blockPrefix = 'blk.{i}.';

const llama: Names = { model, blockPrefix, block: { ...shared, ...separate, ...gate }, interleaved: true };
const qwen: Names = { model, blockPrefix, block: { ...shared, ...separate, ...gate, ...headNorms } };
const gemma: Names = { model, blockPrefix, block: { ...qwen.block, ...around } };
const phi3: Names = {
  model,
  blockPrefix,
  block: { ...shared, ...fused, ...map('mlp', 'gate', 'ffn_up#gate'), ...map('mlp', 'in', 'ffn_up#in') },
};
const plain: Names = { model, blockPrefix, block: { ...shared, ...fused } };
const bert: Names = {
  model: { ...model, W_type: 'token_types.weight', ...norm('embed.ln', 'token_embd_norm') },
  blockPrefix,
  block: {
    ...separate,
    ...map('attn', 'O', 'attn_output'),
    ...norm('ln1', 'attn_output_norm'),
    ...map('mlp', 'in', 'ffn_up'),
    ...map('mlp', 'out', 'ffn_down'),
    ...norm('ln2', 'layer_output_norm'),
  },
};

/** Architectures of GGUF by name. Mistral's files say `llama`. */
export const ggufArchitectures: Readonly<Record<string, { readonly family: Family; readonly names: Names }>> =
  {
    llama: { family: 'llama', names: llama },
    qwen2: { family: 'qwen2', names: qwen },
    qwen3: { family: 'qwen3', names: qwen },
    gemma2: { family: 'gemma2', names: gemma },
    gemma3: { family: 'gemma3', names: gemma },
    phi3: { family: 'phi3', names: phi3 },
    gpt2: { family: 'gpt2', names: plain },
    gptneox: { family: 'gpt_neox', names: plain },
    bert: { family: 'bert', names: bert },
  };
