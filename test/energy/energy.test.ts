/** @file The depth clock's promises: an invariant over cuts, budgets that close, leaks of known size. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findCircuit } from '../../src/circuits/circuit.ts';
import { networkOf } from '../../src/circuits/cuts.ts';
import { loadEffects } from '../../src/circuits/effects-file.ts';
import { silent } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { f32, f64, i64 } from '../../src/core/tensor.ts';
import { topFeatures } from '../../src/energy/budget.ts';
import {
  type CutProducts,
  costateProducts,
  meanProducts,
  relativeSpread,
  spread,
} from '../../src/energy/costate.ts';
import { measureEnergy } from '../../src/energy/energy.ts';
import { leak, lineEnergies } from '../../src/energy/leak.ts';
import { tinyLlama } from '../../src/models/tiny.ts';
import { run, tinySetting } from '../circuits/support/tiny.ts';

/** Products at every cut of a tiny model for random states and tangents. */
async function products(dtype: 'float32' | 'float64', seed: number): Promise<CutProducts[]> {
  const model = tinyLlama(seed, { layers: 4, dtype });
  const stream = random(seed);
  const noise = () => {
    const values = Array.from({ length: 240 }, () => stream.normal());
    return dtype === 'float32' ? f32([3, 5, 16], values) : f64([3, 5, 16], values);
  };
  const ids = () => i64([3], [stream.integer(256), stream.integer(256), stream.integer(256)]);
  return costateProducts(
    networkOf(model),
    { state: noise(), tangent: noise(), others: { answer: ids(), wrong: ids() } },
    run,
  );
}

describe('the costate invariant', () => {
  test.each([1, 2, 3])('holds over all cuts of a tiny Llama in float64 (seed %i)', async (seed) => {
    const all = await products('float64', seed);
    expect(all).toHaveLength(5);
    expect(spread(all)).toBeLessThan(1e-12);
    expect(Math.abs(meanProducts(all)[0]!)).toBeGreaterThan(1e-3);
  });

  test('holds in float32 to float32’s accuracy', async () => {
    expect(spread(await products('float32', 4))).toBeLessThan(1e-5);
  });

  test('the spread is the gap between cuts over the largest sum of sizes, of the worst example', () => {
    const at = (value: number[], scale: number[]): CutProducts => ({
      value_B: Float64Array.from(value),
      scale_B: Float64Array.from(scale),
    });
    const all = [at([1, 5], [10, 100]), at([2, 5], [20, 100]), at([1.5, 5], [5, 100])];
    expect(spread(all)).toBeCloseTo(1 / 20, 12);
    expect(relativeSpread(all)).toBeCloseTo(0.5 / 3.5, 12);
  });
});

describe('the leak', () => {
  test('is Σ|Σe − Δm| / Σ|Δm| over examples', () => {
    expect(leak([1, 2, 3], [1, 2, 3])).toBe(0);
    expect(leak([1.5, -2], [1, -1])).toBeCloseTo(1.5 / 2, 12);
    expect(leak([1], [0])).toBeNaN();
  });

  test('energies along the line are costate times what the clean run has more', () => {
    const energies = lineEnergies([1, 2, 3, 4], [5, 5, 1, 0], [4, 5, 0, 1], { examples: 2 });
    expect(Array.from(energies)).toEqual([1, -1]);
  });
});

describe('the energy of a task', () => {
  let folder: string;
  const setting = tinySetting();
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'energy-'));
    const { model, task, dictionaries } = setting;
    await findCircuit(
      {
        model,
        task,
        dictionaries,
        folder,
        threads: 1,
        seed: 1,
        options: { sizes: [5], rule: 'midpoint-40' },
      },
      { progress: silent },
    );
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('closes at every dictionary’s cut: features + errors = Δm up to the leak; finer rules leak less', async () => {
    const { model, task } = setting;
    const rules = ['midpoint-40', 'midpoint-4', 'left-4', 'attribution-patching'];
    const result = await measureEnergy(
      { model, task, effectsFolder: folder, threads: 1, seed: 1, options: { rules, ruleExamples: 7 } },
      { progress: silent },
    );
    expect(result.budget.map((b) => b.cut)).toEqual([2, 3]);
    expect(result.costate.spread).toBeLessThan(1e-5);
    expect(result.costate.randomSpread).toBeLessThan(1e-5);
    expect(result.costate.products).toHaveLength(4);
    expect(result.rule).toBe('midpoint-40');
    for (const budget of result.budget) {
      expect(budget.leak).toBeLessThan(0.01);
      expect(budget.leakByRule['midpoint-40']).toBeCloseTo(budget.leak, 4);
      expect(Math.abs(budget.features + budget.errors - budget.deltaM)).toBeLessThan(0.02);
      const by = budget.leakByRule as Record<string, number>;
      expect(by['midpoint-40']!).toBeLessThan(by['midpoint-4']!);
      expect(by['midpoint-4']!).toBeLessThan(by['left-4']!);
      expect(by['left-4']!).toBeLessThan(by['attribution-patching']!);
    }
    expect(result.leak).toBeCloseTo((result.budget[0]!.leak + result.budget[1]!.leak) / 2, 12);
  });

  test('lists features by size of energy, which is minus the effect', async () => {
    const { places } = await loadEffects(folder);
    const top = topFeatures(places, 10);
    const sizes = top.map((f) => Math.abs(f.energy));
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    const [first] = top;
    const effects = places.find((c) => c.effects.site === first!.site)!.effects;
    expect(first!.energy).toBe(-effects.features_TF[first!.position * effects.features + first!.feature]!);
    const largest = Math.max(...places.flatMap((c) => Array.from(c.effects.features_TF, Math.abs)));
    expect(sizes[0]).toBe(largest);
  });
});
