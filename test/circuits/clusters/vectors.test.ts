/** @file Vectors of contexts against finite differences of the model itself; surprise against its logits. */
import { describe, expect, test } from 'vitest';
import { surprises } from '../../../src/circuits/clusters/surprise.ts';
import { contextVectors, logProbabilityNetwork } from '../../../src/circuits/clusters/vectors.ts';
import { METRIC } from '../../../src/circuits/metric.ts';
import { f32, i64 } from '../../../src/core/tensor.ts';
import { only, replaceAt } from '../../../src/graph/interventions.ts';
import { openSession } from '../../../src/runtime/session.ts';
import { run, tinySetting } from '../support/tiny.ts';

const { network, pairs, dictionaries } = tinySetting();
const { examples, positions } = pairs;
const contexts = Array.from({ length: examples }, (_, b) => ({
  tokens: Array.from(pairs.clean_BT.subarray(b * positions, (b + 1) * positions)),
  answer: pairs.answer_B[b]!,
}));
const vectors = await contextVectors(network, dictionaries, contexts, { ...run, threads: 1 });
const row = (rows: typeof vectors.effects, r: number) =>
  new Map(
    Array.from({ length: rows.start[r + 1]! - rows.start[r]! }, (_, j) => {
      const at = rows.start[r]! + j;
      return [rows.columns[at]!, rows.values[at]!] as const;
    }),
  );

/** log-softmax at the last position, from the logits. */
async function logProbability(tokens: readonly number[], answer: number): Promise<number> {
  const session = await openSession(only(network.graph, ['logits']), { threads: 1 });
  const out = await session.run({ tokens: i64([1, tokens.length], tokens) });
  await session.release();
  const logits = Array.from(out.logits!.data as Float32Array).slice(-256);
  const most = Math.max(...logits);
  return logits[answer]! - most - Math.log(logits.reduce((sum, v) => sum + Math.exp(v - most), 0));
}

describe('context vectors', () => {
  test('columns are features by dictionary, dense states have norm 1 by site', () => {
    expect(vectors.offsets).toEqual([0, 40, 80]);
    expect(vectors.sites).toEqual(dictionaries.map((d) => d.site));
    // Two sites of norm 1 each, in as many coordinates as there are contexts.
    for (const state of vectors.dense) {
      expect(state).toHaveLength(examples);
      expect(Math.hypot(...state)).toBeCloseTo(Math.SQRT2, 6);
    }
  });

  test('an effect is what the log-probability loses along the feature, by finite differences', async () => {
    const [dictionary] = dictionaries;
    const { site, width, W_dec_FD } = dictionary!;
    const graph = replaceAt(logProbabilityNetwork(network).graph, site, (b, x) =>
      b.op('Add', [x, b.input('push', 'float32', ['batch', 'position', width])]),
    );
    const session = await openSession(graph, { threads: 1 });
    const [b, active] = [2, row(vectors.activations, 2)];
    const effects = row(vectors.effects, b);
    // Features that are active at the last position and nowhere else have f and effect in one place.
    const tried = [...active].filter(([column]) => column < 40);
    expect(tried.length).toBeGreaterThan(0);
    let alone = 0;
    for (const [column, f] of tried) {
      const push = (size: number) => {
        const all = new Float32Array(positions * width);
        for (let d = 0; d < width; d++)
          all[(positions - 1) * width + d] = size * f * W_dec_FD[column * width + d]!;
        return f32([1, positions, width], all);
      };
      const at = async (size: number) => {
        const out = await session.run({
          tokens: i64([1, positions], contexts[b]!.tokens),
          answer: i64([1], [contexts[b]!.answer]),
          push: push(size),
        });
        return (out[METRIC]!.data as Float32Array)[0]!;
      };
      const slope = ((await at(0.02)) - (await at(-0.02))) / 0.04;
      const elsewhere = Math.abs(slope + effects.get(column)!);
      if (elsewhere < 2e-3 * Math.max(0.05, Math.abs(slope))) alone++;
    }
    await session.release();
    expect(alone).toBeGreaterThan(0);
  });

  test('the metric is the log-probability of the answer', async () => {
    const { graph } = logProbabilityNetwork(network);
    const session = await openSession(graph, { threads: 1 });
    for (const { tokens, answer } of contexts.slice(0, 3)) {
      const out = await session.run({ tokens: i64([1, positions], tokens), answer: i64([1], [answer]) });
      expect((out[METRIC]!.data as Float32Array)[0]).toBeCloseTo(await logProbability(tokens, answer), 4);
    }
    await session.release();
  });
});

test('surprise is −log p of each token given those before it', async () => {
  const window = { tokens: Int32Array.from([7, 3, 200, 41, 9]) };
  const [nats] = await surprises(network, [window], run);
  expect(nats).toHaveLength(5);
  expect(nats![0]).toBe(0);
  for (const t of [1, 4]) {
    const expected = -(await logProbability([...window.tokens.subarray(0, t)], window.tokens[t]!));
    expect(nats![t]).toBeCloseTo(expected, 4);
  }
});
