import { describe, expect, test } from 'vitest';
import { i64 } from '../../src/core/tensor.ts';
import { lastLogits, likeliest, logSoftmax, openPredictor } from '../../src/models/predict.ts';
import { runModel } from '../../src/models/run.ts';
import { summariseModel } from '../../src/models/summary.ts';
import { tinyLlama } from '../../src/models/tiny.ts';
import { unembedding } from '../../src/models/weights.ts';
import { openSession } from '../../src/runtime/session.ts';

const model = tinyLlama(4);
const threads = 1;

describe('runModel', () => {
  test('gives the tokens, the likeliest next ones in order, and the sites', async () => {
    const site = 'blocks.1.hook_resid_post';
    const result = await runModel(model, {
      input: 'Hello',
      read: [site, 'blocks.0.attn.hook_pattern'],
      threads,
    });
    expect(result.tokens).toEqual([...'Hello'].map((text) => ({ id: text.charCodeAt(0), text })));
    expect(result.predictions).toHaveLength(5);
    const logs = result.predictions.map((p) => p.logProbability);
    expect(logs).toEqual([...logs].sort((a, b) => b - a));
    expect(result.sites[site]?.shape).toEqual([1, 5, 16]);
    expect(result.sites['blocks.0.attn.hook_pattern']?.shape).toEqual([1, 4, 5, 5]);
    expect(Object.keys(result.sites)).toHaveLength(2);
  });
  test('probabilities of all tokens sum to one', async () => {
    const { predictions } = await runModel(model, { input: [1, 2, 3], top: 256, threads });
    expect(predictions.reduce((sum, p) => sum + Math.exp(p.logProbability), 0)).toBeCloseTo(1, 6);
  });
  test('a site that does not exist names the nearest ones', () =>
    expect(
      runModel(model, { input: 'a', read: ['blocks.1.hook_resid_pots'], threads }),
    ).rejects.toMatchObject({
      code: 'model.unknown-site',
      hint: expect.stringContaining('blocks.1.hook_resid_post') as string,
    }));
  test('weights and inputs are no sites; other values of the graph may be read', async () => {
    for (const read of [['W_E'], ['tokens']])
      await expect(runModel(model, { input: 'a', read, threads })).rejects.toMatchObject({
        code: 'model.unknown-site',
      });
    const { sites } = await runModel(model, { input: 'ab', read: ['logits', 'ln_final.output'], threads });
    expect(sites.logits?.shape).toEqual([1, 2, 256]);
  });
  test.each([
    ['', 'model.no-tokens'],
    [[], 'model.no-tokens'],
    ['x'.repeat(65), 'model.too-long'],
    [[256], 'model.unknown-token'],
    [[-1], 'model.unknown-token'],
    [[0.5], 'model.unknown-token'],
  ])('input %j gives the code %s', (input, code) =>
    expect(runModel(model, { input, threads })).rejects.toMatchObject({ code }),
  );
});

describe('predictions', () => {
  test('of prompts of different lengths together are those of each alone', async () => {
    const predictor = await openPredictor(model, { threads });
    const rows = [[1], [2, 3, 4], [5, 6, 7, 8, 9], ...Array.from({ length: 9 }, (_, i) => [i, 40])];
    const together = await predictor.afterTokens(rows);
    for (const [i, row] of rows.entries()) {
      const [alone] = await predictor.afterTokens([row]);
      expect(Math.max(...alone!.map((x, j) => Math.abs(x - together[i]![j]!)))).toBeLessThan(1e-5);
    }
    await predictor.close();
  });
  test.each([true, false])(
    'at the last position alone equal the whole logits there (tied: %s)',
    async (tied) => {
      const tiny = tinyLlama(5, { tied });
      const [whole, last] = await Promise.all(
        [tiny.graph, lastLogits(tiny)].map((graph) => openSession(graph, { threads })),
      );
      const tokens = i64([2, 4], [1, 2, 3, 4, 5, 6, 7, 8]);
      const a = (await whole!.run({ tokens })).logits!.data as Float32Array;
      const b = (await last!.run({ tokens, last: i64([2], [3, 1]) })).last_logits!.data as Float32Array;
      const expected = [...a.slice(3 * 256, 4 * 256), ...a.slice(5 * 256, 6 * 256)];
      expect(Math.max(...expected.map((x, i) => Math.abs(x - b[i]!)))).toBeLessThan(1e-5);
    },
  );
  test('log softmax is stable', () => {
    for (const x of logSoftmax(Float32Array.of(1000, 1000))) expect(x).toBeCloseTo(-Math.LN2, 12);
    expect(likeliest(model, Float64Array.of(-3, -1, -2), 2).map((p) => p.id)).toEqual([1, 2]);
  });
});

test('the unembedding of a tied model is its embedding', async () =>
  expect(await unembedding(model)).toBe(model.graph.weights.get('W_E')));

test('summariseModel asks twenty indirect-object prompts and shows eight answers to each example', async () => {
  const tiny = tinyLlama(1, { context: 128 });
  const summary = await summariseModel(tiny, { threads });
  expect(summary).toMatchObject({
    name: 'tiny-1',
    layers: 2,
    width: 16,
    vocabulary: 256,
    logits: { of: 20 },
  });
  expect(summary.examples).toHaveLength(4);
  for (const { tokens } of summary.examples) expect(tokens).toHaveLength(8);
});
