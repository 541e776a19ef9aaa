/** @file The metric is logit(answer) − logit(wrong), whether or not all logits are computed for it. */
import { describe, expect, test } from 'vitest';
import { networkOf } from '../../src/circuits/cuts.ts';
import { METRIC, metricGraph } from '../../src/circuits/metric.ts';
import { i64 } from '../../src/core/tensor.ts';
import { only } from '../../src/graph/interventions.ts';
import { type TinyOptions, tinyLlama } from '../../src/models/tiny.ts';
import { openSession } from '../../src/runtime/session.ts';

const kinds: readonly (readonly [string, TinyOptions, boolean])[] = [
  ['tied embeddings', {}, true],
  ['an unembedding of its own', { tied: false }, true],
  ['capped logits', { logitCap: 2 }, false],
];

describe.each(kinds)('%s', (_, options, short) => {
  const model = tinyLlama(3, options);
  const tokens = i64([2, 4], [5, 9, 200, 31, 5, 7, 18, 240]);
  const [answer, wrong] = [
    [17, 80],
    [90, 3],
  ] as const;

  test('the metric is the difference of two logits at the last position', async () => {
    const all = await openSession(only(model.graph, ['logits']), { threads: 1 });
    const logits = (await all.run({ tokens })).logits!.data as Float32Array;
    await all.release();
    const session = await openSession(metricGraph(networkOf(model)), { threads: 1 });
    const out = await session.run({ tokens, answer: i64([2], answer), wrong: i64([2], wrong) });
    await session.release();
    const size = model.shape.vocabulary;
    for (const b of [0, 1]) {
      const last = (4 * b + 3) * size;
      const expected = logits[last + answer[b]!]! - logits[last + wrong[b]!]!;
      expect((out[METRIC]!.data as Float32Array)[b]).toBeCloseTo(expected, 5);
    }
  });

  test(`${short ? 'two rows of' : 'the whole'} unembedding`, () => {
    const { nodes } = metricGraph(networkOf(model));
    const tables = nodes.filter(({ op, inputs }) => op === 'Gemm' && /^W_[EU]$/.test(inputs[1] ?? ''));
    expect(tables).toHaveLength(short ? 0 : 1);
  });
});
