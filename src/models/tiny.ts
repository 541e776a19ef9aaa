/** @file Tiny random Llamas in memory: for tests, checks and examples, in float32 or float64. */
import { contentHash } from '../core/hash.ts';
import { type Random, random } from '../core/random.ts';
import { emptyArray, sizeOf, type Tensor, tensor } from '../core/tensor.ts';
import type { Weight } from '../graph/types.ts';
import { buildModel } from './build/model.ts';
import { modelSites } from './sites.ts';
import { byteTokenizer } from './tokenizer.ts';
import type { Model, ModelShape } from './types.ts';
import { countParameters, modelWeights, type WeightSpec } from './weights.ts';

export interface TinyOptions extends Partial<ModelShape> {
  readonly dtype?: 'float32' | 'float64';
}

const smallest: ModelShape = {
  family: 'llama',
  layers: 2,
  width: 16,
  heads: 4,
  kvHeads: 2,
  headWidth: 4,
  mlpWidth: 24,
  vocabulary: 256,
  context: 64,
  ropeBase: 10_000,
  normEpsilon: 1e-5,
  tied: true,
};

/**
 * A random Llama whose weights follow from `seed`: maps normal with deviation 1/√in, norms around 1, embeddings
 * normal. The tokenizer has one token per byte. The float64 model is the float32 one, not rounded.
 */
export function tinyLlama(seed: number, { dtype = 'float32', ...overrides }: TinyOptions = {}): Model {
  const shape: ModelShape = { ...smallest, ...overrides };
  const stream = random(seed);
  const weights = new Map<string, Weight>(
    modelWeights(shape).map((spec) => [spec.name, draw(spec, stream.fork(spec.name), dtype)]),
  );
  return {
    name: `tiny-${seed}`,
    source: `random weights, seed ${seed}`,
    note: 'random weights: nothing was learned',
    parameters: countParameters(shape),
    hash: contentHash({ tiny: 1, seed, shape, dtype }),
    shape,
    graph: buildModel(shape, weights, { dtype }),
    tokenizer: byteTokenizer(shape.vocabulary),
    sites: modelSites(shape),
  };
}

function draw(spec: WeightSpec, stream: Random, dtype: 'float32' | 'float64'): Tensor {
  const data = emptyArray(dtype, sizeOf(spec.shape));
  const mean = spec.role === 'gain' ? 1 : 0;
  const deviation = { gain: 0.1, bias: 0.1, map: 1 / Math.sqrt(spec.shape[0]!), table: 1 }[spec.role];
  for (let i = 0; i < data.length; i++) data[i] = mean + deviation * stream.normal();
  return tensor(dtype, spec.shape, data);
}
