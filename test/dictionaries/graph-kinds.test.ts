import { beforeAll, describe, expect, test } from 'vitest';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { type Random, random } from '../../src/core/random.ts';
import { f32, tensor } from '../../src/core/tensor.ts';
import type { DictionaryConfig } from '../../src/dictionaries/config-schema.ts';
import { decode, encoder } from '../../src/dictionaries/encoder.ts';
import { foldTrained } from '../../src/dictionaries/fold-trained.ts';
import { fragment } from '../../src/dictionaries/fragment.ts';
import { fractionOfVarianceExplained } from '../../src/dictionaries/fve.ts';
import { openGraphTrainer } from '../../src/dictionaries/graph-trainer.ts';
import { dictionaryObjective, type Parameters } from '../../src/dictionaries/losses/objective.ts';
import { planTraining } from '../../src/dictionaries/plan-training.ts';
import { type ActivationRows, batchOrder, rowCount } from '../../src/dictionaries/rows.ts';
import { scaleRow, scalingsOf } from '../../src/dictionaries/scaling.ts';
import { startParameters } from '../../src/dictionaries/starts.ts';
import { recovery, syntheticRows } from '../../src/dictionaries/synthetic.ts';
import type { Dictionary } from '../../src/dictionaries/types.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { separationPotential } from '../../src/mechanics/systems/separation.ts';
import { openLearner } from '../../src/networks/learner.ts';
import { runOnce } from '../../src/runtime/session.ts';
import { normals, randomDictionary } from './support.ts';

beforeAll(async () => {
  await buildKernels();
});

type Asked = Omit<DictionaryConfig, 'site' | 'modelHash' | 'sinkNorm'>;
const about = { site: 'site', modelHash: '', sinkNorm: 1e9 };

const planOf = (source: ActivationRows, config: Asked) =>
  planTraining(
    { ...about, ...config },
    {
      ...{ rows: rowCount(source), width: source.width },
      ...(source.outputWidth !== undefined && { outputWidth: source.outputWidth }),
      ...(source.sites && { blocks: source.sites.map((s) => s.width) }),
    },
  );

async function train(source: ActivationRows, config: Asked): Promise<Dictionary> {
  const plan = planOf(source, config);
  const order = batchOrder(plan, rowCount(source));
  const trainer = await openGraphTrainer({ plan, source, order, threads: 1 });
  await trainer.run(Number.POSITIVE_INFINITY);
  const dictionary = trainer.dictionary();
  await trainer.close();
  return dictionary;
}

async function reconstruct(d: Dictionary, x: Float32Array) {
  const e = await encoder(d);
  const code = await e.encode(x);
  await e.release();
  return decode(d, code, x);
}

describe('the crosscoder', () => {
  test('finds features that two sites share, and those that only one of them has', async () => {
    const r = random(4);
    const [D, rows] = [12, 6000];
    const kinds = ['both', 'both', 'both', 'both', 'first', 'first', 'first', 'second', 'second', 'second'];
    const { truth_GD } = syntheticRows({ rows: 1, width: 2 * D, features: kinds.length, active: 1 }, r);
    kinds.forEach((kind, g) => {
      if (kind === 'first') truth_GD.fill(0, g * 2 * D + D, (g + 1) * 2 * D);
      if (kind === 'second') truth_GD.fill(0, g * 2 * D, g * 2 * D + D);
    });
    const x_ND = new Float32Array(rows * 2 * D);
    for (let n = 0; n < rows; n++)
      kinds.forEach((_, g) => {
        if (r.uniform() > 0.15) return;
        const size = 0.5 + r.uniform();
        // The second site is ten times as large: neither may outweigh the other.
        for (let d = 0; d < 2 * D; d++)
          x_ND[n * 2 * D + d]! += size * (d < D ? 1 : 10) * truth_GD[g * 2 * D + d]!;
      });
    const sites = [
      { site: 'a', width: D },
      { site: 'b', width: D },
    ];
    const d = await train(
      { x_ND, width: 2 * D, sites },
      { architecture: 'crosscoder', features: 12, penalty: 1, learningRate: 1e-2, batch: 250, passes: 20 },
    );
    expect(d.sites).toEqual(sites);
    const even = d.W_dec_FD.map((v, i) => (i % (2 * D) < D ? v : v / 10));
    expect(recovery(even, truth_GD, 2 * D).found).toBe(1);
    const cosine = (g: number, f: number) => {
      const row = even.subarray(f * 2 * D, (f + 1) * 2 * D);
      return row.reduce((sum, v, i) => sum + v * truth_GD[g * 2 * D + i]!, 0) / Math.hypot(...row);
    };
    kinds.forEach((kind, g) => {
      const found = Array.from({ length: 12 }, (_, f) => f).reduce((a, f) =>
        cosine(g, f) > cosine(g, a) ? f : a,
      );
      const row = even.subarray(found * 2 * D, (found + 1) * 2 * D);
      const [a, b] = [Math.hypot(...row.subarray(0, D)), Math.hypot(...row.subarray(D))];
      const wanted = { both: [0.2, 0.8], first: [0, 0.15], second: [0.85, 1] }[kind]!;
      expect(b / (a + b)).toBeGreaterThanOrEqual(wanted[0]!);
      expect(b / (a + b)).toBeLessThanOrEqual(wanted[1]!);
    });
  });
});

describe('transcoders', () => {
  /** y = A x + c + Σ ReLU(u_i·x − t) v_i: an affine map and a few sparse features. */
  function mapped(r: Random, rows: number, D: number, E: number, G: number) {
    const x_ND = normals(r, rows * D);
    const A = normals(r, E * D).map((v) => 0.3 * v);
    const u = normals(r, G * D).map((v) => v / Math.sqrt(D));
    const v = normals(r, G * E);
    const y_NE = new Float32Array(rows * E);
    for (let n = 0; n < rows; n++) {
      const row = y_NE.subarray(n * E, (n + 1) * E);
      for (let e = 0; e < E; e++) {
        row[e] = 3 + e;
        for (let d = 0; d < D; d++) row[e]! += A[e * D + d]! * x_ND[n * D + d]!;
      }
      for (let g = 0; g < G; g++) {
        let a = -1.2;
        for (let d = 0; d < D; d++) a += u[g * D + d]! * x_ND[n * D + d]!;
        for (let e = 0; a > 0 && e < E; e++) row[e]! += 4 * a * v[g * E + e]!;
      }
    }
    return { x_ND, y_NE, A };
  }

  test('a skip transcoder recovers an affine map with sparse features on top, which one without a skip cannot', async () => {
    const [D, E, G] = [8, 6, 10];
    const { x_ND, y_NE, A } = mapped(random(6), 6000, D, E, G);
    const source = { x_ND, y_NE, width: D, outputWidth: E };
    const config = {
      ...{
        features: 16,
        activation: 'relu' as const,
        penalty: 0.05,
        learningRate: 1e-2,
        batch: 200,
        passes: 30,
      },
    } as const;
    const skip = await train(source, { ...config, architecture: 'skip-transcoder' });
    const plain = await train(source, { ...config, architecture: 'transcoder', penalty: 0.05 });
    const fve = async (d: Dictionary) => fractionOfVarianceExplained(y_NE, await reconstruct(d, x_ND), E);
    expect(await fve(skip)).toBeGreaterThan(0.98);
    expect(await fve(plain)).toBeLessThan(await fve(skip));
    expect(skip.output).toEqual({ site: 'site', width: E });
    const [dot, a, b] = [0, 1, 2].map((which) =>
      A.reduce((sum, v, i) => {
        const w = skip.W_skip_ED![i]!;
        return sum + (which === 0 ? v * w : which === 1 ? v * v : w * w);
      }, 0),
    ) as [number, number, number];
    expect(dot / Math.sqrt(a * b)).toBeGreaterThan(0.95);
  });

  test.each(['relu', 'topk', 'batchtopk', 'jumprelu'] as const)(
    '%s codes learn a map',
    async (activation) => {
      const { x_ND, y_NE } = mapped(random(7), 4000, 8, 6, 10);
      const source = { x_ND, y_NE, width: 8, outputWidth: 6 };
      const d = await train(source, {
        ...{ architecture: 'transcoder', activation, features: 32, k: 8, penalty: 0.05, learningRate: 1e-2 },
        ...{ batch: 200, passes: 15, outputSite: 'out' },
      });
      expect(d.output).toEqual({ site: 'out', width: 6 });
      expect(fractionOfVarianceExplained(y_NE, await reconstruct(d, x_ND), 6)).toBeGreaterThan(0.8);
    },
  );
});

describe('matching pursuit', () => {
  test('the graph and the rows in memory choose as greedy pursuit by brute force does', async () => {
    const r = random(8);
    const sizes = { width: 6, features: 11, k: 4 };
    const { width: D, features: F, k } = sizes;
    const d: Dictionary = {
      ...randomDictionary(sizes),
      architecture: 'matching-pursuit',
      activation: { kind: 'pursuit', k },
    };
    const x = normals(r, 20 * D);
    const e = await encoder(d);
    const code = await e.encode(x);
    await e.release();
    const b = graphBuilder();
    const { features } = fragment(d)(b, b.input('x', 'float32', [1, 20, D]));
    const out = await runOnce(
      b.finish([features]),
      { x: tensor('float32', [1, 20, D], x as Float32Array<ArrayBuffer>) },
      { threads: 1 },
    );
    const inGraph = out[features]!.data as Float32Array;
    for (let n = 0; n < 20; n++) {
      let rest = Array.from({ length: D }, (_, j) => x[n * D + j]! - d.b_dec_D[j]!);
      const wanted = new Array<number>(F).fill(0);
      for (let step = 0; step < k; step++) {
        // Every feature is tried, and the one that leaves least is taken.
        const tried = Array.from({ length: F }, (_, f) => {
          const row = Array.from(d.W_dec_FD.subarray(f * D, (f + 1) * D));
          const value = Math.max(
            0,
            row.reduce((sum, w, j) => sum + w * rest[j]!, 0),
          );
          const left = rest.map((v, j) => v - value * row[j]!);
          return { f, value, left, size: Math.hypot(...left) };
        });
        const best = tried.reduce((a, c) => (c.size < a.size ? c : a));
        wanted[best.f]! += best.value;
        rest = best.left;
      }
      const coded = new Array<number>(F).fill(0);
      for (let i = n * code.slots; i < (n + 1) * code.slots; i++)
        coded[code.indices_BK[i]!]! += code.values_BK[i]!;
      for (let f = 0; f < F; f++) {
        expect(coded[f]).toBeCloseTo(wanted[f]!, 4);
        // Position 0 of a text passes by.
        expect(inGraph[n * F + f]).toBeCloseTo(n === 0 ? 0 : wanted[f]!, 4);
      }
    }
  });
});

describe('interference', () => {
  test("has the gradient of mechanics' separation potential, weighed by co-activation", async () => {
    const [D, F, B] = [4, 7, 30];
    const source = { x_ND: normals(random(9), B * D), width: D };
    const gradientWith = async (interference: number) => {
      const plan = planOf(source, { architecture: 'relu', features: F, batch: B, interference, penalty: 0 });
      const scalings = scalingsOf(plan, source);
      const parameters = startParameters(plan, source, scalings, random(10));
      const learner = await openLearner(dictionaryObjective(plan, parameters), { threads: 1 });
      const x = new Float32Array(B * D);
      for (let i = 0; i < B; i++) scaleRow(scalings.input, source.x_ND, i, x, i * D);
      await learner.run({ x_BD: f32([B, D], x), lambda: f32([], [0]) });
      const from = F * D + F;
      const g = Float64Array.from(learner.gradient.subarray(from, from + F * D));
      await learner.close();
      return { g, W: Float64Array.from(parameters.W_dec_FD!.data), W_enc: parameters.W_enc_FD!.data, x };
    };
    const plain = await gradientWith(0);
    const apart = await gradientWith(3);
    const on = (b: number, f: number) => {
      let a = 0;
      for (let d = 0; d < D; d++) a += apart.W_enc[f * D + d]! * apart.x[b * D + d]!;
      return a > 0 ? 1 : 0;
    };
    const weights = Array.from({ length: F * F }, (_, i) => {
      let both = 0;
      for (let b = 0; b < B; b++) both += on(b, Math.floor(i / F)) * on(b, i % F);
      return both / B;
    });
    const force = new Float64Array(F * D);
    separationPotential({ features: F, width: D, weights }).force(apart.W, force);
    let largest = 0;
    for (let f = 0; f < F; f++) {
      // Rows are normalised inside the potential: only what is tangential counts.
      let along = 0;
      for (let d = 0; d < D; d++) along += force[f * D + d]! * apart.W[f * D + d]!;
      for (let d = 0; d < D; d++) {
        const i = f * D + d;
        const wanted = -3 * (force[i]! - along * apart.W[i]!);
        largest = Math.max(largest, Math.abs(wanted));
        expect(Math.abs(apart.g[i]! - plain.g[i]! - wanted)).toBeLessThan(1e-4);
      }
    }
    expect(largest).toBeGreaterThan(0.1);
  });
});

describe('folding', () => {
  const D = 6;
  const x_ND = normals(random(11), 40 * D).map((v, i) => 3 * v + 2 + (i % D));
  const y_NE = normals(random(12), 40 * 4).map((v, i) => 0.2 * v - (i % 4));
  const all: [string, Asked, Partial<ActivationRows>][] = [
    ['relu', { architecture: 'relu', features: 9 }, {}],
    [
      'relu, free rows, pre-bias',
      { architecture: 'relu', features: 9, decoderNorm: 'free', preBias: true },
      {},
    ],
    ['gated', { architecture: 'gated', features: 9, preBias: true }, {}],
    ['topk', { architecture: 'topk', features: 9, k: 3 }, {}],
    ['topk, free rows', { architecture: 'topk', features: 9, k: 3, decoderNorm: 'free' }, {}],
    [
      'topk by norm',
      { architecture: 'topk', features: 9, k: 3, decoderNorm: 'free', byDecoderNorm: true },
      {},
    ],
    ['jumprelu', { architecture: 'jumprelu', features: 9, decoderNorm: 'free' }, {}],
    ['matching pursuit', { architecture: 'matching-pursuit', features: 9, k: 3 }, {}],
  ];
  const sites = [
    { site: 'a', width: 4 },
    { site: 'b', width: 2 },
  ];
  const modes = ['centre-rms', 'none', 'rms', 'expected-norm', 'constant-norm'] as const;
  const cases = all.flatMap(([name, config, more]) =>
    modes.map((normalise) => [`${name}, ${normalise}`, { ...config, normalise }, more] as const),
  );
  const special: [string, Asked, Partial<ActivationRows>][] = [
    ['crosscoder', { architecture: 'crosscoder', features: 9, activation: 'relu' }, { sites }],
    ['crosscoder, topk', { architecture: 'crosscoder', features: 9, activation: 'topk', k: 3 }, { sites }],
    [
      'crosscoder, topk by norm',
      {
        architecture: 'crosscoder',
        features: 9,
        activation: 'topk',
        k: 3,
        byDecoderNorm: true,
        decoderNorm: 'free',
      },
      { sites },
    ],
    [
      'skip transcoder',
      { architecture: 'skip-transcoder', features: 9, activation: 'jumprelu' },
      { y_NE, outputWidth: 4 },
    ],
  ];
  test.each([...cases, ...special])(
    '%s: the error on raw rows is that of training, in raw units',
    async (_name, config, more) => {
      const source: ActivationRows = { x_ND, width: D, ...more };
      const plan = planOf(source, { ...config, batch: 40, auxiliary: 0, learningRate: 1e-3 });
      const scalings = scalingsOf(plan, source);
      const r = random(13);
      const start = startParameters(plan, source, scalings, r);
      const unit = plan.decoderNorm === 'unit';
      const parameters: Parameters = Object.fromEntries(
        Object.entries(start).map(([name, t]) => [
          name,
          unit && name === 'W_dec_FD' ? t : { ...t, data: t.data.map((v) => v + 0.2 * Math.abs(r.normal())) },
        ]),
      );
      const learner = await openLearner(dictionaryObjective(plan, parameters), { threads: 1 });
      const rows = (x: Float32Array, width: number, scaling: typeof scalings.input) => {
        const z = new Float32Array(40 * width);
        for (let i = 0; i < 40; i++) scaleRow(scaling, x, i, z, i * width);
        return f32([40, width], z);
      };
      await learner.run({
        x_BD: rows(x_ND, D, scalings.input),
        ...(source.y_NE && { y_BE: rows(source.y_NE, 4, scalings.output) }),
        ...(plan.activation === 'topk' && { k: { dtype: 'int64', shape: [1], data: BigInt64Array.of(3n) } }),
        ...(['relu', 'gated', 'jumprelu'].includes(plan.activation) && { lambda: f32([], [0]) }),
      });
      const wanted = learner.figures.error!.data[0] as number;
      await learner.close();
      const d = foldTrained(plan, parameters, { scalings, sites: source.sites });
      const y = source.y_NE ?? x_ND;
      const out = await reconstruct(d, x_ND);
      const E = plan.outputWidth;
      const { scale, rowNorm } = scalings.output;
      let error = 0;
      for (let n = 0; n < 40; n++) {
        const whole = rowNorm ? rowNorm / Math.hypot(...x_ND.subarray(n * D, (n + 1) * D)) : 1;
        for (let e = 0; e < E; e++)
          error += ((y[n * E + e]! - out[n * E + e]!) * scale[e]! * whole) ** 2 / 40;
      }
      expect(wanted).toBeGreaterThan(1e-3);
      expect(Math.abs(error / wanted - 1)).toBeLessThan(1e-4);
    },
  );
});
