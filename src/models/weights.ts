/** @file The weights of a model: our names, shapes and orientation, in the order in which they are stored. */
import { type FileHandle, open } from 'node:fs/promises';
import { FileError } from '../core/errors.ts';
import { sizeOf, type Tensor, tensor, viewBytes } from '../core/tensor.ts';
import { fileFailure } from '../files/failures.ts';
import { isExternal, type Weight } from '../graph/types.ts';
import type { Model, ModelShape } from './types.ts';

/**
 * One weight as the graph wants it. Linear maps are stored [in, out] so that y = x·W; embedding and unembedding
 * are [vocabulary, width]: rows are tokens.
 */
export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  /** `map`: a linear map; `gain`: of a norm, around 1; `bias`: around 0; `table`: rows of embeddings. */
  readonly role: 'map' | 'gain' | 'bias' | 'table';
}

/** All weights of a model of this shape. */
export function modelWeights(shape: ModelShape): WeightSpec[] {
  const { width: D, heads, kvHeads, headWidth, mlpWidth: M, vocabulary: V, kind, image } = shape;
  const [Q, K] = [heads * headWidth, kvHeads * headWidth];
  const map = (name: string, ...size: [number, number]): WeightSpec => ({ name, shape: size, role: 'map' });
  const table = (name: string, ...size: number[]): WeightSpec => ({ name, shape: size, role: 'table' });
  const bias = (name: string, size: number): WeightSpec => ({ name, shape: [size], role: 'bias' });
  const gain = (name: string, size: number): WeightSpec => ({ name, shape: [size], role: 'gain' });
  const norm = (at: string) => [gain(`${at}.w`, D), ...(shape.norm === 'layer' ? [bias(`${at}.b`, D)] : [])];
  const linear = (at: string, of: string, size: [number, number], group: 'qkv' | 'out' | 'mlp') => [
    map(`${at}.W_${of}`, ...size),
    ...(shape.biases?.includes(group) ? [bias(`${at}.b_${of}`, size[1])] : []),
  ];
  const around = shape.normPlace === 'around';
  const block = (at: string) => [
    ...norm(`${at}.ln1`),
    ...linear(`${at}.attn`, 'Q', [D, Q], 'qkv'),
    ...linear(`${at}.attn`, 'K', [D, K], 'qkv'),
    ...linear(`${at}.attn`, 'V', [D, K], 'qkv'),
    ...(shape.headNorm ? ['q', 'k'].map((x) => gain(`${at}.attn.${x}_norm.w`, headWidth)) : []),
    ...linear(`${at}.attn`, 'O', [Q, D], 'out'),
    ...(around ? norm(`${at}.ln1_post`) : []),
    ...norm(`${at}.ln2`),
    ...((shape.gated ?? true) ? linear(`${at}.mlp`, 'gate', [D, M], 'mlp') : []),
    ...linear(`${at}.mlp`, 'in', [D, M], 'mlp'),
    ...linear(`${at}.mlp`, 'out', [M, D], 'mlp'),
    ...(around ? norm(`${at}.ln2_post`) : []),
  ];
  const embedding = image
    ? [table('cls', 1, D), map('W_patch', image.channels * image.patch ** 2, D), bias('b_patch', D)]
    : [table('W_E', V, D)];
  const pooler = [map('pooler.W', D, D), bias('pooler.b', D)];
  const masked = [map('mlm_head.W', D, D), bias('mlm_head.b', D), ...norm('mlm_head.ln')];
  const unembedding = [
    ...(shape.tied ? [] : [table('W_U', V, D)]),
    ...(kind === undefined ? [] : [bias('b_U', V)]),
  ];
  const saysLogits = kind === undefined || shape.head === 'masked' || shape.head === 'classes';
  return [
    ...embedding,
    ...(shape.positionTable ? [table('W_pos', shape.positionTable.rows, D)] : []),
    ...(shape.tokenTypes ? [table('W_type', shape.tokenTypes.kinds, D)] : []),
    ...(kind === 'encoder' ? norm('embed.ln') : []),
    ...Array.from({ length: shape.layers }, (_, i) => block(`blocks.${i}`)).flat(),
    ...(kind === 'encoder' ? [] : norm('ln_final')),
    ...(shape.head === 'pooler' ? pooler : []),
    ...(shape.head === 'masked' ? masked : []),
    ...(saysLogits ? unembedding : []),
  ];
}

/** Number of parameters of a model of this shape; a tied unembedding counts once. */
export const countParameters = (shape: ModelShape): number =>
  modelWeights(shape).reduce((sum, w) => sum + sizeOf(w.shape), 0);

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
