/** @file Importance of features where the truth is known: a linear network, planted circuits, node effects one by one. */
import { describe, expect, test } from 'vitest';
import type { Network } from '../../../src/circuits/cuts.ts';
import { exactEffects } from '../../../src/circuits/exact.ts';
import type { Pairs } from '../../../src/circuits/examples.ts';
import { METRIC } from '../../../src/circuits/metric.ts';
import { readPlaces } from '../../../src/circuits/node-effects.ts';
import { openPlanted } from '../../../src/circuits/planted/methods.ts';
import { plantedNetworks } from '../../../src/circuits/planted/networks.ts';
import { auroc } from '../../../src/circuits/planted/score.ts';
import { random } from '../../../src/core/random.ts';
import { f32, i64 } from '../../../src/core/tensor.ts';
import { neurons } from '../../../src/dictionaries/neurons.ts';
import { exactFeatureEffects } from '../../../src/energy/importance/exact-effects.ts';
import { besideNulls, measureImportance } from '../../../src/energy/importance/importance.ts';
import { measureNames } from '../../../src/energy/importance/measures.ts';
import { precisionAt } from '../../../src/energy/importance/scores.ts';
import { graphBuilder } from '../../../src/graph/build.ts';
import { openSession } from '../../../src/runtime/session.ts';

const run = {
  open: (graph: Parameters<typeof openSession>[0]) => openSession(graph, { threads: 1 }),
  tokensPerRun: 1024,
  threads: 1,
};

const width = 24;
const vocabulary = 40;

/** Metric Σ_t w·x_t of embeddings x: every effect is known in closed form, −w_i Σ_t x_ti. */
function linearNetwork(
  seed: number,
  shape: (v: number) => number = (v) => v,
): { network: Network; w_D: Float32Array; table_VD: Float32Array } {
  const stream = random(seed);
  const draw = (count: number) => Float32Array.from({ length: count }, () => shape(stream.normal()));
  const [w_D, table_VD] = [draw(width), draw(vocabulary * width)];
  const b = graphBuilder();
  const tokens = b.input('tokens', 'int64', ['batch', 'position']);
  const x = b.site(
    'hook_embed',
    b.op('Gather', [b.weight('W_E', f32([vocabulary, width], table_VD)), tokens], { axis: { int: 0 } }),
  );
  const products = b.op('Mul', [x, b.weight('w', f32([width], w_D))]);
  b.op('ReduceSum', [products, b.ints(1, 2)], { keepdims: { int: 0 } }, METRIC);
  const place = { site: 'hook_embed', depth: 0, width, complete: true };
  return {
    network: { graph: b.finish([METRIC]), cuts: ['hook_embed'], width, places: [place] },
    w_D,
    table_VD,
  };
}

function tokenPairs(examples: number, positions: number, seed: number): Pairs {
  const stream = random(seed);
  const tokens = Int32Array.from({ length: examples * positions }, () => stream.integer(vocabulary));
  const inputs = { tokens: i64([examples, positions], tokens) };
  const none = new Int32Array(examples);
  return {
    ...{ examples, positions, clean_BT: tokens, patch_BT: tokens, answer_B: none, wrong_B: none },
    inputs: { clean: inputs, patch: inputs },
  };
}

describe('a linear network', () => {
  test('gradients say the exact effect, to the last digit of float32, and chance says nothing', async () => {
    const { network, w_D, table_VD } = linearNetwork(3);
    const pairs = tokenPairs(6, 9, 4);
    const found = await measureImportance(
      {
        ...{ network, name: 'trained', metric: 'w·x', pairs },
        dictionary: neurons(width, 'hook_embed', ''),
        ...{ baseline: 'zero', sample: width, minActive: 1, seed: 1 },
      },
      run,
    );
    expect(found).toMatchObject({ features: width, eligible: width, k: 2, examples: 6, positions: 9 });
    const at = (name: (typeof measureNames)[number]) => measureNames.indexOf(name);
    for (const { feature, effect, measures } of found.rows) {
      // The first position is not read, so nothing there is ablated.
      const known = Array.from({ length: 6 }, (_, b) => {
        let sum = 0;
        for (let t = 1; t < 9; t++) sum += table_VD[pairs.clean_BT[b * 9 + t]! * width + feature]!;
        return Math.abs(w_D[feature]! * sum);
      });
      const mean = known.reduce((a, v) => a + v, 0) / 6;
      expect(effect).toBeCloseTo(mean, 4);
      expect(measures[at('gradient-activation')]).toBeCloseTo(mean, 4);
      expect(measures[at('integrated-gradients')]).toBeCloseTo(mean, 4);
      expect(measures[at('frequency')]).toBe(1);
    }
    const score = (name: (typeof measureNames)[number]) => found.scores[at(name)]!;
    expect(score('gradient-activation').spearman.value).toBeGreaterThan(0.999);
    expect(score('gradient-activation').precision.value).toBe(1);
    expect(score('gradient-activation').beyondGradient).toBeUndefined();
    expect(score('integrated-gradients').beyondGradient?.value).toBeCloseTo(0, 2);
    expect(score('mean-potential').spearman.value).toBeGreaterThan(0.5);
    expect(Math.abs(score('chance').spearman.value)).toBeLessThan(0.6);
    expect(score('chance').beyondGradient?.high).toBeLessThan(0);
    expect(score('activation').partial).toBeUndefined();
    expect(score('integrated-gradients').partial?.value).toBeGreaterThan(0.99);
    expect(score('chance').cmd).toBeUndefined();
  });

  test('where all effects have one sign, the ranking by effects keeps more of the metric at every size', async () => {
    const { network } = linearNetwork(3, (v) => v ** 2);
    const found = await measureImportance(
      {
        ...{ network, name: 'trained', metric: 'w·x', heldOut: tokenPairs(5, 9, 8) },
        ...{ dictionary: neurons(width, 'hook_embed', ''), pairs: tokenPairs(6, 9, 4) },
        ...{ baseline: 'zero', sample: width, minActive: 1, seed: 1 },
      },
      run,
    );
    const cmd = (name: (typeof measureNames)[number]) => found.scores[measureNames.indexOf(name)]!.cmd!.value;
    expect(cmd('integrated-gradients')).toBeLessThan(cmd('chance'));
    // Even the best order leaves something out until all are kept.
    expect(cmd('integrated-gradients')).toBeGreaterThan(0);
  });

  test('nulls of the same site and metric stand beside the trained network', async () => {
    const runs = await Promise.all(
      ['trained', 'untrained'].map((name, seed) =>
        measureImportance(
          {
            ...{ network: linearNetwork(seed).network, name, metric: 'w·x', pairs: tokenPairs(4, 6, 4) },
            dictionary: neurons(width, 'hook_embed', ''),
            ...{ baseline: 'zero', sample: 12, minActive: 1, seed: 1 },
          },
          run,
        ),
      ),
    );
    const { comparisons } = besideNulls(runs);
    expect(comparisons).toHaveLength(1);
    expect(comparisons[0]!.scores.map((s) => s.name)).toEqual(measureNames);
    expect(comparisons[0]!.scores[0]!.nulls).toEqual([
      { name: 'untrained', score: runs[1]!.scores[0]!.spearman },
    ]);
    expect(runs[0]!.scores[0]!.cmd).toBeUndefined();
  });

  test('too few active features are refused by name', async () => {
    await expect(
      measureImportance(
        {
          ...{
            network: linearNetwork(1).network,
            name: 'trained',
            metric: 'w·x',
            pairs: tokenPairs(2, 3, 4),
          },
          dictionary: neurons(width, 'hook_embed', ''),
          ...{ baseline: 'zero', sample: 12, minActive: 99, seed: 1 },
        },
        run,
      ),
    ).rejects.toMatchObject({ code: 'energy.few-features', where: 'hook_embed' });
  });
});

describe('planted circuits', () => {
  test.each(['and-or', 'gate', 'two-paths'])(
    '%s: exact effects and gradients find its wires',
    async (name) => {
      const planted = plantedNetworks().find((p) => p.name === name)!;
      const { network, pairs, truth } = openPlanted(planted, 48, random(2), run);
      const dictionary = neurons(network.width, 'hook_embed', '');
      const found = await measureImportance(
        {
          ...{ network, name: 'trained', metric: 'logit difference', dictionary, pairs },
          ...{ baseline: 'counterfactual', sample: network.width, minActive: 1, seed: 1 },
        },
        run,
      );
      const planted_F = found.rows.map(({ feature }) => truth.nodes.has(`hook_embed:1:f${feature}`));
      const score = (values: readonly number[]) => auroc(values, planted_F);
      const by = (measure: (typeof measureNames)[number]) =>
        score(found.rows.map((row) => row.measures[measureNames.indexOf(measure)]!));
      expect(planted_F.filter(Boolean).length).toBeGreaterThan(0);
      expect(score(found.rows.map((row) => row.effect))).toBeGreaterThan(0.95);
      expect(by('integrated-gradients')).toBeGreaterThan(0.95);
      // Loud wires that nothing reads fire as much as those of the circuit.
      expect(by('integrated-gradients')).toBeGreaterThan(by('activation'));
    },
  );

  test('where one position is read, the effect of a feature is that of its node', async () => {
    const planted = plantedNetworks()[0]!;
    const { network, pairs } = openPlanted(planted, 12, random(5), run);
    const dictionary = neurons(network.width, 'hook_embed', '');
    const read = await readPlaces(network, [dictionary], pairs, run);
    const { clean, patch } = read.places[0]!;
    const metric = { clean_B: read.clean.metric_B, change_B: new Float64Array(12) };
    const nodes = await exactEffects(network, dictionary, { clean, patch }, pairs, metric, run);
    const features = Array.from({ length: network.width }, (_, i) => i);
    const whole = await exactFeatureEffects(
      network,
      dictionary,
      { clean, other: patch },
      pairs,
      read.clean.metric_B,
      features,
      run,
    );
    for (const i of features) {
      const mean = whole.get(i)!.reduce((a, v) => a + v, 0) / 12;
      expect(mean).toBeCloseTo(nodes.features_TF[network.width + i]!, 5);
    }
  });
});

test('precision at k counts the largest among the first, ties by their chance', () => {
  expect(precisionAt([4, 3, 2, 1], [4, 3, 2, 1], 2)).toBe(1);
  expect(precisionAt([1, 2, 3, 4], [4, 3, 2, 1], 2)).toBe(0);
  expect(precisionAt([4, 1, 3, 2], [4, 3, 2, 1], 2)).toBe(0.5);
  // Nothing told apart: as good as drawing k of n.
  expect(precisionAt([1, 1, 1, 1], [4, 3, 2, 1], 2)).toBeCloseTo(0.5, 12);
});
