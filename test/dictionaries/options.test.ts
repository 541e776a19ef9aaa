import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import { dictionaryConfigSchema } from '../../src/dictionaries/config-schema.ts';
import { annealed, controlled, learnedThreshold, powersAt } from '../../src/dictionaries/controls.ts';
import { type Course, constant, courseAt } from '../../src/dictionaries/courses.ts';
import { kAt } from '../../src/dictionaries/plan.ts';
import { planTraining } from '../../src/dictionaries/plan-training.ts';
import { resample } from '../../src/dictionaries/resample.ts';
import { geometricMedian } from '../../src/dictionaries/starts.ts';
import { normals } from './support.ts';

const about = { site: 'site', modelHash: '', sinkNorm: 1e9 };
const data = { rows: 100_000, width: 64 };

describe('courses', () => {
  const course: Course = { ...constant(2), warmUp: 4, decay: 0.25 };
  const over = (c: Course, steps: number) => Array.from({ length: steps }, (_, i) => courseAt(c, i, steps));

  test('rise linearly, stay, and fall linearly to one share short of 0', () => {
    const values = over(course, 20);
    expect(values.slice(0, 5)).toEqual([0.5, 1, 1.5, 2, 2]);
    values.slice(14).forEach((v, i) => {
      expect(v).toBeCloseTo((2 * (6 - i)) / 6, 12);
    });
  });

  test('a cosine is half-way in the middle of the decay and ends at the floor', () => {
    const values = over({ ...constant(1), decay: 1, shape: 'cosine', floor: 0.1 }, 999);
    expect(values[499]).toBeCloseTo(0.55, 2);
    expect(values.at(-1)).toBeCloseTo(0.1, 4);
    values.forEach((v, i) => {
      const t = (i + 1) / 1000;
      expect(v).toBeCloseTo(0.1 + 0.9 * 0.5 * (1 + Math.cos(Math.PI * t)), 12);
    });
  });

  test('k falls to its value over its steps', () => {
    const plan = planTraining(
      { ...about, architecture: 'topk', features: 64, k: 4, kStart: 24, kSteps: 10, batch: 100, passes: 1 },
      data,
    );
    const ks = Array.from({ length: 12 }, (_, i) => kAt(plan, i, courseAt));
    expect(ks).toEqual([22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 4, 4]);
    expect(plan.kFinal).toBe(4);
  });

  test('lie between their ends, whatever they are', () => {
    const any = fc.record({
      value: fc.double({ min: 0.01, max: 10, noNaN: true }),
      warmUp: fc.integer({ min: 0, max: 50 }),
      decay: fc.double({ min: 0, max: 1, noNaN: true }),
      shape: fc.constantFrom('linear' as const, 'cosine' as const),
      floor: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(any, fc.integer({ min: 1, max: 60 }), (c, steps) => {
        for (const v of over(c, steps)) {
          expect(v).toBeGreaterThan(0);
          expect(v).toBeLessThanOrEqual(c.value * (1 + 1e-12));
        }
      }),
    );
  });
});

describe('controls', () => {
  test('λ comes to rest where L0 is the target', () => {
    // A toy whose L0 falls with λ: L0 = 40 / (1 + λ).
    let factor = 1;
    for (let i = 0; i < 3000; i++) factor = controlled(factor, 40 / (1 + factor), 5, 0.02);
    expect(40 / (1 + factor)).toBeCloseTo(5, 6);
    expect(controlled(1, 1e9, 5, 0.02)).toBeCloseTo(Math.exp(0.02), 12);
  });

  test('the threshold starts at the first value seen and then averages; nothing active counts as 0', () => {
    expect(learnedThreshold(undefined, 3, 0.9)).toBe(3);
    expect(learnedThreshold(3, 1, 0.9)).toBeCloseTo(2.8, 12);
    expect(learnedThreshold(3, 3e38, 0.9)).toBeCloseTo(2.7, 12);
  });

  test('p takes its values in turn, and λ keeps the size of the penalty', () => {
    const course = { from: 1, to: 0.5, start: 10, updates: 3, queue: 4, form: 'lp^p' } as const;
    const ps = Array.from({ length: 30 }, (_, i) => powersAt(course, i, 30));
    // Updates at steps 10, 20 and 30: 1, 0.75, 0.5, each from the step after on.
    expect(ps[10]).toEqual({ p: 1, next: 1 });
    expect(ps[11]).toEqual({ p: 1, next: 0.75 });
    expect(ps[21]).toEqual({ p: 0.75, next: 0.5 });
    let state = { factor: 1, seen: [] as readonly (readonly [number, number])[] };
    for (let step = 0; step <= 20; step++)
      state = annealed(state, course, step, { steps: 30, now: 6, next: 2 });
    expect(state).toEqual({ factor: 9, seen: [] });
  });
});

describe('starts', () => {
  test('the geometric median of points on a line is their median, and outliers do not move it', () => {
    const line = Float32Array.of(0, 0, 1, 0, 2, 0, 3, 0, 1000, 0);
    expect(geometricMedian(line, 2, { most: 2000, tolerance: 1e-12 })[0]).toBeCloseTo(2, 2);
    const x = normals(random(1), 300 * 3);
    for (let i = 0; i < 40 * 3; i++) x[i] = 1e4;
    const median = geometricMedian(x, 3, { most: 2000, tolerance: 1e-10 });
    for (const v of median) expect(Math.abs(v)).toBeLessThan(0.5);
    // At the median the unit vectors to all points add up to 0.
    const pull = [0, 0, 0];
    for (let n = 0; n < 300; n++) {
      const row = [0, 1, 2].map((d) => x[n * 3 + d]! - median[d]!);
      const size = Math.hypot(...row);
      row.forEach((v, d) => {
        pull[d]! += v / size;
      });
    }
    expect(Math.hypot(...pull)).toBeLessThan(1e-3);
  });
});

describe('resampling', () => {
  test('gives dead features the directions of rows with a large loss, and forgets their moments', () => {
    const [B, D, F] = [6, 3, 4];
    const x_BD = normals(random(3), B * D);
    const rewritable = (n: number) => ({
      value: normals(random(4), n),
      remembered: [new Float32Array(n).fill(7)],
    });
    const [W_enc_FD, b_enc_F, W_dec_FD] = [rewritable(F * D), rewritable(F), rewritable(F * D)];
    const before = W_enc_FD.value.slice();
    const errors_B = Float32Array.of(0, 0, 5, 0, 2, 0);
    const replaced = resample({
      ...{ dead: [1, 3], W_enc_FD, b_enc_F, W_dec_FD, x_BD, y_BE: x_BD, errors_B },
      ...{ b_dec_E: new Float32Array(D), decoderNorm: 1, random: random(5) },
    });
    expect(replaced).toEqual([1, 3]);
    const living = (Math.hypot(...before.subarray(0, 3)) + Math.hypot(...before.subarray(6, 9))) / 2;
    const rows = [2, 4].map((n) => Array.from(x_BD.subarray(n * D, (n + 1) * D)));
    const used = [1, 3].map((f) => {
      const dec = Array.from(W_dec_FD.value.subarray(f * D, (f + 1) * D));
      const n = rows.findIndex((row) =>
        row.every((v, d) => Math.abs(v / Math.hypot(...row) - dec[d]!) < 1e-6),
      );
      expect(Math.hypot(...W_enc_FD.value.subarray(f * D, (f + 1) * D))).toBeCloseTo(0.2 * living, 5);
      expect(b_enc_F.value[f]).toBe(0);
      expect(W_dec_FD.remembered[0]!.subarray(f * D, (f + 1) * D)).toEqual(new Float32Array(D));
      return n;
    });
    // Only rows with a loss are drawn, none twice; living features keep everything.
    expect(used.toSorted()).toEqual([0, 1]);
    expect(W_enc_FD.value.subarray(0, 3)).toEqual(before.subarray(0, 3));
    expect(W_enc_FD.remembered[0]![0]).toBe(7);
  });

  test('of a transcoder gives the encoder what is read and the decoder what is to be predicted', () => {
    const [B, D] = [1, 3];
    const rewritable = (n: number) => ({ value: new Float32Array(n).fill(1), remembered: [] });
    const [W_enc_FD, W_dec_FD] = [rewritable(2 * D), rewritable(2 * D)];
    resample({
      ...{ dead: [0], W_enc_FD, b_enc_F: rewritable(2), W_dec_FD, errors_B: new Float32Array(B).fill(1) },
      ...{ x_BD: Float32Array.of(0, 0, 2), y_BE: Float32Array.of(5, 0, 0), b_dec_E: new Float32Array(D) },
      ...{ decoderNorm: 1, random: random(5) },
    });
    const encoderNorm = 0.2 * Math.sqrt(3);
    expect(Array.from(W_dec_FD.value.subarray(0, D))).toEqual([1, 0, 0]);
    expect(W_enc_FD.value[2]).toBeCloseTo(encoderNorm, 6);
    expect(W_enc_FD.value[0]).toBe(0);
  });
});

describe('presets', () => {
  test('a config of its own overrides a preset', () => {
    const p = planTraining(
      {
        ...about,
        architecture: 'topk',
        features: 64,
        k: 3,
        preset: 'saelens',
        learningRate: 0.5,
        tokens: 10_000,
        batch: 10,
      },
      data,
    );
    expect(p).toMatchObject({ kFinal: 3, tokens: 10_000, steps: 1000, rate: { value: 0.5 } });
  });
});

describe('the schema of options', () => {
  test('knows each kind, and refuses what belongs to another', () => {
    expect(dictionaryConfigSchema.safeParse({ architecture: 'topk', features: 8, k: 2 }).success).toBe(true);
    expect(dictionaryConfigSchema.safeParse({ architecture: 'relu', features: 8, k: 2 }).success).toBe(false);
    expect(dictionaryConfigSchema.safeParse({ architecture: 'topk', features: 8, typo: 2 }).success).toBe(
      false,
    );
    expect(dictionaryConfigSchema.safeParse({ architecture: 'sparse', features: 8 }).success).toBe(false);
    const parsed = dictionaryConfigSchema.parse({
      architecture: 'jumprelu',
      features: 8,
      optimiser: { name: 'heavy-ball' },
    });
    expect(parsed.optimiser).toEqual({ name: 'heavy-ball', momentum: 0.9, mass: 1 });
    const named = { architecture: 'jumprelu', features: 8, optimiser: 'ecd' };
    expect(dictionaryConfigSchema.parse(named).optimiser).toEqual({
      ...{ name: 'ecd', eta: 100, floor: 0, noise: 0 },
    });
    // One matrix of unit rows has neither.
    const pursuit = { architecture: 'matching-pursuit', features: 8 };
    for (const option of [{ preBias: false }, { decoderNorm: 'free' }])
      expect(dictionaryConfigSchema.safeParse({ ...pursuit, ...option }).success).toBe(false);
  });

  test.each([
    [{ architecture: 'topk', features: 8, k: 9 }, data],
    [{ architecture: 'batchtopk', features: 8, k: 2, kStart: 9 }, data],
    [{ architecture: 'matryoshka', features: 8, k: 2, groups: [4, 2] }, data],
    [{ architecture: 'relu', features: 8, targetL0: 9 }, data],
    [{ architecture: 'relu', features: 0 }, data],
    [{ architecture: 'relu', features: 8, batch: 0 }, data],
    [{ architecture: 'relu', features: 8, tokens: 1e12 }, data],
    [{ architecture: 'relu', features: 8, passes: 1e12 }, data],
    // What no schema has read, from callers of the library.
    [{ architecture: 'sparse', features: 8 }, data],
    [{ architecture: 'relu', features: 8, lerningRate: 1 }, data],
    [{ architecture: 'relu', features: 8, learningRate: -1 }, data],
    [{ architecture: 'relu', features: 8, learningRate: Number.NaN }, data],
    [{ architecture: 'relu', features: 8, clip: 0 }, data],
    [{ architecture: 'relu', features: 8, preset: 'mine' }, data],
    [{ architecture: 'relu', features: 8, normalise: 'zscore' }, data],
    [{ architecture: 'relu', features: 8, optimiser: { name: 'sgd' } }, data],
    [{ architecture: 'jumprelu', features: 8, bandwidth: 0 }, data],
    [{ architecture: 'jumprelu', features: 64, l0Form: 'quadratic' }, data],
    [{ architecture: 'topk', features: 8, k: 2.5 }, data],
    [{ architecture: 'topk', features: 8, preset: 'saelens' }, data],
    [{ architecture: 'matryoshka', features: 8, k: 2, groups: [4, 8], groupWeights: [1] }, data],
    [{ architecture: 'matryoshka', features: 8, k: 2, groups: [4], groupWeights: [0, 0] }, data],
    [{ architecture: 'crosscoder', features: 8, k: 2 }, data],
    // The graph engine would train it, on the processor.
    [{ architecture: 'relu', features: 8, provider: 'webgpu', resampleEvery: 5 }, data],
    [
      { architecture: 'crosscoder', features: 8, k: 2 },
      { ...data, blocks: [32, 33] },
    ],
  ] as const)('refuses %o', (config, shape) => {
    expect(() => planTraining({ ...about, ...config } as never, shape)).toThrow(
      expect.objectContaining({ code: 'dictionary.config' }),
    );
  });

  test('every option is explained in docs/dictionaries.md', () => {
    const docs = readFileSync(new URL('../../docs/dictionaries.md', import.meta.url), 'utf8');
    const table = docs.slice(docs.indexOf('## Options'), docs.indexOf('## Presets'));
    const names = new Set(dictionaryConfigSchema.options.flatMap(({ shape }) => Object.keys(shape)));
    names.delete('architecture');
    expect([...names].filter((name) => !table.includes(`\`${name}\``))).toEqual([]);
  });

  test('Infinity switches clipping off; an optimiser has its defaults', () => {
    const p = planTraining(
      {
        ...{ ...about, architecture: 'topk', features: 8, k: 2, clip: Number.POSITIVE_INFINITY },
        optimiser: { name: 'heavy-ball' } as never,
      },
      data,
    );
    expect(p.clip).toBe(Number.POSITIVE_INFINITY);
    expect(p.optimiser).toEqual({ name: 'heavy-ball', momentum: 0.9, mass: 1 });
  });
});
