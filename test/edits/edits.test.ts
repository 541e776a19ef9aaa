/** @file What an edit promises: nothing at strength 0, exactly its features otherwise, and nulls that move as much. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findCircuit } from '../../src/circuits/circuit.ts';
import { encodeState } from '../../src/circuits/encode-state.ts';
import { activeFeatures, type FeatureState } from '../../src/circuits/feature-state.ts';
import { tokenStates } from '../../src/circuits/forward.ts';
import { silent } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { i64 } from '../../src/core/tensor.ts';
import type { GenderOccupation } from '../../src/data/tasks.ts';
import {
  featureEdit,
  meanActivation,
  meanDeltaX,
  randomEdit,
  strongestFeatures,
} from '../../src/edits/choose.ts';
import { conditions } from '../../src/edits/conditions.ts';
import { measureEdit } from '../../src/edits/edit.ts';
import { editableAt, editFeeds } from '../../src/edits/edit-graph.ts';
import { textFigures } from '../../src/edits/measure.ts';
import { byOccupation, occupationCorrelation, pairBias } from '../../src/edits/scores.ts';
import { only } from '../../src/graph/interventions.ts';
import { largestDifference, run, tinySetting } from '../circuits/support/tiny.ts';

const setting = tinySetting(9);
const { model, network, pairs } = setting;
const [dictionary] = setting.dictionaries as [(typeof setting.dictionaries)[number]];
let state: FeatureState;
let x_BTD: Float32Array;

beforeAll(async () => {
  const [states] = await tokenStates(
    network,
    [{ ids_BT: pairs.clean_BT, positions: 4 }],
    [dictionary.site],
    run,
  );
  x_BTD = states![dictionary.site]!;
  state = await encodeState(dictionary, x_BTD, { examples: 7, positions: 4, width: 16 }, 1);
});

/** The replaced state of the clean prompts under an edit. */
async function edited(edit: ReturnType<typeof featureEdit>): Promise<Float32Array> {
  const graph = only(editableAt(network.graph, dictionary), [`${dictionary.site}:replaced`]);
  const session = await run.open(graph);
  const out = await session.run({ tokens: i64([7, 4], pairs.clean_BT), ...editFeeds([edit]) });
  await session.release();
  return out[`${dictionary.site}:replaced`]!.data as Float32Array;
}

describe('an edit', () => {
  test('of strength 0 changes nothing', async () => {
    const none = featureEdit(dictionary, [{ feature: 3 }], 0);
    expect(largestDifference(await edited(none), x_BTD)).toBe(0);
  });

  test('takes strength × activation × decoder row out of every position but the first, and keeps the error', async () => {
    const [feature] = [...activeFeatures(state, 2, 3).keys()];
    const now = await edited(featureEdit(dictionary, [{ feature: feature! }], 0.5));
    for (let b = 0; b < 7; b++) {
      for (let t = 0; t < 4; t++) {
        const value = activeFeatures(state, b, t).get(feature!) ?? 0;
        for (let d = 0; d < 16; d++) {
          const at = (b * 4 + t) * 16 + d;
          const expected = x_BTD[at]! - 0.5 * value * dictionary.W_dec_FD[feature! * 16 + d]!;
          expect(now[at]).toBeCloseTo(expected, 4);
        }
      }
    }
  });

  test('measures its own size: mean ‖Δx‖ over positions that the dictionary reads', async () => {
    const chosen = [...activeFeatures(state, 1, 2).keys()].map((feature) => ({ feature }));
    const base = meanActivation(state);
    const edit = featureEdit(dictionary, chosen, 1.5, base);
    const now = await edited(edit);
    let sum = 0;
    for (let row = 0; row < 28; row++) {
      if (row % 4 === 0) continue;
      const delta = now.subarray(row * 16, row * 16 + 16).map((v, d) => v - x_BTD[row * 16 + d]!);
      sum += Math.hypot(...delta) / 21;
    }
    expect(meanDeltaX(state, dictionary, edit)).toBeCloseTo(sum, 4);
  });
});

describe('the null of an edit', () => {
  test('random features are not the chosen ones, as many, and move the state exactly as far', () => {
    const chosen = [...activeFeatures(state, 1, 2).keys()].slice(0, 3).map((feature) => ({ feature }));
    for (const seed of [1, 2, 3]) {
      const edit = randomEdit(state, dictionary, chosen, 0.7, random(seed));
      const drawn = [...edit.scale_F.entries()].filter(([, s]) => s !== 0).map(([i]) => i);
      expect(drawn).toHaveLength(3);
      for (const { feature } of chosen) expect(drawn).not.toContain(feature);
      expect(meanDeltaX(state, dictionary, edit)).toBeCloseTo(0.7, 5);
    }
  });

  test('conditions hold the untouched model first, then each strength with its draws, then mean ablation', () => {
    const site = {
      dictionary,
      features: [{ site: dictionary.site, feature: [...activeFeatures(state, 1, 2).keys()][0]!, effect: -1 }],
      prompts: state,
      plain: state,
    };
    const all = conditions([site], [0.5, 1], 2, random(1));
    expect(all.map((c) => `${c.method}@${c.strength}`)).toEqual([
      'none@0',
      'features@0.5',
      'random@0.5',
      'random@0.5',
      'features@1',
      'random@1',
      'random@1',
      'mean-ablation@1',
    ]);
    expect(all[0]!.deltaX).toBe(0);
    expect(all[2]!.deltaX).toBeCloseTo(all[1]!.deltaX, 5);
    expect(all[4]!.deltaX).toBeCloseTo(2 * all[1]!.deltaX, 5);
    // A draw keeps its features over strengths.
    const features = (c: (typeof all)[number]) => [...c.edits[0]!.scale_F].map((s) => s !== 0);
    expect(features(all[2]!)).toEqual(features(all[5]!));
  });

  test('the strongest features are those that serve the answer most, summed over positions; others stay', () => {
    const effects = {
      site: 's',
      depth: 1,
      positions: 2,
      features: 4,
      features_TF: Float32Array.of(-3, 1, -1, 0, 2.5, 1, -1, -0.25),
      errors_T: Float32Array.of(9, 9),
      featureSums_B: new Float64Array(),
      errorSums_B: new Float64Array(),
      change_B: new Float64Array(),
      nodes_B: [],
    };
    expect(strongestFeatures([effects], 2)).toEqual([
      { site: 's', feature: 2, effect: -2 },
      { site: 's', feature: 0, effect: -0.5 },
    ]);
    expect(strongestFeatures([effects], 9)).toHaveLength(3);
  });
});

describe('scores', () => {
  test('the bias of a pair is m(clean) − m(patch)', () => {
    expect(pairBias([2, -1], [0.5, -3])).toEqual([1.5, 2]);
  });

  test('log-odds are averaged by occupation, and follow the share of women when they do', () => {
    const score = (occupation: string, percentWomen: number, logOdds: number) => ({
      occupation,
      percentWomen,
      logOdds,
    });
    const rows = byOccupation([
      score('nurse', 90, 2),
      score('guard', 22, -1),
      score('nurse', 90, 4),
      score('clerk', 72, 1),
    ]);
    expect(rows.map((r) => [r.occupation, r.logOdds])).toEqual([
      ['nurse', 3],
      ['clerk', 1],
      ['guard', -1],
    ]);
    expect(occupationCorrelation(rows)).toBeGreaterThan(0.9);
    expect(occupationCorrelation(rows.slice(0, 2))).toBeNaN();
  });
});

describe('plain text', () => {
  const windows = [1, 2, 3].map((seed) =>
    Int32Array.from({ length: 12 }, (_, i) => (i * 37 + seed * 11) % 256),
  );
  const figures = (strengths: number[], features: number[]) =>
    textFigures(
      network,
      editableAt(network.graph, dictionary),
      dictionary.site,
      windows,
      strengths.map((s) =>
        editFeeds([
          featureEdit(
            dictionary,
            features.map((feature) => ({ feature })),
            s,
          ),
        ]),
      ),
      run,
    );

  test('without an edit the distance is 0 and the loss is the model’s own cross-entropy', async () => {
    const [none] = await figures([0], [1]);
    for (const kl of none!.kl_W) expect(Math.abs(kl)).toBeLessThan(1e-6);
    const session = await run.open(model.graph);
    const { logits } = await session.run({ tokens: i64([1, 12], windows[1]!) });
    await session.release();
    let loss = 0;
    for (let t = 1; t < 11; t++) {
      const row = (logits!.data as Float32Array).subarray(t * 256, (t + 1) * 256);
      const sum = row.reduce((s, v) => s + Math.exp(v), 0);
      loss += (Math.log(sum) - row[windows[1]![t + 1]!]!) / 10;
    }
    expect(none!.loss_W[1]).toBeCloseTo(loss, 4);
  });

  test('the distance grows with the strength', async () => {
    const all = Array.from({ length: 40 }, (_, i) => i);
    const [weak, strong] = await figures([0.1, 1], all);
    for (const [w, kl] of weak!.kl_W.entries()) {
      expect(kl).toBeGreaterThan(0);
      expect(strong!.kl_W[w]).toBeGreaterThan(kl);
    }
  });
});

describe('an edit measured end to end', () => {
  let folder: string;
  const windows = Array.from({ length: 6 }, (_, w) => ({
    tokens: Int32Array.from({ length: 20 }, (_, i) => (i * 53 + w * 7) % 256),
  }));
  const occupations: GenderOccupation[] = [10, 50, 90].map((percentWomen, i) => ({
    name: `job ${i}`,
    percentWomen,
    split: 'held-out',
    prompts: [
      [7, 20 + i, 3, 4],
      [7, 20 + i, 5, 6],
      [1, 2],
    ],
  }));
  const input = () => ({
    model,
    task: { ...setting.task, occupations },
    other: setting.task,
    dictionaries: setting.dictionaries,
    effectsFolder: folder,
    text: { train: windows, heldOut: windows },
    threads: 1,
    seed: 2,
    options: { features: 4, strengths: [0.5, 1, 2], randomDraws: 2, textWindows: 3, textLength: 16 },
  });
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edit-'));
    const { task, dictionaries } = setting;
    await findCircuit(
      { model, task, dictionaries, folder, threads: 1, seed: 1, options: { sizes: [5] } },
      { progress: silent },
    );
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('gives a row per method and strength, intervals around values, and the same again with the same seed', async () => {
    const result = await measureEdit(input(), { progress: silent });
    expect(result.rows.map((r) => `${r.method}@${r.strength}`)).toEqual([
      'features@0.5',
      'random@0.5',
      'features@1',
      'random@1',
      'features@2',
      'random@2',
      'mean-ablation@1',
    ]);
    expect(result.features).toHaveLength(4);
    for (const row of result.rows) {
      expect(row.biasBefore).toBe(result.baseline.bias.value);
      for (const e of [row.biasAfter, row.agreementAfter, row.kl]) {
        expect(e.low).toBeLessThanOrEqual(e.value);
        expect(e.high).toBeGreaterThanOrEqual(e.value);
      }
      expect(row.kl.value).toBeGreaterThan(0);
      expect(row.draws).toBe(row.method === 'random' ? 2 : 1);
      const chance = result.rows.find((r) => r.method === 'random' && r.strength === row.strength)!;
      if (row.method === 'random') expect(row.beyondRandom).toBeUndefined();
      else {
        expect(row.beyondRandom!.value).toBeCloseTo(chance.biasAfter.value - row.biasAfter.value, 9);
        expect(row.beyondRandom!.high - row.beyondRandom!.low).toBeGreaterThan(0);
      }
    }
    const [weak, weakRandom] = result.rows as [(typeof result.rows)[number], (typeof result.rows)[number]];
    expect(weakRandom.deltaX).toBeCloseTo(weak.deltaX, 4);
    for (const row of result.rows) {
      expect(row.biasChange.value).toBeCloseTo(row.biasAfter.value - row.biasBefore, 5);
      expect(row.deltaXText).toBeGreaterThan(0);
      expect(Number.isFinite(row.correlation)).toBe(true);
    }
    expect(result.occupations.map((o) => o.percentWomen)).toEqual([90, 50, 10]);
    expect(Object.keys(result.occupations[0]!.after)).toContain('features@1');
    expect(result.counts).toEqual({ pairs: 5, agreement: 5, textTokens: 45 });
    expect(await measureEdit(input(), { progress: silent })).toEqual(result);
  });

  test('needs the dictionaries that the effects name, and text that is long enough', async () => {
    await expect(
      measureEdit({ ...input(), dictionaries: setting.dictionaries.slice(0, 1) }, { progress: silent }),
    ).rejects.toMatchObject({ code: 'circuit.nothing-to-edit' });
    await expect(
      measureEdit({ ...input(), text: { train: [], heldOut: windows } }, { progress: silent }),
    ).rejects.toMatchObject({ code: 'circuit.no-text' });
  });
});
