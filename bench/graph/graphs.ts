/** @file The graphs of the benchmark: a Llama with random weights, its gradients, and its bare matrix products. */
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { vjp } from '../../src/autodiff/vjp.ts';
import { random } from '../../src/core/random.ts';
import { emptyArray, f32, i64, sizeOf, type Tensor, tensor } from '../../src/core/tensor.ts';
import { cacheRoot } from '../../src/files/cache.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { extend, only } from '../../src/graph/interventions.ts';
import type { Graph, Weight } from '../../src/graph/types.ts';
import { buildModel } from '../../src/models/build/model.ts';
import { modelWeights } from '../../src/models/weights.ts';
import type { Settings } from './settings.ts';

const PAGE = 4096;

/** Random weights of the shape in one file, made once: they stay there, as those of any opened model do. */
export function weightsOf({ shape, seed }: Settings): Map<string, Weight> {
  const file = join(cacheRoot(), 'bench', `graph-${shape.layers}-layers-v1.bin`);
  const weights = new Map<string, Weight>();
  let offset = 0;
  for (const { name, shape: size } of modelWeights(shape)) {
    weights.set(name, { dtype: 'float32', shape: size, file, offset, length: 4 * sizeOf(size) });
    offset += Math.ceil((4 * sizeOf(size)) / PAGE) * PAGE;
  }
  if (!existsSync(file)) {
    const stream = random(seed);
    const numbers = new Float32Array(offset / 4);
    for (let i = 0; i < numbers.length; i++) numbers[i] = 0.04 * (stream.uniform() - 0.5);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(`${file}.partial`, numbers);
    renameSync(`${file}.partial`, file);
  }
  return weights;
}

/** Tokens of texts `from` … `to`. */
export function tokensOf(
  { shape, batch, length, seed }: Settings,
  from: number,
  to: number,
): Tensor<'int64'> {
  const stream = random(seed);
  const all = Array.from({ length: batch * length }, () => stream.integer(shape.vocabulary));
  return i64([to - from, length], all.slice(from * length, to * length));
}

/** The embedding and the residual stream after every block: what everything passes through. */
export const residualSites = ({ shape }: Settings): string[] => [
  'hook_embed',
  ...Array.from({ length: shape.layers }, (_, i) => `blocks.${i}.hook_resid_post`),
];

export const forwardGraph = (s: Settings, weights: ReadonlyMap<string, Weight>): Graph =>
  only(buildModel(s.shape, weights), residualSites(s));

/** Gradients at all residual sites of Σ over texts of logit 0 − logit 1 at the last position: a state times U₀ − U₁. */
export function backwardGraph(s: Settings, weights: ReadonlyMap<string, Weight>): Graph {
  const sites = residualSites(s);
  const state = only(buildModel(s.shape, weights), ['ln_final.output']);
  const metric = extend(state, (b) => {
    const last = b.op('Gather', ['ln_final.output', b.constant(i64([], [-1]))], { axis: { int: 1 } });
    const rows = b.op('Slice', ['W_E', b.ints(0), b.ints(2), b.ints(0)]);
    const direction = b.op('MatMul', [b.constant(f32([1, 2], [1, -1])), rows]);
    return [b.op('ReduceSum', [b.op('Mul', [last, direction])], { keepdims: { int: 0 } }, 'metric')];
  });
  const gradients = sites.map((name) => `grad:${name}`);
  return only(vjp(metric, { of: 'metric', wrt: sites }), gradients);
}

/**
 * Every product of a state with a weight in a forward pass, on its own: same sizes, same weights, and of each result
 * only one row is handed on.
 */
export function productGraph(
  s: Settings,
  weights: ReadonlyMap<string, Weight>,
): { graph: Graph; feeds: Record<string, Tensor> } {
  const b = graphBuilder();
  const feeds: Record<string, Tensor> = {};
  const stream = random(s.seed);
  const outputs: string[] = [];
  for (const [name, weight] of weights) {
    if (weight.shape.length !== 2 || !name.startsWith('blocks.')) continue;
    const input = `x${weight.shape[0]}`;
    if (!feeds[input]) {
      const size = [s.batch, s.length, weight.shape[0]!];
      b.input(input, 'float32', size);
      const data = emptyArray('float32', sizeOf(size)).map(() => stream.uniform() - 0.5);
      feeds[input] = tensor('float32', size, data);
    }
    const product = b.op('MatMul', [input, b.weight(name, weight)]);
    outputs.push(b.op('Slice', [product, b.ints(0, 0), b.ints(1, 1), b.ints(0, 1)]));
  }
  return { graph: b.finish(outputs), feeds };
}
