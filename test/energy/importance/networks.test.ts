/** @file Plain text as a metric, and the null networks: what they keep and what they lose. */
import { expect, test } from 'vitest';
import { forwardPairs } from '../../../src/circuits/forward.ts';
import { random } from '../../../src/core/random.ts';
import { measureImportance } from '../../../src/energy/importance/importance.ts';
import { measureNames } from '../../../src/energy/importance/measures.ts';
import { shuffledLayers, untrainedModel } from '../../../src/energy/importance/null-networks.ts';
import { textNetwork, textPairs } from '../../../src/energy/importance/text-network.ts';
import { sequenceClock } from '../../../src/energy/sequence/clock.ts';
import { tinyLlama } from '../../../src/models/tiny.ts';
import type { Model } from '../../../src/models/types.ts';
import { openSession } from '../../../src/runtime/session.ts';
import { randomDictionary } from '../../circuits/support/dictionaries.ts';

const run = {
  open: (graph: Parameters<typeof openSession>[0]) => openSession(graph, { threads: 1 }),
  tokensPerRun: 64,
};
const model = tinyLlama(7, { layers: 4 });
const windows = Array.from({ length: 5 }, (_, w) => ({
  tokens: Int32Array.from({ length: 9 }, (_, t) => (31 * w + 7 * t * t + 3) % 256),
}));

const metric = async (of: Model) =>
  (await forwardPairs(textNetwork(of), textPairs(windows, 8), [], run)).clean.metric_B;

test('the metric of a window is minus its mean cross-entropy, summed by hand from the logits', async () => {
  const session = await run.open(model.graph);
  const metric_B = await metric(model);
  for (const [b, { tokens }] of windows.entries()) {
    const ids = textPairs([{ tokens }], 8).inputs!.clean.tokens!;
    const logits = (await session.run({ tokens: ids })).logits!.data as Float32Array;
    let loss = 0;
    for (let t = 0; t < 8; t++) {
      const row = Array.from(logits.subarray(t * 256, (t + 1) * 256), Number);
      const top = Math.max(...row);
      const log = top + Math.log(row.reduce((sum, v) => sum + Math.exp(v - top), 0));
      loss += (log - row[tokens[t + 1]!]!) / 8;
    }
    expect(metric_B[b]!).toBeCloseTo(-loss, 4);
  }
  await session.release();
});

test('the untrained network has the shapes of the trained one, other weights, and no preference among tokens', async () => {
  const untrained = untrainedModel(model, 1);
  expect(untrained.hash).not.toBe(model.hash);
  expect([...untrained.graph.weights.keys()].sort()).toEqual([...model.graph.weights.keys()].sort());
  expect(untrainedModel(model, 1).graph.weights.get('blocks.1.attn.W_Q')).toEqual(
    untrained.graph.weights.get('blocks.1.attn.W_Q'),
  );
  for (const m of await metric(untrained)) expect(Math.abs(m + Math.log(256))).toBeLessThan(0.6);
});

test('shuffled layers hold every block once, none in its place, and say other things', async () => {
  const shuffled = shuffledLayers(model, random(3));
  const W_Q = (of: Model, layer: number) => of.graph.weights.get(`blocks.${layer}.attn.W_Q`);
  const order = [0, 1, 2, 3].map((l) =>
    [0, 1, 2, 3].findIndex((from) => W_Q(model, from) === W_Q(shuffled, l)),
  );
  expect([...order].sort()).toEqual([0, 1, 2, 3]);
  order.forEach((from, l) => {
    expect(from).not.toBe(l);
    // All weights of a block move together.
    expect(shuffled.graph.weights.get(`blocks.${l}.mlp.W_out`)).toBe(
      model.graph.weights.get(`blocks.${from}.mlp.W_out`),
    );
  });
  expect(shuffled.graph.weights.get('W_E')).toBe(model.graph.weights.get('W_E'));
  expect(await metric(shuffled)).not.toEqual(await metric(model));
});

test('importance on text, areas included: the ranking by effects says more of held-out loss than chance', async () => {
  const dictionary = randomDictionary(
    random(2),
    { site: 'blocks.1.hook_resid_post', width: 16, features: 40, k: 6 },
    model.hash,
  );
  const found = await measureImportance(
    {
      ...{ network: textNetwork(model), name: 'trained', metric: 'loss', dictionary, baseline: 'zero' },
      ...{ pairs: textPairs(windows.slice(0, 3), 8), heldOut: textPairs(windows.slice(3), 8) },
      ...{ sample: 30, minActive: 2, seed: 1 },
    },
    run,
  );
  expect(found.features).toBeGreaterThan(15);
  const at = (name: string) => found.scores.find((s) => s.name === name)!;
  expect(at('gradient-activation').spearman.value).toBeGreaterThan(0.6);
  expect(at('gradient-activation').spearman.low).toBeGreaterThan(at('chance').spearman.value);
  for (const { cmd, spearman } of found.scores) {
    expect(cmd!.value).toBeGreaterThan(0);
    expect(Math.abs(spearman.value)).toBeLessThanOrEqual(1);
  }
  // V permuted in time is another number, as long as anything moves.
  expect(at('drift').spearman.value).not.toBe(at('drift-permuted').spearman.value);
});

test('drift is the sequence clock’s own: the same positions, sinks left out on both of their sides', async () => {
  const shape = { site: 'blocks.1.hook_resid_post', width: 16, features: 40, k: 6 };
  const open = randomDictionary(random(2), shape, model.hash);
  const pairs = textPairs(windows, 8);
  const network = textNetwork(model);
  const { clean } = await forwardPairs(network, pairs, [shape.site], run);
  const lengths = Array.from({ length: 40 }, (_, row) =>
    Math.hypot(...clean.states[shape.site]!.subarray(row * 16, (row + 1) * 16)),
  ).sort((a, b) => a - b);
  const drifts = async (sinkNorm: number) => {
    const dictionary = { ...open, sinkNorm };
    const clock = await sequenceClock(network, dictionary, { pairs, scale: 8 }, { seed: 1 }, run);
    const found = await measureImportance(
      {
        ...{ network, name: 'trained', metric: 'loss', dictionary, baseline: 'zero', pairs },
        ...{ sample: 40, minActive: 3, seed: 1 },
      },
      run,
    );
    expect(found.features).toBeGreaterThan(8);
    for (const { feature, measures } of found.rows) {
      const row = clock.tables[0]!.features.find((one) => one.feature === feature)!;
      expect(-measures[measureNames.indexOf('drift')]!).toBeCloseTo(row.drift, 5);
    }
    return clock.steps;
  };
  // Every position but the first of a window is read; then the longest states are sinks.
  expect(await drifts(Number.POSITIVE_INFINITY)).toBe(5 * 6);
  expect(await drifts(lengths[32]!)).toBeLessThan(5 * 6);
});
