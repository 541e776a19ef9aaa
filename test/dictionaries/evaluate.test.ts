import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { silent } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { i64 } from '../../src/core/tensor.ts';
import { checks } from '../../src/dictionaries/checks.ts';
import { crossEntropies } from '../../src/dictionaries/cross-entropy.ts';
import { buildFeatureDatabase } from '../../src/dictionaries/database.ts';
import { dictionaryResult, evaluate } from '../../src/dictionaries/evaluate.ts';
import { openFeatureDatabase } from '../../src/dictionaries/feature-reader.ts';
import { neurons } from '../../src/dictionaries/neurons.ts';
import { only } from '../../src/graph/interventions.ts';
import { tinyLlama } from '../../src/models/tiny.ts';
import { openSession } from '../../src/runtime/session.ts';
import { randomDictionary } from './support.ts';

beforeAll(async () => {
  await buildKernels();
});

const site = 'blocks.0.hook_resid_post';
const model = tinyLlama(1);
const D = model.shape.width;
const length = 12;
const r = random(8);
const windows = Array.from({ length: 6 }, (_, w) => ({
  tokens: Int32Array.from({ length }, () => r.integer(256)),
  documents: new Int32Array(length).fill(w),
}));
const context = { progress: silent, threads: 1 };

/** Rows of the site at all positions but the first, with their places. */
async function rows() {
  const session = await openSession(only(model.graph, [site]), { threads: 1 });
  const ids = windows.flatMap((w) => [...w.tokens]);
  const out = await session.run({ tokens: i64([windows.length, length], ids) });
  await session.release();
  const all = out[site]!.data as Float32Array;
  const kept = ids.map((_, i) => i).filter((i) => i % length !== 0);
  return {
    x: Float32Array.from(kept.flatMap((i) => [...all.subarray(i * D, (i + 1) * D)])),
    places: {
      window: Int32Array.from(kept, (i) => Math.floor(i / length)),
      position: Int32Array.from(kept, (i) => i % length),
    },
  };
}

/** Mean cross-entropy from plain logits, in float64. */
async function plainCrossEntropy(): Promise<number> {
  const session = await openSession(only(model.graph, ['logits']), { threads: 1 });
  const ids = windows.flatMap((w) => [...w.tokens]);
  const out = await session.run({ tokens: i64([windows.length, length], ids) });
  await session.release();
  const logits = out.logits!.data as Float32Array;
  let sum = 0;
  let n = 0;
  for (let i = 0; i < ids.length; i++) {
    if (i % length === length - 1) continue;
    const row = logits.subarray(i * 256, (i + 1) * 256);
    sum += Math.log(row.reduce((s, v) => s + Math.exp(v), 0)) - row[ids[i + 1]!]!;
    n++;
  }
  return sum / n;
}

describe('evaluation', () => {
  test('neurons lose nothing; a dictionary that returns the mean recovers nothing', async () => {
    const { x } = await rows();
    const mean = new Float32Array(D);
    x.forEach((value, i) => {
      mean[i % D]! += value / (x.length / D);
    });
    const input = { graph: model.graph, heldOut_MD: x, mean_D: mean, windows };
    const perfect = await evaluate({ ...input, dictionary: neurons(D, site, model.hash) }, context);
    expect(perfect.ce.clean).toBeCloseTo(await plainCrossEntropy(), 4);
    expect(perfect.ce.spliced).toBeCloseTo(perfect.ce.clean, 6);
    expect(perfect).toMatchObject({ fve: 1, l0: D, dead: 0 });
    expect(perfect.ceRecovered).toBeCloseTo(1, 5);

    const silence = randomDictionary(
      { width: D, features: 20, k: 3 },
      { site, b_enc_F: new Float32Array(20).fill(-1e6), b_dec_D: mean },
    );
    const nothing = await evaluate({ ...input, dictionary: silence }, context);
    expect(nothing.fve).toBeCloseTo(0, 5);
    expect(nothing.ceRecovered).toBeCloseTo(0, 4);
    expect(nothing).toMatchObject({ l0: 0, dead: 1 });
    expect(nothing.ce.meanAblated).not.toBeCloseTo(nothing.ce.clean, 3);
    const log = {
      tokensPerSecond: 1,
      tokensSeen: 2,
      steps: 3,
      finalLoss: 0,
      dead: 0,
      stoppedEarly: false,
      curve: [],
    };
    expect(dictionaryResult(silence, nothing, log)).toMatchObject({
      site,
      features: 20,
      k: 3,
      tokensSeen: 2,
    });
  });

  test.each(['blocks.0.hook_mlp_out', 'blocks.1.attn.hook_z'])(
    'at %s, around which the residual stream leads: neurons lose nothing, the mean something',
    async (place) => {
      const own = neurons(D, place, model.hash);
      const mean = new Float32Array(D).fill(0.3);
      const ce = await crossEntropies(model.graph, own, mean, windows, context);
      expect(ce.clean).toBeCloseTo(await plainCrossEntropy(), 4);
      expect(ce.spliced).toBeCloseTo(ce.clean, 6);
      expect(ce.meanAblated).not.toBeCloseTo(ce.clean, 4);
    },
  );

  test('at the logits the mean loses what the prediction knew', async () => {
    const ce = await crossEntropies(
      model.graph,
      neurons(256, 'logits', model.hash),
      new Float32Array(256),
      windows,
      context,
    );
    expect(ce.spliced).toBeCloseTo(ce.clean, 6);
    // Position 0 passes by.
    const [first, rest] = [1 / (length - 1), (length - 2) / (length - 1)];
    expect(ce.meanAblated).toBeGreaterThan(rest * Math.log(256));
    expect(ce.meanAblated).toBeLessThan(rest * Math.log(256) + first * 20);
  });

  test('text too short to predict anything is refused', async () => {
    const dictionary = neurons(D, site, model.hash);
    const input = {
      graph: model.graph,
      heldOut_MD: new Float32Array(D),
      mean_D: new Float32Array(D),
      dictionary,
    };
    await expect(evaluate({ ...input, windows: [] }, context)).rejects.toMatchObject({
      code: 'dictionary.no-text',
    });
  });
});

describe('the feature database', () => {
  test('has every feature with its highest passages, and finds them by token', async () => {
    const { x, places } = await rows();
    // Feature 0 reads coordinate 0 of the residual stream: its peaks can be told by hand.
    const dictionary = randomDictionary(
      { width: D, features: 30, k: 30 },
      { site, b_enc_F: new Float32Array(30) },
    );
    dictionary.W_enc_FD.fill(0, 0, D);
    dictionary.W_enc_FD[0] = 1;
    dictionary.W_dec_FD.fill(0, 0, D);
    dictionary.W_dec_FD[0] = 1;
    const folder = mkdtempSync(join(tmpdir(), 'untangle-features-'));
    const titles = windows.map((_, w) => `It's article ${w}`);
    const made = await buildFeatureDatabase(
      folder,
      { dictionary, graph: model.graph, tokenizer: model.tokenizer, windows, titles, x_ND: x, places },
      context,
    );
    expect(made.features).toBe(30);
    const database = await openFeatureDatabase(folder);
    const zero = (await database.read(0))!;
    const column = Array.from({ length: x.length / D }, (_, i) => Math.max(0, x[i * D]!));
    expect(zero.frequency).toBeCloseTo(column.filter((v) => v > 0).length / column.length, 6);
    expect(zero.maxActivation).toBeCloseTo(Math.max(...column), 4);
    expect(zero.histogram.reduce((sum, bin) => sum + bin.count, 0)).toBe(column.filter((v) => v > 0).length);

    const peak = column.indexOf(Math.max(...column));
    const [window, position] = [places.window[peak]!, places.position[peak]!];
    const first = zero.passages[0]!;
    expect(first.document).toBe(titles[window]);
    expect(first.tokens).toEqual(
      Array.from(windows[window]!.tokens.slice(0, position + 9), (t) => model.tokenizer.token(t)),
    );
    expect(first.activations[0]).toBe(0);
    expect(first.activations[position]).toBeCloseTo(zero.maxActivation, 4);
    const peaks = zero.passages.map((p) => Math.max(...p.activations));
    expect(peaks).toEqual(peaks.toSorted((a, b) => b - a));

    // Its decoder row is e₀: effects are the unembedding's row 0 times the norm's gain, less the mean.
    const W_U = model.graph.weights.get('W_U') ?? model.graph.weights.get('W_E');
    expect(W_U).toBeDefined();
    expect(zero.promoted).toHaveLength(10);
    expect(zero.promoted[0]!.effect).toBeGreaterThan(zero.promoted[9]!.effect);
    expect(zero.suppressed[0]!.effect).toBeLessThan(0);

    const all = await database.list({ sort: 'max', q: '', limit: 5, offset: 0 });
    expect(all.total).toBe(30);
    expect(all.rows.map((row) => row.maxActivation)).toEqual(
      all.rows.map((row) => row.maxActivation).toSorted((a, b) => b - a),
    );
    const byId = await database.list({ sort: 'id', q: '', limit: 3, offset: 7 });
    expect(byId.rows.map((row) => row.id)).toEqual([7, 8, 9]);
    const found = await database.list({ sort: 'id', q: first.tokens[position]!, limit: 30, offset: 0 });
    expect(found.rows.some((row) => row.id === 0)).toBe(true);
    expect((await database.list({ sort: 'id', q: "no'such", limit: 3, offset: 0 })).total).toBe(0);
    expect(await database.read(30)).toBeUndefined();
    database.close();
  });

  test('a folder without one is refused', () =>
    expect(openFeatureDatabase(tmpdir())).rejects.toMatchObject({ code: 'dictionary.no-features' }));
});

test('the self-check passes', async () => {
  const rows = (await Promise.all(checks.map((check) => check.rows(context)))).flat();
  expect(rows.filter((row) => !row.pass)).toEqual([]);
  expect(rows.length).toBeGreaterThan(3);
});
