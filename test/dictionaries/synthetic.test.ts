import { beforeAll, describe, expect, test } from 'vitest';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { silent } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { recovery, syntheticRows } from '../../src/dictionaries/synthetic.ts';
import { trainDictionary } from '../../src/dictionaries/train.ts';

beforeAll(async () => {
  await buildKernels();
});

describe('synthetic data', () => {
  const shape = { rows: 30_000, width: 128, features: 512, active: 4 };
  const { x_ND, truth_GD } = syntheticRows(shape, random(7));

  test('has unit directions and as many active features as asked for', () => {
    const { x_ND: one, truth_GD: axis } = syntheticRows(
      { rows: 20_000, width: 40, features: 8, active: 2 },
      random(1),
    );
    for (let g = 0; g < 8; g++) expect(Math.hypot(...axis.subarray(g * 40, (g + 1) * 40))).toBeCloseTo(1, 5);
    // With independent unit directions in a wide space, E‖x‖² is the sum of the features' own E a².
    let energy = 0;
    for (const v of one) energy += v * v;
    const own = 2 * (1 + 1 / 12);
    const cross = cosines(axis, 8, 40).reduce((sum, c) => sum + c, 0) * (2 / 8) ** 2;
    expect(energy / 20_000 / (own + cross)).toBeCloseTo(1, 1);
  });

  test('known features are found: 512 directions in 128 dimensions, 4 active on average', async () => {
    const { dictionary } = await trainDictionary(
      { x_ND, width: 128 },
      {
        ...{
          architecture: 'batchtopk',
          features: 512,
          k: 4,
          tokens: 1_500_000,
          batch: 1024,
          learningRate: 3e-3,
        },
        ...{ site: 'synthetic', modelHash: '', sinkNorm: 1e9 },
      },
      { progress: silent, threads: 2 },
    );
    const score = recovery(dictionary.W_dec_FD, truth_GD, 128);
    expect(score.matched).toBeGreaterThan(0.9);
    expect(score.greedy).toBeLessThanOrEqual(score.matched + 1e-9);
  });
});

/** Cosines of all pairs i ≠ j. */
function cosines(rows: Float32Array, n: number, D: number): number[] {
  const all: number[] = [];
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      if (i === j) continue;
      let dot = 0;
      for (let d = 0; d < D; d++) dot += rows[i * D + d]! * rows[j * D + d]!;
      all.push(dot);
    }
  return all;
}
