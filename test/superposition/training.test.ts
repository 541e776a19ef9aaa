import { describe, expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { deviation, learnedPolytopes } from '../../src/superposition/checks.ts';
import { describePolytopes, polytopes } from '../../src/superposition/geometry.ts';
import { openLanes } from '../../src/superposition/lanes.ts';
import { measureToy, stickyFraction } from '../../src/superposition/measures.ts';
import { startWeights } from '../../src/superposition/start.ts';
import { toyTask } from '../../src/superposition/task.ts';
import { trainToys } from '../../src/superposition/train.ts';
import type { ToyWeights } from '../../src/superposition/types.ts';
import { basinShares } from './base-rates.ts';

const context = { threads: 1, progress: silent };

/** Where each parameter lies in a gradient, and a copy of the weights with one of them moved. */
function moved(weights: ToyWeights, at: number, by: number): ToyWeights {
  const parts = [weights.encoder_NM ?? new Float64Array(0), weights.W_NM, weights.b_N].map((part) =>
    part.slice(),
  );
  let index = at;
  for (const part of parts) {
    if (index < part.length) {
      part[index]! += by;
      break;
    }
    index -= part.length;
  }
  const [encoder_NM, W_NM, b_N] = parts as [Float64Array, Float64Array, Float64Array];
  return { ...weights, W_NM, b_N, ...(weights.encoder_NM ? { encoder_NM } : {}) };
}

describe('the kernel', () => {
  test.each([
    { kind: 'relu' as const },
    { kind: 'linear' as const },
    { kind: 'absolute' as const },
    { kind: 'relu' as const, groups: [{ kind: 'together' as const, features: [3, 1] }] },
    { kind: 'relu' as const, groups: [{ kind: 'exclusive' as const, features: [0, 2, 4] }] },
  ])('has the gradient of its own loss on the same samples: %o', (form) => {
    const task = toyTask({ features: 6, neurons: 3, sparsity: 0.7, importance: 0.8, ...form });
    const weights = { ...startWeights(task, 2), b_N: Float64Array.from([0.1, -0.1, 0.2, 0.05, 0.1, -0.2]) };
    const at = (from: ToyWeights) => {
      const options = { steps: 1, batch: 4000, learningRate: 1, pace: () => 1 };
      const lanes = openLanes([{ task, seed: 5 }], options, [from]);
      return { loss: lanes.sampleGradients()[0]!, gradient: lanes.gradient(0) };
    };
    const { gradient } = at(weights);
    const by = 2e-3;
    for (let i = 0; i < gradient.length; i++) {
      const difference = (at(moved(weights, i, by)).loss - at(moved(weights, i, -by)).loss) / (2 * by);
      expect(Math.abs(difference - gradient[i]!)).toBeLessThan(2e-4);
    }
    expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(1e-2);
  });

  test('draws features of a group together, or never two of them', () => {
    // A linear model without weights: its bias gradient is −2 I E[x]/n, its loss E[x²]/n.
    const options = { kind: 'linear' as const, features: 3, neurons: 1, sparsity: 0.75 };
    const nothing = { features: 3, neurons: 1, W_NM: new Float64Array(3), b_N: new Float64Array(3) };
    for (const kind of ['together', 'exclusive'] as const) {
      const task = toyTask({ ...options, groups: [{ kind, features: [0, 1, 2] }] });
      const once = { steps: 1, batch: 400_000, learningRate: 1, pace: () => 1 };
      // W = (1, 1, 1): h is the sum, whose second moment tells whether features meet.
      const sums = { ...nothing, W_NM: Float64Array.from([1, 1, 1]) };
      const lanes = openLanes([{ task, seed: 1 }], once, [nothing]);
      expect(lanes.sampleGradients()[0]).toBeCloseTo(0.25 / 3, 2);
      const meeting = openLanes([{ task, seed: 1 }], once, [sums]).sampleGradients()[0]!;
      // (1/3) Σ_i E[(s − x_i)²] with s the sum of three: others are active with x_i, or never.
      const others = kind === 'together' ? 0.25 * (2 / 3 + 2 / 4) : 0.25 * (2 / 3);
      expect(meeting).toBeCloseTo(others, 2);
    }
  });

  test('gives an instance the same weights alone, among others, and on threads', async () => {
    const task = toyTask({ features: 5, neurons: 2, sparsity: 0.9, importance: 0.9 });
    const instances = Array.from({ length: 9 }, (_, seed) => ({ task, seed }));
    const [alone] = await trainToys([{ task, seed: 6 }], { steps: 200 }, context);
    const among = await trainToys(instances, { steps: 200 }, context);
    expect(among[6]!.weights).toEqual(alone!.weights);
    expect(among[5]!.weights).not.toEqual(alone!.weights);
    // Enough work for threads to be used.
    const many = { steps: 25, batch: 40_000 };
    const [threaded, single] = [
      await trainToys(instances, many, { threads: 2, progress: silent }),
      await trainToys(instances, many, context),
    ];
    expect(threaded.map(({ weights }) => weights)).toEqual(single.map(({ weights }) => weights));
  });

  test('keeps biases at 0 when they are not learned', async () => {
    const task = toyTask({ features: 4, neurons: 2, sparsity: 0.8, bias: false });
    const [toy] = await trainToys([{ task, seed: 0 }], { steps: 50 }, context);
    expect([...toy!.weights.b_N]).toEqual([0, 0, 0, 0]);
  });
});

describe('what is learned', () => {
  test.each(learnedPolytopes)(
    'corners of a $name have the dimensionality $value',
    async ({ name, value, options }) => {
      expect(await deviation(name, value, options, context)).toBeLessThan(0.02);
    },
  );

  test('is the identity where features are fewer than neurons', async () => {
    const task = toyTask({ features: 2, neurons: 4, sparsity: 0.5 });
    const [toy] = await trainToys([{ task, seed: 0 }], { steps: 2000, learningRate: 0.01 }, context);
    expect(describePolytopes(polytopes(toy!.weights))).toBe('2 × alone');
    for (const d of measureToy(toy!.weights).dimensionality_N) expect(stickyFraction(d)?.name).toBe('alone');
    expect(toy!.loss).toBeLessThan(1e-5);
  });

  test('is the m most important features where a linear model is asked', async () => {
    const task = toyTask({ kind: 'linear', features: 6, neurons: 3, sparsity: 0.99, importance: 0.7 });
    const [toy] = await trainToys(
      [{ task, seed: 0 }],
      { steps: 3000, batch: 2048, learningRate: 0.01 },
      context,
    );
    expect(measureToy(toy!.weights).represented).toEqual([0, 1, 2]);
  });

  test('is the absolute value, with neurons for both signs', async () => {
    const task = toyTask({ kind: 'absolute', features: 3, neurons: 6, sparsity: 0.5 });
    const seeds = Array.from({ length: 8 }, (_, seed) => ({ task, seed }));
    const losses = (await trainToys(seeds, { steps: 3000, learningRate: 0.01 }, context)).map(
      ({ loss }) => loss,
    );
    // Answering the mean would cost p/3 − (p/2)² = 0.104; a feature whose neurons died, some 0.02.
    expect(Math.min(...losses)).toBeLessThan(1e-3);
    expect(Math.max(...losses)).toBeLessThan(0.08);
  });

  test('is the pentagon from as many starts as the base rates say (40 seeds, one learning rate)', async () => {
    const [found] = await basinShares([0.01], 40, context);
    expect(found!.share).toBeGreaterThanOrEqual(found!.interval[0]);
    expect(found!.share).toBeLessThanOrEqual(found!.interval[1]);
  });
});
