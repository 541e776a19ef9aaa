/** @file The weights of a Llama: our names, shapes and orientation, and what other formats call them. */
import { type FileHandle, open } from 'node:fs/promises';
import { FileError } from '../core/errors.ts';
import { type Tensor, tensor, viewBytes } from '../core/tensor.ts';
import { fileFailure } from '../files/failures.ts';
import { isExternal, type Weight } from '../graph/types.ts';
import type { Model, ModelShape } from './types.ts';

/**
 * One weight as the graph wants it. Linear maps are stored [in, out] so that y = x·W; readers of formats that
 * store [out, in] transpose. Embedding and unembedding stay [vocabulary, width]: rows are tokens.
 */
export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  /** Foreign formats hold the transpose. */
  readonly transposed: boolean;
  readonly huggingFace: string;
  readonly gguf: string;
  /** Heads of Q and K, whose rows llama.cpp reorders for its interleaved rotary embedding. */
  readonly rotaryHeads?: number;
}

/** All weights of a Llama of this shape, in the order in which they are stored. */
export function llamaWeights(shape: ModelShape): WeightSpec[] {
  const { width: D, heads, kvHeads, headWidth, mlpWidth: M, vocabulary: V } = shape;
  const [Q, K] = [heads * headWidth, kvHeads * headWidth];
  const plain = (name: string, size: number[], huggingFace: string, gguf: string): WeightSpec => ({
    name,
    shape: size,
    transposed: false,
    huggingFace: `${huggingFace}.weight`,
    gguf: `${gguf}.weight`,
  });
  const linear = (
    name: string,
    size: number[],
    hf: string,
    gguf: string,
    rotaryHeads?: number,
  ): WeightSpec => ({
    ...plain(name, size, hf, gguf),
    transposed: true,
    ...(rotaryHeads === undefined ? {} : { rotaryHeads }),
  });
  const blocks = Array.from({ length: shape.layers }, (_, i) => {
    const [ours, hf, gguf] = [`blocks.${i}`, `model.layers.${i}`, `blk.${i}`];
    return [
      plain(`${ours}.ln1.w`, [D], `${hf}.input_layernorm`, `${gguf}.attn_norm`),
      linear(`${ours}.attn.W_Q`, [D, Q], `${hf}.self_attn.q_proj`, `${gguf}.attn_q`, heads),
      linear(`${ours}.attn.W_K`, [D, K], `${hf}.self_attn.k_proj`, `${gguf}.attn_k`, kvHeads),
      linear(`${ours}.attn.W_V`, [D, K], `${hf}.self_attn.v_proj`, `${gguf}.attn_v`),
      linear(`${ours}.attn.W_O`, [Q, D], `${hf}.self_attn.o_proj`, `${gguf}.attn_output`),
      plain(`${ours}.ln2.w`, [D], `${hf}.post_attention_layernorm`, `${gguf}.ffn_norm`),
      linear(`${ours}.mlp.W_gate`, [D, M], `${hf}.mlp.gate_proj`, `${gguf}.ffn_gate`),
      linear(`${ours}.mlp.W_in`, [D, M], `${hf}.mlp.up_proj`, `${gguf}.ffn_up`),
      linear(`${ours}.mlp.W_out`, [M, D], `${hf}.mlp.down_proj`, `${gguf}.ffn_down`),
    ];
  });
  return [
    plain('W_E', [V, D], 'model.embed_tokens', 'token_embd'),
    ...blocks.flat(),
    plain('ln_final.w', [D], 'model.norm', 'output_norm'),
    ...(shape.tied ? [] : [plain('W_U', [V, D], 'lm_head', 'output')]),
  ];
}

/** Number of parameters of a Llama of this shape; a tied unembedding counts once. */
export const countParameters = (shape: ModelShape): number =>
  llamaWeights(shape).reduce((sum, w) => sum + w.shape.reduce((a, b) => a * b, 1), 0);

/**
 * The numbers of a weight, read from its file when it is external.
 * @throws FileError `file.missing`, `file.truncated`
 */
export async function readWeight(weight: Weight): Promise<Tensor> {
  if (!isExternal(weight)) return weight;
  const { file: path, offset, length, dtype, shape } = weight;
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await file.read(bytes, done, Math.min(length - done, 2 ** 30), offset + done);
      if (bytesRead === 0) {
        throw new FileError('file.truncated', `${path} ends before byte ${offset + length}`, {
          where: path,
          hint: 'remove the converted model from the cache; it is then converted again',
        });
      }
      done += bytesRead;
    }
    return tensor(dtype, shape, viewBytes(dtype, bytes));
  } catch (error) {
    throw fileFailure(error, path, 'cannot read');
  } finally {
    await file?.close();
  }
}

/** The unembedding [vocabulary, width]: row t is the direction whose product with the final state is logit t. */
export const unembedding = ({ graph, shape }: Pick<Model, 'graph' | 'shape'>): Promise<Tensor> =>
  readWeight(graph.weights.get(shape.tied ? 'W_E' : 'W_U')!);
