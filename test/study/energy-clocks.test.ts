/** @file What `untangle energy learning` and `ensemble` report, on systems small enough for a test. */
import { describe, expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { textPairs } from '../../src/energy/importance/text-network.ts';
import { ensemblesOf } from '../../src/study/energy/ensemble.ts';
import { learningReport } from '../../src/study/energy/learning.ts';
import { run, tinySetting } from '../circuits/support/tiny.ts';

describe('the learning clock of a small dictionary', () => {
  test('H is kept without friction and accounted for with it; rescaling charges are as predicted; steps break what flows keep', async () => {
    const report = await learningReport({ system: 'dictionary', steps: 300, seed: 1 }, { progress: silent });
    expect(report).toMatchObject({ clock: 'learning', system: 'dictionary', parameters: 50 });
    expect(report.separation).toBeUndefined();
    const [free, damped, heavy, descent, adam] = report.runs;
    expect(free!.unaccounted).toBeLessThan(0.01 * free!.energy[0]!);
    expect(damped!.energy.at(-1)).toBeLessThan(0.3 * damped!.energy[0]!);
    expect(damped!.unaccounted).toBeLessThan(0.01 * damped!.energy[0]!);
    expect(heavy!.unaccounted).toBeLessThan(0.1 * heavy!.energy[0]!);
    expect([descent!.kineticOf, adam!.kineticOf]).toEqual(['displacement', 'displacement']);
    for (const one of report.runs) expect(one.potential.at(-1)).toBeLessThan(one.potential[0]!);
    expect(report.charges.map(({ conserved }) => conserved)).toEqual([false, false]);
    for (const { defect, symmetryDefect } of report.charges) {
      expect(defect).toBeLessThan(1e-11);
      expect(symmetryDefect).toBeLessThan(1e-12);
    }
    expect(report.broken).toHaveLength(16);
    for (const { after, predicted } of report.broken) expect(Math.abs(after - predicted)).toBeLessThan(1e-12);
    const off = (rate: number) => {
      const row = report.broken.find((b) => b.learningRate === rate && b.weightDecay === 0)!;
      return Math.abs(row.after - row.flow);
    };
    expect(off(0.4) / off(0.05)).toBeGreaterThan(6);
    expect(off(0.4) / off(0.05)).toBeLessThan(10);
  });
});

describe('ensembles of a tiny network', () => {
  const { model, network, pairs, dictionaries } = tinySetting();
  const stream = random(1);
  const windows = Array.from({ length: 12 }, () => ({
    tokens: Int32Array.from({ length: 9 }, () => stream.integer(256)),
  }));
  const setting = { model, network, dictionary: dictionaries[0]!, pairs, texts: textPairs(windows, 8) };

  test('the untrained network is drawn by the seed', async () => {
    const untrained = async (seed: number) =>
      (await ensemblesOf(setting, { masked: 1, rows: 20 }, seed, run)).masks.at(-1)!.none;
    expect(await untrained(3)).toBe(await untrained(3));
    expect(await untrained(3)).not.toBe(await untrained(4));
  });

  test('masks and effective numbers come with every null', async () => {
    const { masks, coactivation } = await ensemblesOf(setting, { masked: 3, rows: 40 }, 2, run);
    expect(masks.map(({ name }) => name)).toEqual([
      'features',
      'without interaction',
      'random features',
      'random features',
      'untrained network',
    ]);
    for (const { features, thermal, lowest, all, none } of masks) {
      expect(features).toHaveLength(3);
      expect(thermal[0]!.entropy).toBeGreaterThan(thermal.at(-1)!.entropy);
      expect(thermal[0]!.entropy).toBeLessThanOrEqual(3 * Math.log(2) + 1e-12);
      expect(thermal.at(-1)!.energy).toBeGreaterThanOrEqual(lowest - 1e-9);
      expect(Math.min(all, none)).toBeGreaterThanOrEqual(lowest - 1e-12);
    }
    expect(masks[1]!.features).toEqual(masks[0]!.features);
    expect(masks[0]!.sampled!.map(({ sampler }) => sampler)).toEqual(['nuts', 'microcanonical']);
    const [nuts, microcanonical] = masks[0]!.sampled!;
    nuts!.thermal.forEach((row, k) => {
      const other = microcanonical!.thermal[k]!;
      const error = Math.hypot(row.energy.error, other.energy.error);
      expect(Math.abs(row.energy.value - other.energy.value)).toBeLessThan(5 * error);
    });
    expect(coactivation.map(({ name, norm }) => `${name}, ${norm}`)).toEqual([
      'trained, cosine',
      'trained, energy',
      'random dictionary, cosine',
      'random dictionary, energy',
      'untrained network, cosine',
      'untrained network, energy',
    ]);
    for (const { effective, rows, active } of coactivation) {
      expect(effective).toBeGreaterThan(1);
      expect(effective).toBeLessThanOrEqual(Math.min(rows, active) + 1e-9);
    }
  });
});
