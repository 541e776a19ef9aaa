import { beforeAll, describe, expect, test } from 'vitest';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { random } from '../../src/core/random.ts';
import type { DictionaryConfig } from '../../src/dictionaries/config-schema.ts';
import { decode, encoder } from '../../src/dictionaries/encoder.ts';
import { fractionOfVarianceExplained } from '../../src/dictionaries/fve.ts';
import { openGraphTrainer } from '../../src/dictionaries/graph-trainer.ts';
import { unpackState } from '../../src/dictionaries/packed-state.ts';
import { planTraining } from '../../src/dictionaries/plan-training.ts';
import { type ActivationRows, batchOrder, rowCount } from '../../src/dictionaries/rows.ts';
import {
  bestAssignment,
  greedyAssignment,
  recovery,
  syntheticRows,
} from '../../src/dictionaries/synthetic.ts';
import type { StepReport } from '../../src/dictionaries/trainer.ts';
import type { Dictionary } from '../../src/dictionaries/types.ts';
import { normals } from './support.ts';

beforeAll(async () => {
  await buildKernels();
});

type Asked = Omit<DictionaryConfig, 'site' | 'modelHash' | 'sinkNorm'>;

function opened(source: ActivationRows, config: Asked) {
  const { width, outputWidth, sites } = source;
  const plan = planTraining(
    { site: 'site', modelHash: '', sinkNorm: 1e9, ...config },
    {
      ...{ rows: rowCount(source), width },
      ...(outputWidth !== undefined && { outputWidth }),
      ...(sites && { blocks: sites.map((s) => s.width) }),
    },
  );
  return openGraphTrainer({ plan, source, order: batchOrder(plan, rowCount(source)), threads: 1 });
}

/** Trains to the end; a report of each step. */
async function trained(source: ActivationRows, config: Asked) {
  const trainer = await opened(source, config);
  const reports: StepReport[] = [];
  await trainer.run(Number.POSITIVE_INFINITY, (report) => reports.push(report));
  const dictionary = trainer.dictionary();
  await trainer.close();
  return { dictionary, reports };
}

async function reconstruct(d: Dictionary, x: Float32Array) {
  const e = await encoder(d);
  const code = await e.encode(x);
  await e.release();
  return { code, out: decode(d, code, x) };
}

const width = 16;
const { x_ND, truth_GD } = syntheticRows({ rows: 6000, width, features: 24, active: 2 }, random(1));
const source = { x_ND, width };
const small = { features: 24, batch: 200, passes: 6 } as const;
const mean = (reports: readonly StepReport[], of: 'loss' | 'l0') =>
  reports.reduce((sum, report) => sum + report[of], 0) / reports.length;

describe('every kind on the graph engine', () => {
  const kinds: Asked[] = [
    { ...small, architecture: 'relu', penalty: 0.3 },
    { ...small, architecture: 'relu', penalty: 0.3, penaltyForm: 'decoder-norm', decoderNorm: 'free' },
    { ...small, architecture: 'p-anneal', penalty: 0.3 },
    { ...small, architecture: 'gated', penalty: 0.3 },
    { ...small, architecture: 'topk', k: 3 },
    { ...small, architecture: 'batchtopk', k: 3 },
    { ...small, architecture: 'jumprelu', penalty: 0.3 },
    { ...small, architecture: 'matryoshka', k: 3, groups: [8, 24] },
    { ...small, architecture: 'matching-pursuit', k: 3 },
  ];
  test.each(kinds)(
    '$architecture: the dictionary for raw rows reconstructs as training did',
    async (config) => {
      const { dictionary, reports } = await trained(source, { ...config, learningRate: 5e-3 });
      expect(mean(reports.slice(-20), 'loss')).toBeLessThan(0.5 * reports[0]!.loss);
      const { out } = await reconstruct(dictionary, x_ND);
      const fve = fractionOfVarianceExplained(x_ND, out, width);
      // The loss is in units of variance D; a threshold is not the batch's own choice, so BatchTopK may differ a little.
      expect(fve).toBeCloseTo(1 - mean(reports.slice(-20), 'loss') / width, 1);
      expect(fve).toBeGreaterThan(0.5);
      for (let f = 0; f < dictionary.features; f++)
        expect(Math.hypot(...dictionary.W_dec_FD.subarray(f * width, (f + 1) * width))).toBeCloseTo(1, 4);
    },
  );

  test.each(['saelens', 'dictionary_learning'] as const)('kinds train with the preset %s', async (preset) => {
    for (const architecture of ['relu', 'gated', 'topk', 'batchtopk', 'jumprelu', 'matryoshka'] as const) {
      const { reports } = await trained(source, {
        ...{ architecture, preset, features: 24, batch: 200, tokens: 24_000, learningRate: 5e-3 },
        ...(/topk|matryoshka/.test(architecture) && { k: 3 }),
      });
      expect(mean(reports.slice(-10), 'loss')).toBeLessThan(reports[0]!.loss);
    }
  });
});

describe('options', () => {
  test.each([
    [{ name: 'heavy-ball', momentum: 0.9, mass: 1 }, 2e-3],
    [{ name: 'conformal-leapfrog', momentum: 0.9, mass: 1 }, 2e-3],
    [{ name: 'relativistic', momentum: 0.9, mass: 1, speed: 1 }, 2e-3],
    [{ name: 'ecd', eta: 10, floor: 0, noise: 0 }, 0.3],
  ] as const)('$name lowers the loss', async (optimiser, learningRate) => {
    const { reports } = await trained(source, {
      ...{ ...small, architecture: 'topk', k: 3, optimiser, learningRate, clip: 1e9, auxiliary: 0 },
    });
    expect(mean(reports.slice(-20), 'loss')).toBeLessThan(0.6 * reports[0]!.loss);
  });

  test.each([
    ['relu', 3],
    ['gated', 3],
    ['jumprelu', 1.5],
  ] as const)('%s: a wanted L0 is reached by controlling λ', async (architecture, targetL0) => {
    const { reports } = await trained(source, {
      ...{
        architecture,
        features: 24,
        batch: 100,
        passes: 24,
        targetL0,
        learningRate: 3e-3,
        penaltyWarmUp: 0,
      },
    });
    expect(Math.abs(mean(reports.slice(-100), 'l0') / targetL0 - 1)).toBeLessThan(0.1);
  });

  test('k falls while training', async () => {
    const { reports, dictionary } = await trained(source, {
      ...{ ...small, architecture: 'batchtopk', k: 2, kStart: 10, kSteps: 100 },
    });
    expect(reports[49]!.l0).toBeCloseTo(6, 0);
    expect(reports.at(-1)!.l0).toBeLessThanOrEqual(2 + 1e-6);
    expect(dictionary.activation.kind).toBe('threshold');
  });

  test('resampling brings dead features back', async () => {
    // A penalty that kills nearly all at first, and falls then.
    const killed = {
      ...{
        ...small,
        passes: 20,
        architecture: 'relu' as const,
        penalty: 8,
        penaltyWarmUp: 0,
        deadAfter: 2000,
      },
      ...{ penaltyDecay: 0.7, penaltyFloor: 0.02, learningRate: 5e-3 },
    } as const;
    const plain = await trained(source, killed);
    const revived = await trained(source, { ...killed, resampleEvery: 50, resampleUntil: 0.9 });
    expect(plain.reports.at(-1)!.dead).toBeGreaterThan(15);
    expect(revived.reports.at(-1)!.dead).toBeLessThan(5);
    expect(revived.reports.at(-1)!.loss).toBeLessThan(0.3 * plain.reports.at(-1)!.loss);
  });

  test('resampling works for every kind and gives its own vectors their start values', async () => {
    for (const architecture of ['gated', 'jumprelu', 'matching-pursuit'] as const) {
      const trainer = await opened(source, {
        ...{ ...small, architecture, penalty: 40, penaltyWarmUp: 0, learningRate: 1e-2 },
        ...(architecture === 'matching-pursuit' && { k: 1, features: 200 }),
        ...{ resampleEvery: 4, resampleUntil: 1 },
      });
      let dead = 0;
      await trainer.run(40, () => dead++);
      const { head } = unpackState(trainer.state);
      await trainer.close();
      expect(dead).toBe(40);
      const { silent } = (head as { moving: { silent: number[] } }).moving;
      // Those silent for longer than half of the steps between two resamplings began anew at step 40.
      expect(silent.every((rows) => rows <= 2 * small.batch)).toBe(true);
    }
  });

  test('the auxiliary loss brings dead features back', async () => {
    // More true features than learned ones, so that all are needed, and a rate that kills some.
    const { x_ND } = syntheticRows({ rows: 6000, width, features: 100, active: 2 }, random(1));
    const config = {
      ...{
        ...small,
        passes: 20,
        architecture: 'topk' as const,
        features: 64,
        k: 2,
        deadAfter: 2000,
        learningRate: 3e-2,
      },
    } as const;
    const plain = await trained({ x_ND, width }, { ...config, auxiliary: 0 });
    const helped = await trained({ x_ND, width }, { ...config, auxiliary: 0.3 });
    expect(plain.reports.at(-1)!.dead).toBeGreaterThan(1);
    expect(helped.reports.at(-1)!.dead).toBe(0);
  });

  test('the start from data and the geometric median are what they say', async () => {
    const shifted = { x_ND: x_ND.map((v, i) => v + (i % width)), width };
    const trainer = await opened(shifted, {
      ...{
        ...small,
        architecture: 'topk',
        k: 3,
        startFrom: 'data',
        startBias: 'geometric-median',
        normalise: 'none',
      },
      preBias: true,
    });
    const d = trainer.dictionary();
    await trainer.close();
    const middle = new Float64Array(width);
    shifted.x_ND.forEach((v, i) => {
      middle[i % width]! += v / 6000;
    });
    for (let j = 0; j < width; j++) expect(Math.abs(d.b_dec_D[j]! - middle[j]!)).toBeLessThan(0.2);
    const row = Array.from(d.W_dec_FD.subarray(0, width));
    const cosine = (n: number) => {
      const z = row.map((_, j) => shifted.x_ND[n * width + j]! - middle[j]!);
      return z.reduce((sum, v, j) => sum + v * row[j]!, 0) / Math.hypot(...z);
    };
    expect(Math.max(...Array.from({ length: 6000 }, (_, n) => cosine(n)))).toBeCloseTo(1, 3);
  });

  test('interference weighs on overlapping decoder rows that are active together', async () => {
    const config = { ...small, passes: 10, architecture: 'topk', k: 3, learningRate: 5e-3 } as const;
    const overlap = ({ W_dec_FD }: Dictionary) => {
      let sum = 0;
      for (let i = 0; i < 24; i++)
        for (let j = 0; j < i; j++) {
          let dot = 0;
          for (let d = 0; d < width; d++) dot += W_dec_FD[i * width + d]! * W_dec_FD[j * width + d]!;
          sum += Math.max(0, dot) ** 2;
        }
      return sum;
    };
    const plain = await trained(source, config);
    const apart = await trained(source, { ...config, interference: 20 });
    expect(overlap(apart.dictionary)).toBeLessThan(0.8 * overlap(plain.dictionary));
    const pursuit = { ...config, architecture: 'matching-pursuit' } as const;
    const pursued = await trained(source, pursuit);
    const pursuedApart = await trained(source, { ...pursuit, interference: 20 });
    expect(overlap(pursuedApart.dictionary)).toBeLessThan(0.8 * overlap(pursued.dictionary));
  });
});

describe('resuming', () => {
  test.each<Asked>([
    { ...small, architecture: 'batchtopk', k: 3, auxiliary: 1, deadAfter: 300 },
    { ...small, architecture: 'p-anneal', penalty: 0.4, pStart: 20, pUpdates: 12 },
    { ...small, architecture: 'jumprelu', targetL0: 2 },
    { ...small, architecture: 'relu', penalty: 5, resampleEvery: 30, resampleUntil: 1 },
    {
      ...small,
      architecture: 'gated',
      optimiser: { name: 'ecd', eta: 10, floor: 0, noise: 0.1 },
      learningRate: 0.1,
    },
  ])('$architecture goes on to the bit from its state', async (config) => {
    const whole = await opened(source, config);
    const curve: number[] = [];
    await whole.run(Number.POSITIVE_INFINITY, ({ loss }) => curve.push(loss));
    const first = await opened(source, config);
    const parts: number[] = [];
    await first.run(77, ({ loss }) => parts.push(loss));
    const state = first.state.slice();
    await first.close();
    const second = await opened(source, config);
    second.restore(state);
    expect(second.steps).toBe(77);
    await second.run(Number.POSITIVE_INFINITY, ({ loss }) => parts.push(loss));
    expect(parts).toEqual(curve);
    expect(second.dictionary()).toEqual(whole.dictionary());
    expect(() => second.restore(new Uint8Array(7))).toThrow(
      expect.objectContaining({ code: 'dictionary.checkpoint' }),
    );
    await Promise.all([whole.close(), second.close()]);
  });
});

describe('odd shapes', () => {
  test.each<[string, number, number, Asked]>([
    ['a width of 1', 1, 300, { architecture: 'relu', features: 4, passes: 2 }],
    ['one feature', 5, 300, { architecture: 'gated', features: 1, passes: 2 }],
    [
      'one feature and interference',
      5,
      300,
      { architecture: 'relu', features: 1, passes: 2, interference: 1 },
    ],
    ['k larger than the width', 3, 300, { architecture: 'batchtopk', features: 12, k: 8, passes: 2 }],
    [
      'pursuit with k larger than the width',
      3,
      300,
      { architecture: 'matching-pursuit', features: 5, k: 5, passes: 2 },
    ],
    [
      'fewer rows than features',
      6,
      20,
      { architecture: 'topk', features: 50, k: 3, passes: 2, startFrom: 'data' },
    ],
    ['one row', 6, 2, { architecture: 'jumprelu', features: 4, passes: 2 }],
  ])('%s', async (_name, D, rows, config) => {
    const { dictionary } = await trained({ x_ND: normals(random(2), rows * D), width: D }, config);
    expect(dictionary.W_dec_FD.every(Number.isFinite)).toBe(true);
    expect(dictionary.b_enc_F.every(Number.isFinite)).toBe(true);
  });

  test('NaN activations and constant sites are refused', async () => {
    const broken = x_ND.slice();
    broken[99] = Number.NaN;
    const bad = (x: Float32Array) => opened({ x_ND: x, width }, { ...small, architecture: 'relu' });
    await expect(bad(broken)).rejects.toMatchObject({ code: 'dictionary.not-finite' });
    await expect(bad(new Float32Array(1600).fill(2))).rejects.toMatchObject({ code: 'dictionary.constant' });
  });
});

describe('recovery', () => {
  test('the true directions score 1, in any order and with others between', async () => {
    const shuffled = new Float32Array(30 * width);
    Array.from(random(3).permutation(30)).forEach((to, g) => {
      if (g < 24) shuffled.set(truth_GD.subarray(g * width, (g + 1) * width), to * width);
    });
    const score = recovery(shuffled, truth_GD, width);
    for (const name of ['matched', 'greedy', 'nearest', 'found'] as const)
      expect(score[name]).toBeCloseTo(1, 6);
    const half = recovery(truth_GD.subarray(0, 12 * width), truth_GD, width);
    expect(half.matched).toBeCloseTo(0.5, 6);
    expect(half.nearest).toBeGreaterThan(half.matched);
  });

  test('the assignment has the largest sum, which the greedy one may miss', () => {
    const r = random(21);
    for (let round = 0; round < 30; round++) {
      const [G, F] = [4, 4 + (round % 2)];
      const score = Float64Array.from({ length: G * F }, () => r.uniform());
      const total = (assigned: Int32Array) =>
        assigned.reduce((sum, f, g) => sum + (f < 0 ? 0 : score[g * F + f]!), 0);
      let best = 0;
      const choose = (g: number, used: number, sum: number): void => {
        if (g === G) best = Math.max(best, sum);
        else
          for (let f = 0; f < F; f++)
            if (!(used & (1 << f))) choose(g + 1, used | (1 << f), sum + score[g * F + f]!);
      };
      choose(0, 0, 0);
      expect(total(bestAssignment(score, G, F))).toBeCloseTo(best, 12);
      expect(total(greedyAssignment(score, G, F))).toBeLessThanOrEqual(best + 1e-12);
    }
    // Greedy takes 0.9 and is left with 0.
    const trap = Float64Array.of(0.9, 0.8, 0.8, 0);
    expect(Array.from(bestAssignment(trap, 2, 2))).toEqual([1, 0]);
    expect(Array.from(greedyAssignment(trap, 2, 2))).toEqual([0, 1]);
  });

  test('matching pursuit finds the directions that made the data', async () => {
    const { dictionary } = await trained(source, {
      ...{ features: 24, batch: 200, passes: 60, architecture: 'matching-pursuit', k: 2, learningRate: 1e-2 },
    });
    expect(recovery(dictionary.W_dec_FD, truth_GD, width).matched).toBeGreaterThan(0.9);
  });
});
