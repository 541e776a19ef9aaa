/** @file Next-token prediction as an objective: mean cross-entropy of a model's logits, and start weights. */
import { type Random, random } from '../core/random.ts';
import { emptyArray, sizeOf, type Tensor, tensor } from '../core/tensor.ts';
import { extend, only } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import { buildModel } from '../models/build/model.ts';
import type { ModelShape } from '../models/types.ts';
import { modelWeights, type WeightSpec } from '../models/weights.ts';
import type { Objective } from './learner.ts';

/** Input of the loss: int64 [batch, position], the token that follows each position. */
export const NEXT = 'next';
/** The loss: mean negative log-probability of the next tokens, in nats. */
export const LOSS = 'loss';

/** The graph of the mean cross-entropy of next tokens, from a graph with `tokens` and `logits`. */
export function nextTokenLoss(graph: Graph): Graph {
  const extended = extend(graph, (b) => {
    const next = b.input(NEXT, 'int64', ['batch', 'position']);
    const log = b.op('LogSoftmax', ['logits'], { axis: { int: -1 } });
    const targets = b.op('Unsqueeze', [next, b.ints(-1)]);
    const own = b.op('GatherElements', [log, targets], { axis: { int: -1 } });
    return [b.op('Neg', [b.op('ReduceMean', [own], { keepdims: { int: 0 } })], {}, LOSS)];
  });
  return only(extended, [LOSS]);
}

/** A Llama of this shape with random weights that follow from `seed`, to be trained on next tokens. */
export const languageObjective = (shape: ModelShape, seed: number): Objective => ({
  graph: nextTokenLoss(buildModel(shape, startWeights(shape, seed))),
  loss: LOSS,
  parameters: modelWeights(shape).map((spec) => spec.name),
});

/**
 * Weights that training starts from, by name; they follow from `seed`. Norms start at 1, biases at 0, all else normal with deviation 0.02·√(768/width) as GPT-2's scaled to the width; what writes to the
 * residual stream is divided by √(2·layers), so that it does not grow with depth (Radford et al. 2019, §2.3).
 */
export function startWeights(shape: ModelShape, seed: number): ReadonlyMap<string, Tensor> {
  const stream = random(seed).fork('weights');
  return new Map(
    modelWeights(shape).map((spec) => [spec.name, startWeight(spec, shape, stream.fork(spec.name))]),
  );
}

function startWeight({ name, shape: size, role }: WeightSpec, shape: ModelShape, stream: Random): Tensor {
  const data = emptyArray('float32', sizeOf(size));
  if (role === 'gain') return tensor('float32', size, data.fill(1));
  if (role === 'bias') return tensor('float32', size, data);
  const writes = name.endsWith('.W_O') || name.endsWith('.W_out');
  const deviation = 0.02 * Math.sqrt(768 / shape.width) * (writes ? 1 / Math.sqrt(2 * shape.layers) : 1);
  for (let i = 0; i < data.length; i++) data[i] = deviation * stream.normal();
  return tensor('float32', size, data);
}
