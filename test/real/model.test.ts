import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { i64 } from '../../src/core/tensor.ts';
import { read } from '../../src/graph/interventions.ts';
import { checks } from '../../src/models/checks.ts';
import { openPredictor } from '../../src/models/predict.ts';
import { compareWithReference } from '../../src/models/reference.ts';
import { runModel } from '../../src/models/run.ts';
import { summariseModel } from '../../src/models/summary.ts';
import type { Model } from '../../src/models/types.ts';
import { openSession, type Session } from '../../src/runtime/session.ts';
import { hasRealModel, realModel } from '../support/real-model.ts';

const tokenOracle = (
  JSON.parse(readFileSync('test/oracles/smollm2_tokens.json', 'utf8')) as { rows: [string, number[]][] }
).rows;
const threads = 2;

describe.runIf(await hasRealModel())('SmolLM2-135M', () => {
  let model: Model;
  let session: Session;
  beforeAll(async () => {
    model = await realModel();
    session = await openSession(read(model.graph, ['blocks.12.hook_resid_post']), { threads });
  });
  afterAll(() => session?.release());

  test('is what its publisher says: sizes, number of parameters, and the note on its four bits', () => {
    expect(model.shape).toMatchObject({
      layers: 30,
      width: 576,
      heads: 9,
      kvHeads: 3,
      headWidth: 64,
      tied: true,
    });
    expect(model.parameters).toBe(134_515_008);
    expect(model.note).toMatch(/4-bit/);
    expect(model.sites).toHaveLength(1 + 30 * 20 + 2);
  });

  test('tokenises 400 strings as the Rust library does', () => {
    for (const [text, ids] of tokenOracle)
      expect(model.tokenizer.encode(text), JSON.stringify(text)).toEqual(ids);
  });

  test('decoding gives the text back', () => {
    for (const [text] of tokenOracle) expect(model.tokenizer.decode(model.tokenizer.encode(text))).toBe(text);
  });

  test('logits of 20 prompts agree with PyTorch to 2e-3, the top five in the same order', async () => {
    const { prompts, worst, reordered } = await compareWithReference(model, { threads });
    console.log(`largest difference of logits from PyTorch: ${worst.toExponential(2)}`);
    expect(prompts).toBe(20);
    expect(worst).toBeLessThanOrEqual(2e-3);
    expect(reordered).toEqual([]);
  });

  test('answers 20 of 20 indirect-object prompts; P(" Mary") is 0.92', async () => {
    const { logits } = await summariseModel(model, { threads });
    expect(logits.ioiCorrect).toBe(20);
    expect(logits.of).toBe(20);
    expect(Math.abs(logits.pMary - 0.92)).toBeLessThanOrEqual(0.01);
  });

  test('the first position is an attention sink, as measured elsewhere: norm near 24,000 after block 12', async () => {
    const ids = model.tokenizer.encode('The mitochondria is the powerhouse of the cell. It makes ATP.');
    const out = await session.run({ tokens: i64([1, ids.length], ids) });
    const x = out['blocks.12.hook_resid_post']!.data as Float32Array;
    const norm = (t: number) => Math.hypot(...x.subarray(t * 576, (t + 1) * 576));
    expect(norm(0)).toBeGreaterThan(20_000);
    expect(norm(0)).toBeLessThan(28_000);
    expect(norm(9)).toBeLessThan(300);
  });

  test('the self-check passes', async () => {
    const rows = (await Promise.all(checks.map((c) => c.rows({ threads, progress: silent })))).flat();
    expect(rows).toHaveLength(11);
    expect(rows.filter((row) => !row.pass)).toEqual([]);
  });

  test('padding on the right does not move a prediction', async () => {
    const predictor = await openPredictor(model, { threads });
    const [short, long] = [
      'The capital of France is',
      'When Mary and John went to the store, John gave a drink to',
    ];
    const [together] = await predictor.logProbabilities([short!, long!]);
    const [alone] = await predictor.logProbabilities([short!]);
    await predictor.close();
    expect(Math.max(...alone!.map((p, i) => Math.abs(p - together![i]!)))).toBeLessThan(2e-3);
  });

  test('untangle run knows that Paris is the capital of France', async () => {
    const site = 'blocks.5.attn.hook_z';
    const { predictions, sites } = await runModel(model, {
      input: 'The capital of France is',
      read: [site],
      threads,
    });
    expect(predictions[0]?.text).toBe(' Paris');
    expect(Math.exp(predictions[0]!.logProbability)).toBeCloseTo(0.773, 2);
    expect(sites[site]?.shape).toEqual([1, 5, 9, 64]);
  });
});
