/** @file The costate invariant in every architecture we build, in float32 and float64, and in the model that this package ships. */
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Network } from '../../src/circuits/cuts.ts';
import type { Pairs } from '../../src/circuits/examples.ts';
import { METRIC } from '../../src/circuits/metric.ts';
import { placesOf } from '../../src/circuits/places.ts';
import { random } from '../../src/core/random.ts';
import { f32, f64, i64 } from '../../src/core/tensor.ts';
import { costateProducts, meanProducts, spread } from '../../src/energy/costate.ts';
import { costateInvariant } from '../../src/energy/energy.ts';
import { extend } from '../../src/graph/interventions.ts';
import type { Graph } from '../../src/graph/types.ts';
import { buildModel } from '../../src/models/build/model.ts';
import { openHuggingFaceSource } from '../../src/models/huggingface.ts';
import { residualCuts } from '../../src/models/sites.ts';
import type { ModelShape } from '../../src/models/types.ts';
import { run } from '../circuits/support/tiny.ts';
import { sourceWeights } from '../support/source-weights.ts';

const oracles = 'test/oracles/families';
const cases = readdirSync(oracles).filter((name) => existsSync(`${oracles}/${name}/config.json`));
const bars = { float32: 1e-5, float64: 1e-12 } as const;
/** Of the plain relative spread, for tangents that move the metric. */
const relative = { float32: 1e-4, float64: 1e-11 } as const;

type DType = keyof typeof bars;

async function networkFrom(folder: string, dtype: DType): Promise<{ network: Network; shape: ModelShape }> {
  const source = await openHuggingFaceSource(folder);
  try {
    // onnxruntime has no Erf in float64: there the tanh form of GELU stands for the exact one.
    const shape: ModelShape = { ...source.shape, ...tanhGelu(source.shape, dtype) };
    const graph = withMetric(buildModel(shape, sourceWeights(source, dtype), { dtype }), shape, dtype);
    return {
      shape,
      network: { graph, cuts: residualCuts(shape), width: shape.width, places: placesOf(shape) },
    };
  } finally {
    source.close();
  }
}

const tanhGelu = ({ activation }: ModelShape, dtype: DType): Partial<ModelShape> =>
  dtype === 'float64' && activation === 'gelu' ? { activation: 'gelu_tanh' } : {};

/** Classifiers and poolers have no logits of tokens: their metric is a fixed combination of what they say. */
function withMetric(graph: Graph, { head, vocabulary, width, kind }: ModelShape, dtype: DType): Graph {
  const pooled = head === 'pooler';
  if (!pooled && kind !== 'vision') return graph;
  const size = pooled ? width : vocabulary;
  const weights = Array.from({ length: size }, (_, i) => Math.sin(1 + i));
  const extended = extend(graph, (b) => {
    const column = b.constant((dtype === 'float32' ? f32 : f64)([size, 1], weights), 'combination');
    const product = b.op('MatMul', [pooled ? 'pooler_output' : 'logits', column]);
    return [b.op('Squeeze', [product, b.ints(1)], {}, METRIC)];
  });
  return { ...extended, outputs: [METRIC] };
}

/** Prompts, or images, that differ at one place. */
function pairsFor(shape: ModelShape): Pairs {
  const stream = random(7);
  const examples = 3;
  const answer_B = Int32Array.from({ length: examples }, () => 4 + stream.integer(20));
  const answers = { answer_B, wrong_B: answer_B.map((id) => (id === 4 ? 5 : 4)) };
  if (shape.image) {
    const { channels, size } = shape.image;
    const pixels = Float32Array.from({ length: examples * channels * size * size }, () => stream.normal());
    const image = (values: Float32Array) => ({ pixels: f32([examples, channels, size, size], values) });
    const none = new Int32Array(0);
    return {
      ...{ examples, positions: shape.context, clean_BT: none, patch_BT: none, ...answers },
      inputs: {
        clean: image(pixels),
        patch: image(pixels.map((v, i) => (i % 5 === 0 ? v + stream.normal() : v))),
      },
    };
  }
  const positions = 9;
  const clean_BT = Int32Array.from(
    { length: examples * positions },
    () => 4 + stream.integer(shape.vocabulary - 5),
  );
  const patch_BT = clean_BT.map((id, i) =>
    i % positions === 2 ? 4 + ((id + 3) % (shape.vocabulary - 5)) : id,
  );
  const pairs = { examples, positions, clean_BT, patch_BT, ...answers };
  if (shape.head !== 'pooler') return pairs;
  const tokens = (ids: Int32Array) => ({ tokens: i64([examples, positions], ids) });
  return { ...pairs, inputs: { clean: tokens(clean_BT), patch: tokens(patch_BT) } };
}

describe.each(cases)('%s', (name) => {
  test.each(['float32', 'float64'] as const)('⟨λ, δx⟩ is the same at every cut (%s)', async (dtype) => {
    const { network, shape } = await networkFrom(`${oracles}/${name}`, dtype);
    const pairs = pairsFor(shape);
    const stream = random(5);
    const make = dtype === 'float32' ? f32 : f64;
    const size = [pairs.examples, pairs.positions, network.width];
    const noise = () =>
      make(
        size,
        Array.from({ length: pairs.examples * pairs.positions * network.width }, () => stream.normal()),
      );
    const products = await costateProducts(
      network,
      {
        ...{ state: noise(), tangent: noise() },
        others: {
          tokens: i64(
            [pairs.examples, pairs.positions],
            shape.image ? new Int32Array(pairs.examples * pairs.positions) : pairs.clean_BT,
          ),
          answer: i64([pairs.examples], pairs.answer_B),
          wrong: i64([pairs.examples], pairs.wrong_B),
        },
      },
      run,
    );
    expect(products).toHaveLength(shape.layers + 1);
    expect(Math.abs(meanProducts(products)[0]!)).toBeGreaterThan(1e-4);
    expect(spread(products)).toBeLessThan(bars[dtype]);
    // Images come in float32 only.
    if (shape.image && dtype === 'float64') return;
    const found = await costateInvariant(network, pairs, random(1), run);
    expect(found.spread).toBeLessThan(bars[dtype]);
    expect(found.randomSpread).toBeLessThan(bars[dtype]);
    expect(found.relativeSpread).toBeLessThan(relative[dtype]);
    expect(found.relativeSpread).toBeGreaterThan(0);
    expect(Math.max(...found.products.map(({ value }) => Math.abs(value)))).toBeGreaterThan(1e-4);
  });
});

test.each(['float32', 'float64'] as const)('the shipped tiny model keeps it (%s)', async (dtype) => {
  const { network, shape } = await networkFrom('models/tiny', dtype);
  const found = await costateInvariant(network, pairsFor(shape), random(2), run);
  expect(found.products).toHaveLength(shape.layers + 1);
  expect(found.spread).toBeLessThan(bars[dtype]);
  expect(found.randomSpread).toBeLessThan(bars[dtype]);
  expect(found.relativeSpread).toBeLessThan(relative[dtype]);
});
