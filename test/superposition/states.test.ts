import { beforeAll, describe, expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { vulnerability, vulnerabilityCurve } from '../../src/superposition/adversarial.ts';
import { basinPath } from '../../src/superposition/basins.ts';
import { disentangle } from '../../src/superposition/before-after.ts';
import { describePolytopes, polytopes } from '../../src/superposition/geometry.ts';
import { toyLandscape } from '../../src/superposition/landscape.ts';
import { boundaryDistance, phaseDiagram } from '../../src/superposition/phases.ts';
import { neuronResponses } from '../../src/superposition/responses.ts';
import { sparseCodeLandscape } from '../../src/superposition/sparse-code.ts';
import { type ToyOptions, toyTask } from '../../src/superposition/task.ts';
import { trainToys } from '../../src/superposition/train.ts';
import { transition, transitionMethods } from '../../src/superposition/transition.ts';
import { twoInOne } from '../../src/superposition/two-in-one.ts';
import type { TrainedToy } from '../../src/superposition/types.ts';

const context = { threads: 1, progress: silent };

describe('five in two', () => {
  test('has two basins, and a barrier that two resolutions agree on within 1 %', () => {
    const coarse = basinPath({ images: 15, frequencies: 24 });
    expect(describePolytopes(polytopes(coarse.pentagon.weights))).toBe('pentagon');
    expect(describePolytopes(polytopes(coarse.digons.weights))).toBe('2 × digon');
    expect(coarse.pentagon.energy).toBeLessThan(coarse.digons.energy);
    const fine = basinPath({ images: 31, frequencies: 24 });
    const [a, b] = [coarse.band.barrier, fine.band.barrier];
    expect(Math.abs(b.forward / a.forward - 1)).toBeLessThan(0.01);
    expect(Math.abs(b.backward / a.backward - 1)).toBeLessThan(0.01);
    // The figures of docs/superposition.md.
    expect(a.forward).toBeGreaterThan(2.9e-5);
    expect(a.forward).toBeLessThan(3.2e-5);
    expect(coarse.digons.energy - coarse.pentagon.energy).toBeCloseTo(9e-4, 5);
    // A true saddle: no slope, and downhill on both sides.
    expect(fine.band.saddleSlope).toBeLessThan(1e-6);
    expect(fine.band.saddleCurvature).toBeLessThan(0);
    expect(() => basinPath({ images: 3, frequencies: 8, maxIterations: 2 })).toThrow(
      expect.objectContaining({ code: 'superposition.no-path' }),
    );
  });
});

describe('two in one', () => {
  test('the learned boundary is that of the closed form within one grid step', async () => {
    const diagram = await phaseDiagram({ features: 2, neurons: 1, points: 7, seeds: 4 }, context);
    expect(boundaryDistance(diagram)).toBeLessThanOrEqual(1);
    expect(new Set(diagram.cells.map(({ phase }) => phase))).toEqual(
      new Set(['ignored', 'dedicated', 'superposed']),
    );
  });

  test('a feature alone costs its variance, and sharing costs less the sparser features are', () => {
    const dense = twoInOne(0.5, 1);
    expect(dense.ignored).toBeCloseTo((0.5 * (1 / 3 - 1 / 4)) / 2, 12);
    expect(dense.phase).toBe('ignored');
    expect(twoInOne(2, 1).phase).toBe('dedicated');
    const sparse = twoInOne(1, 0.01);
    expect(sparse.phase).toBe('superposed');
    // Unit weights without biases cost p²(1 + r)/6 for both outputs; free ones no more.
    expect(sparse.superposed).toBeLessThanOrEqual((0.01 ** 2 * 2) / 6 / 2);
  });
});

describe('before and after', () => {
  let tangled: TrainedToy;
  beforeAll(async () => {
    const task = toyTask({ features: 20, neurons: 5, sparsity: 0.9 });
    [tangled] = (await trainToys([{ task, seed: 1 }], { steps: 2000, learningRate: 0.01 }, context)) as [
      TrainedToy,
    ];
  });

  test('a dictionary finds the represented features of tangled neurons', async () => {
    const { mcc, randomMcc, before, after } = await disentangle(
      tangled.task,
      tangled.weights,
      { rows: 20_000 },
      context,
    );
    expect(mcc).toBeGreaterThan(0.95);
    expect(randomMcc).toBeLessThan(0.9);
    const mean = (values: Float64Array) => values.reduce((a, b) => a + b, 0) / values.length;
    expect(mean(before.meanings_U)).toBeGreaterThan(4);
    expect(mean(after.meanings_U)).toBeLessThan(1.3);
    expect(before).toEqual(neuronResponses(tangled.weights));
  });

  test('the autoencoder’s gradient is that of finite differences', () => {
    const rows = Float64Array.from([0.5, -0.2, 1, 0.3, -0.4, 0.8]);
    const V = sparseCodeLandscape(rows, { units: 3, width: 2 }, 0.1);
    const x = Float64Array.from({ length: V.dimension }, (_, i) => Math.sin(3 * i + 1));
    const [slope, scratch] = [new Float64Array(V.dimension), new Float64Array(V.dimension)];
    V.at(x, slope);
    for (let i = 0; i < x.length; i++) {
      const at = (by: number) =>
        V.at(
          x.map((value, j) => (i === j ? value + by : value)),
          scratch,
        );
      expect(Math.abs((at(1e-6) - at(-1e-6)) / 2e-6 - slope[i]!)).toBeLessThan(1e-8);
    }
  });

  test('every optimiser goes from the neurons to the features in phase space', async () => {
    const task = toyTask({ features: 8, neurons: 3, sparsity: 0.95 });
    const seeds = [1, 2, 3, 4].map((seed) => ({ task, seed }));
    const trained = await trainToys(seeds, { steps: 3000, learningRate: 0.01 }, context);
    const best = trained.reduce((a, b) => (b.loss < a.loss ? b : a));
    for (const method of transitionMethods) {
      const { frames, states, mcc } = transition(task, best.weights, method, { steps: 2000 });
      expect([method, mcc.before < 0.8, mcc.after > 0.95]).toEqual([method, true, true]);
      const [first, last] = [frames[0]!, frames.at(-1)!];
      expect([first.q, first.p, first.kinetic]).toEqual([0, 0, 0]);
      expect(last.potential).toBeLessThan(first.potential / 2);
      for (const { kinetic, potential, energy } of frames)
        expect(energy).toBeCloseTo(kinetic + potential, 12);
      expect(states).toHaveLength(41);
      if (method === 'energy-conserving')
        for (const { kinetic } of frames.slice(1)) expect(kinetic).toBeCloseTo(0.5, 6);
      else expect(last.kinetic).toBeLessThan(1e-3);
    }
  });
});

describe('attacks', () => {
  test('a model without superposition is as vulnerable as itself, and an attack never helps', () => {
    const task = toyTask({ features: 4, neurons: 4, sparsity: 0.5, bias: false });
    const W_NM = Float64Array.from({ length: 16 }, (_, at) => Number(at % 5 === 0));
    const { clean, attacked, relative } = vulnerability(task, {
      ...{ features: 4, neurons: 4, W_NM, b_N: new Float64Array(4) },
    });
    expect(clean).toBe(0);
    // One output moved by ε costs ε²/n where it is not cut off.
    expect(attacked).toBeGreaterThan(0.5 * (0.1 ** 2 / 4));
    expect(attacked).toBeLessThanOrEqual(0.1 ** 2 / 4 + 1e-12);
    expect(relative).toBeCloseTo(1, 12);
  });

  test('vulnerability rises with features per dimension', async () => {
    const tasks = [0, 0.8, 0.98].map((sparsity) => toyTask({ features: 20, neurons: 5, sparsity }));
    const curve = await vulnerabilityCurve(
      tasks,
      { steps: 2000, learningRate: 0.01 },
      { samples: 300 },
      context,
    );
    const [dense, middle, sparse] = curve as [(typeof curve)[0], (typeof curve)[0], (typeof curve)[0]];
    expect(dense.featuresPerDimension).toBeLessThan(middle.featuresPerDimension);
    expect(middle.featuresPerDimension).toBeLessThan(sparse.featuresPerDimension);
    expect(dense.relative).toBeLessThan(1.6);
    expect(sparse.relative).toBeGreaterThan(1.5 * dense.relative);
  });
});

describe('bad input', () => {
  const options = { features: 5, neurons: 2, sparsity: 0.9 };
  test.each<[string, Partial<ToyOptions>, string]>([
    ['no features', { features: 0 }, 'superposition.features'],
    ['half a neuron', { neurons: 0.5 }, 'superposition.features'],
    ['sparsity 1', { sparsity: 1 }, 'superposition.sparsity'],
    ['a sparsity that is no number', { sparsity: Number.NaN }, 'superposition.sparsity'],
    ['an importance that overflows', { importance: 1e200 }, 'superposition.importance'],
    ['too few importances', { importance: [1, 2] }, 'superposition.importance'],
    ['importances of 0', { importance: 0, features: 1, neurons: 1 }, ''],
    ['only importances of 0', { importance: [0, 0, 0, 0, 0] }, 'superposition.importance'],
    ['a group of one', { groups: [{ kind: 'together', features: [1] }] }, 'superposition.groups'],
    ['a feature in two groups', { groups: [{ kind: 'together', features: [1, 1] }] }, 'superposition.groups'],
    ['an unknown feature', { groups: [{ kind: 'together', features: [1, 9] }] }, 'superposition.groups'],
    [
      'more exclusive features than fit',
      { sparsity: 0.5, groups: [{ kind: 'exclusive', features: [0, 1, 2] }] },
      'superposition.groups',
    ],
  ])('%s', (_name, wrong, code) => {
    const make = () => toyTask({ ...options, ...wrong });
    // 0⁰ = 1: a single feature of decay 0 has importance 1.
    if (code === '') expect(make().importance_N).toEqual([1]);
    else expect(make).toThrow(expect.objectContaining({ code, hint: expect.any(String) }));
  });

  test('training that cannot be: steps, mixed forms, a rate that diverges', async () => {
    const task = toyTask(options);
    const instance = { task, seed: 0 };
    const other = { task: toyTask({ ...options, neurons: 3 }), seed: 0 };
    const code = (name: string) => expect.objectContaining({ code: name });
    await expect(trainToys([instance], { steps: 0 }, context)).rejects.toEqual(
      code('superposition.training'),
    );
    await expect(trainToys([instance], { learningRate: -1 }, context)).rejects.toEqual(
      code('superposition.training'),
    );
    await expect(trainToys([instance, other], {}, context)).rejects.toEqual(code('superposition.mixed'));
    await expect(trainToys([instance], { steps: 50, learningRate: 1e30 }, context)).rejects.toEqual(
      code('superposition.diverged'),
    );
    await expect(trainToys([instance], {}, { ...context, signal: AbortSignal.abort() })).rejects.toEqual(
      code('interrupted'),
    );
    expect(await trainToys([], {}, context)).toEqual([]);
  });

  test('no closed form for groups and the absolute value; nothing to disentangle in a model of zeros', async () => {
    const grouped = toyTask({ ...options, groups: [{ kind: 'together', features: [0, 1] }] });
    const code = (name: string) => expect.objectContaining({ code: name });
    for (const task of [grouped, toyTask({ ...options, kind: 'absolute' })])
      expect(() => toyLandscape(task)).toThrow(code('superposition.no-closed-form'));
    const zeros = { features: 5, neurons: 2, W_NM: new Float64Array(10), b_N: new Float64Array(5) };
    await expect(disentangle(toyTask(options), zeros, {}, context)).rejects.toEqual(
      code('superposition.nothing-learned'),
    );
  });
});
