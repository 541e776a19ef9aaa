/** @file Block energy: by hand, its drift where blocks are tied, and a feature's share of a block's write. */
import { describe, expect, test } from 'vitest';
import { costatesAt } from '../../../src/circuits/costates.ts';
import type { Network } from '../../../src/circuits/cuts.ts';
import type { Pairs } from '../../../src/circuits/examples.ts';
import { forwardPairs } from '../../../src/circuits/forward.ts';
import { METRIC } from '../../../src/circuits/metric.ts';
import { random } from '../../../src/core/random.ts';
import { f64 } from '../../../src/core/tensor.ts';
import { blockEnergies, blockShares, drift } from '../../../src/energy/depth/blocks.ts';
import { graphBuilder } from '../../../src/graph/build.ts';
import { largestDifference, run, tinySetting } from '../../circuits/support/tiny.ts';

const D = 4;

/** The same residual block L times, x ← x + ε g(x), then m = tanh(x·w) at the one position; g = tanh(x·A)·B or x·A alone. */
function tied(layers: number, step: number, linear: boolean): { network: Network; pairs: Pairs } {
  const stream = random(3);
  const matrix = (scale: number) =>
    f64(
      [D, D],
      Array.from({ length: D * D }, () => scale * stream.normal()),
    );
  const b = graphBuilder();
  const [A, B] = [b.constant(matrix(0.8), 'A'), b.constant(matrix(0.8), 'B')];
  const epsilon = b.constant(f64([], [step]), 'step');
  const input = b.input('x', 'float64', ['batch', 'position', D]);
  const cuts = ['cut.0'];
  let x = b.site('cut.0', input);
  for (let l = 0; l < layers; l++) {
    const inside = b.op('MatMul', [x, A]);
    const write = linear ? inside : b.op('MatMul', [b.op('Tanh', [inside]), B]);
    x = b.op('Add', [x, b.op('Mul', [epsilon, write])], {}, `cut.${l + 1}`);
    cuts.push(x);
  }
  const read = b.constant(
    f64(
      [D, 1],
      Array.from({ length: D }, () => stream.normal()),
    ),
    'w',
  );
  const said = b.op('Tanh', [b.op('MatMul', [x, read])]);
  b.op('ReduceSum', [said, b.ints(1, 2)], { keepdims: { int: 0 } }, METRIC);
  const examples = 3;
  const noise = () =>
    f64(
      [examples, 1, D],
      Array.from({ length: examples * D }, () => 0.5 * stream.normal()),
    );
  const none = new Int32Array(0);
  return {
    network: {
      graph: b.finish([METRIC]),
      cuts,
      width: D,
      places: cuts.map((site, depth) => ({ site, depth, width: D, complete: true })),
    },
    pairs: {
      ...{ examples, positions: 1, clean_BT: none, patch_BT: none, answer_B: none, wrong_B: none },
      inputs: { clean: { x: noise() }, patch: { x: noise() } },
    },
  };
}

/** Drift of tied blocks over the same stretch of depth, in steps of a size. */
const tiedDrift = async (step: number, linear: boolean) => {
  const { network, pairs } = tied(Math.round(2 / step), step, linear);
  return (await blockEnergies(network, pairs, run)).drift;
};

describe('tied blocks', () => {
  test('keep their energy to step error: a quarter of the step, a quarter of the drift', async () => {
    const [coarse, fine] = [await tiedDrift(0.04, false), await tiedDrift(0.01, false)];
    expect(fine).toBeGreaterThan(1e-4);
    expect(coarse / fine).toBeGreaterThan(3.3);
    expect(coarse / fine).toBeLessThan(5);
  });

  test('that are linear keep it exactly', async () => {
    // λ_{l+1}ᵀA x_l: the step (1 + εA) and A commute. States pass through float32 on their way here.
    expect(await tiedDrift(0.25, true)).toBeLessThan(1e-6);
  });
});

describe('block energy of a tiny Llama', () => {
  const { network, pairs, dictionaries } = tinySetting(5, 3);

  test('is λ_{l+1}·(x_{l+1} − x_l), mean over examples, and drifts where blocks differ', async () => {
    const found = await blockEnergies(network, pairs, run);
    const { clean } = await forwardPairs(network, pairs, network.cuts, run);
    const costates = await costatesAt(network, network.cuts, pairs, run);
    expect(found.blocks.map(({ block }) => block)).toEqual([0, 1, 2]);
    const by = found.blocks.map(({ block }) => {
      const [before, after] = [network.cuts[block]!, network.cuts[block + 1]!];
      let sum = 0;
      costates[after]!.forEach((p, i) => {
        sum += p * (clean.states[after]![i]! - clean.states[before]![i]!);
      });
      return sum / pairs.examples;
    });
    expect(
      largestDifference(
        found.blocks.map((b) => b.energy),
        by,
      ),
    ).toBeLessThan(1e-5);
    for (const { energy, size } of found.blocks) expect(size).toBeGreaterThan(Math.abs(energy));
    expect(found.drift).toBeCloseTo(drift(by), 5);
    expect(found.drift).toBeGreaterThan(0.01);
  });

  test.each([
    ['the block that leaves the cut', undefined, 1],
    ['the block that reads it', 2, 2],
  ] as const)(
    'is shared out between features and error nodes of one dictionary: %s',
    async (_, asked, block) => {
      const { blocks } = await blockEnergies(network, pairs, run);
      const options = asked === undefined ? {} : { block: asked };
      const shares = await blockShares(network, dictionaries[0]!, pairs, run, { ...options, count: 1000 });
      expect(shares.block).toBe(block);
      expect(shares.energy).toBeCloseTo(blocks[block]!.energy, 4);
      expect(shares.features + shares.errors).toBeCloseTo(shares.energy, 10);
      expect(shares.top.reduce((sum, { energy }) => sum + energy, 0)).toBeCloseTo(shares.features, 4);
      const sizes = shares.top.map(({ energy }) => Math.abs(energy));
      expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
      expect(sizes[0]).toBeGreaterThan(1e-3);
    },
  );

  test('a block beside which the dictionary does not sit is refused', async () => {
    await expect(blockShares(network, dictionaries[0]!, pairs, run, { block: 0 })).rejects.toMatchObject({
      code: 'energy.no-block',
    });
    await expect(blockShares(network, dictionaries[1]!, pairs, run, { block: 3 })).rejects.toMatchObject({
      code: 'energy.no-block',
    });
  });
});

test('drift is the standard deviation over the mean size', () => {
  expect(drift([1, 1, 1])).toBe(0);
  expect(drift([1, -1])).toBe(1);
  expect(drift([1, 3])).toBeCloseTo(0.5, 12);
  expect(drift([0, 0])).toBe(0);
});
