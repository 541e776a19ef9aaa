/** @file A trained Llama as a Hugging Face folder: float16 weights, config.json, tokenizer.json. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { floatsToHalves } from '../core/float16.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { writeJson } from '../files/atomic.ts';
import { writeSafetensors } from '../files/safetensors.ts';
import { FILES } from '../models/huggingface.ts';
import { huggingFaceNames } from '../models/huggingface-names.ts';
import { storedBy } from '../models/stored.ts';
import type { ModelShape, TokenizerFiles } from '../models/types.ts';
import { modelWeights } from '../models/weights.ts';

/** Writes the folder that openModel() and transformers read. Weights are rounded to float16. */
export async function saveLlama(
  folder: string,
  shape: ModelShape,
  weights: Readonly<Record<string, Tensor>>,
  { tokenizer, config }: TokenizerFiles,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const stored = storedBy(huggingFaceNames.llama, shape);
  const tensors = modelWeights(shape).map((spec) => {
    const { name, transposed } = stored(spec)!;
    const { data } = weights[spec.name]!;
    const [rows, columns] = spec.shape as [number, number];
    const turned = transposed ? transpose(data as Float32Array, rows, columns) : (data as Float32Array);
    const size = transposed ? [columns, rows] : spec.shape;
    return [name, tensor('float16', size, floatsToHalves(turned))] as const;
  });
  await writeSafetensors(join(folder, FILES.weights), Object.fromEntries(tensors), { format: 'pt' });
  await writeJson(join(folder, FILES.config), configOf(shape));
  await writeJson(join(folder, FILES.tokenizer), tokenizer);
  await writeJson(join(folder, FILES.tokenizerConfig), config);
}

const configOf = (shape: ModelShape) => ({
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  num_hidden_layers: shape.layers,
  hidden_size: shape.width,
  num_attention_heads: shape.heads,
  num_key_value_heads: shape.kvHeads,
  head_dim: shape.headWidth,
  intermediate_size: shape.mlpWidth,
  vocab_size: shape.vocabulary,
  max_position_embeddings: shape.context,
  rms_norm_eps: shape.normEpsilon,
  rope_theta: shape.ropeBase,
  tie_word_embeddings: shape.tied,
  attention_bias: false,
  mlp_bias: false,
  hidden_act: 'silu',
  bos_token_id: 0,
  eos_token_id: 0,
  torch_dtype: 'float16',
});

function transpose(data: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(data.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = data[r * columns + c]!;
  return out;
}
