import { beforeAll, describe, expect, test } from 'vitest';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { random } from '../../src/core/random.ts';
import { f32, i64, type Tensor } from '../../src/core/tensor.ts';
import type { DictionaryConfig } from '../../src/dictionaries/config-schema.ts';
import { AUX_EVERY, maxDead } from '../../src/dictionaries/layout.ts';
import { dictionaryObjective, type Parameters } from '../../src/dictionaries/losses/objective.ts';
import { fusedReason, type TrainingPlan } from '../../src/dictionaries/plan.ts';
import { planTraining } from '../../src/dictionaries/plan-training.ts';
import { type FusedTrainer, openTrainer } from '../../src/dictionaries/trainer.ts';
import { openLearner } from '../../src/networks/learner.ts';
import { denseState, denseStep } from './dense-reference.ts';

const steps = 6;
/** Sizes that are multiples of nothing: padding, a part-filled block and more than one block are all met. */
const sizes = { width: 19, features: 53, batch: 83 };
const rows = 200;

function planOf(config: Partial<DictionaryConfig> & Pick<DictionaryConfig, 'architecture'>): TrainingPlan {
  return planTraining(
    {
      ...{ site: 'site', modelHash: '', sinkNorm: 1e9, features: sizes.features, batch: sizes.batch },
      ...{ tokens: steps * sizes.batch, learningRate: 3e-3, warmUp: 2, decay: 0.5, auxiliary: 0 },
      ...(['topk', 'batchtopk', 'matryoshka'].includes(config.architecture) ? { k: 5 } : {}),
      ...config,
    },
    { rows, width: sizes.width },
  );
}

const r = random(7);
const source = new Float32Array(new SharedArrayBuffer(4 * rows * sizes.width));
for (let i = 0; i < source.length; i++) source[i] = r.normal() + 0.3;
const order = new Uint32Array(new SharedArrayBuffer(4 * steps * sizes.batch));
for (let i = 0; i < order.length; i++) order[i] = r.integer(rows);

const open = (plan: TrainingPlan, threads = 2): Promise<FusedTrainer> =>
  openTrainer({ plan, source: { x_ND: source, width: sizes.width }, order, threads });

/** Rows of a batch as they lie. */
const batchOf = (step: number): number[][] =>
  Array.from({ length: sizes.batch }, (_, b) => {
    const from = order[step * sizes.batch + b]! * sizes.width;
    return Array.from(source.subarray(from, from + sizes.width));
  });

/** Largest difference of two lists, relative to the largest entry. */
function difference(got: ArrayLike<number>, wanted: ArrayLike<number>): number {
  const scale = Math.max(...Array.from(wanted, Math.abs), 1e-12);
  return Math.max(...Array.from(got, (value, i) => Math.abs(value - wanted[i]!))) / scale;
}

beforeAll(async () => {
  await buildKernels();
});

describe.each([
  ['clipped', {}],
  ['not clipped', { clip: 1e30 }],
  ['with dead features revived', { auxiliary: 0.5, deadAfter: 1 }],
  ['screened', { encoder: 'screened' }],
  ['screened, with dead features revived', { encoder: 'screened', auxiliary: 0.5, deadAfter: 1 }],
] as const)('the TopK step, %s', (_name, options) => {
  test('equals the dense step in float64: loss, gradient norm, all weights, over six steps', async () => {
    const plan = planOf({ architecture: 'topk', normalise: 'none', ...options });
    const trainer = await open(plan);
    const { W_dec_FD } = trainer.parameters();
    const state = denseState(
      Array.from({ length: sizes.features }, (_, f) =>
        Array.from(W_dec_FD!.data.subarray(f * sizes.width, (f + 1) * sizes.width)),
      ),
    );
    let revived = 0;
    for (let step = 0; step < steps; step++) {
      const wanted = denseStep(state, batchOf(step), plan, {
        ...{ k: 5, auxEvery: AUX_EVERY, maxDead: maxDead(sizes.width) },
      });
      let loss = Number.NaN;
      let norm = Number.NaN;
      await trainer.run(step + 1, (report) => {
        loss = report.loss;
        norm = report.gradientNorm;
        revived += report.dead;
      });
      expect(Math.abs(loss / wanted.loss - 1)).toBeLessThan(1e-5);
      expect(Math.abs(norm / wanted.gradientNorm - 1)).toBeLessThan(1e-4);
    }
    const found = trainer.parameters();
    await trainer.close();
    expect(difference(found.W_enc_FD!.data, state.W_enc.value.flat())).toBeLessThan(1e-5);
    expect(difference(found.W_dec_FD!.data, state.W_dec.value.flat())).toBeLessThan(1e-5);
    expect(difference(found.b_enc_F!.data, state.b_enc.value[0]!)).toBeLessThan(1e-5);
    expect(difference(found.b_dec_D!.data, state.b_dec.value[0]!)).toBeLessThan(1e-5);
    if (plan.auxiliary > 0) expect(revived).toBeGreaterThan(0);
  });
});

/** Kinds and options whose gradient one fused step must have. */
const kinds: [string, Partial<DictionaryConfig> & Pick<DictionaryConfig, 'architecture'>][] = [
  ['TopK', { architecture: 'topk' }],
  [
    'TopK, free decoder, x − b_dec read',
    { architecture: 'topk', decoderNorm: 'free', preBias: true, startBias: 'mean' },
  ],
  ['TopK, k annealed', { architecture: 'topk', kStart: 11, kSteps: 4 }],
  ['BatchTopK', { architecture: 'batchtopk' }],
  ['BatchTopK, screened', { architecture: 'batchtopk', encoder: 'screened' }],
  ['Matryoshka', { architecture: 'matryoshka', groups: [7, 20, 53], groupWeights: [0.2, 0.5, 0.3] }],
  ['ReLU-L1', { architecture: 'relu', penalty: 0.7 }],
  [
    'ReLU-L1 with decoder norms',
    { architecture: 'relu', penalty: 0.7, penaltyForm: 'decoder-norm', decoderNorm: 'free' },
  ],
  ['p-annealed', { architecture: 'p-anneal', penalty: 0.7, pForm: 'lp^p', pFrom: 0.6, pTo: 0.3, pStart: 0 }],
  [
    'p-annealed with decoder norms',
    {
      ...{ architecture: 'p-anneal', penalty: 0.7, pForm: 'lp^p', pFrom: 0.6, pTo: 0.3 },
      ...{ penaltyForm: 'decoder-norm', decoderNorm: 'free' },
    },
  ],
  ['Gated', { architecture: 'gated', penalty: 0.7, auxiliary: 0.8 }],
  [
    'Gated with decoder norms and x − b_dec read',
    {
      ...{ architecture: 'gated', penalty: 0.7, auxiliary: 1, penaltyForm: 'decoder-norm' },
      ...{ decoderNorm: 'free', preBias: true, startBias: 'mean' },
    },
  ],
  ['JumpReLU', { architecture: 'jumprelu', penalty: 0.7, threshold: 0.4, bandwidth: 0.6 }],
  ['JumpReLU with a target', { architecture: 'jumprelu', penalty: 3, l0Form: 'quadratic', targetL0: 4 }],
];

/**
 * Adam with so large an ε moves parameters along the gradient: by rate/ε of it. Start and end therefore tell the gradient,
 * to float32's resolution of the parameters.
 */
const probe = { name: 'adam', beta1: 0, beta2: 0, epsilon: 1e10 } as const;
const MOVE = 1;

/** Feeds of the graph's loss at the first step. */
function feeds(plan: TrainingPlan): Record<string, Tensor> {
  const { k, batch, activation } = plan;
  const first = Math.round(k.value * (k.warmUp > 0 ? (k.from ?? 0) + (1 - (k.from ?? 0)) / k.warmUp : 1));
  return {
    x_BD: f32([batch, plan.width], batchOf(0).flat()),
    lambda: f32([], [plan.penalty.value]),
    p: f32([], [plan.power?.from ?? 1]),
    nextP: f32([], [plan.power?.from ?? 1]),
    auxiliary: f32([], [plan.auxiliary]),
    k: i64([1], [activation === 'batchtopk' ? first * batch : first]),
    kAux: i64([1], [1]),
    dead_F: f32([plan.features], new Array<number>(plan.features).fill(0)),
  };
}

describe.each(kinds)('one fused step: %s', (_name, options) => {
  const common = { clip: 1e30, warmUp: 0, decay: 0, penaltyWarmUp: 0, normalise: 'none' } as const;
  const plan = planOf({ ...common, ...options, optimiser: probe, learningRate: MOVE * 1e10 });

  test('moves along the gradient of its loss, as the graph engine differentiates it', async () => {
    expect(fusedReason(plan)).toBeUndefined();
    const trainer = await open(plan);
    const before = trainer.parameters();
    const report = { loss: Number.NaN, l0: Number.NaN };
    await trainer.run(1, ({ loss, l0 }) => Object.assign(report, { loss, l0 }));
    const after = trainer.parameters();
    await trainer.close();
    const objective = dictionaryObjective(plan, before);
    const learner = await openLearner(objective, { threads: 1 });
    const wanted = feeds(plan);
    await learner.run(Object.fromEntries(objective.graph.inputs.map(({ name }) => [name, wanted[name]!])));
    expect(Math.abs(report.loss / (learner.figures.error!.data[0] as number) - 1)).toBeLessThan(1e-5);
    expect(report.l0).toBeCloseTo(learner.figures.l0!.data[0] as number, 5);
    let at = 0;
    for (const name of objective.parameters) {
      const n = before[name]!.data.length;
      const gradient = learner.gradient.slice(at, at + n) as Float32Array;
      at += n;
      if (name === 'W_dec_FD' && plan.decoderNorm === 'unit') project(gradient, before.W_dec_FD!.data);
      const moved = movedBy(before, after, name, plan);
      const scale = Math.max(...Array.from(gradient, Math.abs));
      expect(scale, name).toBeGreaterThan(1e-4);
      const worst = Math.max(...Array.from(moved, (g, i) => Math.abs(g - gradient[i]!)));
      expect(worst / Math.max(scale, 0.1), name).toBeLessThan(1e-5);
    }
    await learner.close();
  });
});

/** (before − after)/MOVE; unit decoder rows are scaled back to the tangent plane first. */
function movedBy(before: Parameters, after: Parameters, name: string, plan: TrainingPlan): Float64Array {
  const [a, b] = [before[name]!.data, after[name]!.data];
  const { width } = sizes;
  return Float64Array.from(a, (value, i) => {
    if (name !== 'W_dec_FD' || plan.decoderNorm === 'free') return (value - b[i]!) / MOVE;
    const row = Math.floor(i / width) * width;
    let cosine = 0;
    for (let d = row; d < row + width; d++) cosine += a[d]! * b[d]!;
    return (value - b[i]! / cosine) / MOVE;
  });
}

function project(gradient: Float32Array, W: Float32Array): void {
  const { width } = sizes;
  for (let row = 0; row < W.length; row += width) {
    let along = 0;
    for (let d = row; d < row + width; d++) along += gradient[d]! * W[d]!;
    for (let d = row; d < row + width; d++) gradient[d]! -= along * W[d]!;
  }
}

test('entries without room go slice by slice with the same gradient', async () => {
  // Every feature is active on nearly every row: more than the room holds at once.
  const plan = planTraining(
    {
      ...{ architecture: 'relu', site: 'site', modelHash: '', sinkNorm: 1e9, features: 1500, batch: 200 },
      ...{ tokens: 400, penalty: 0.1, penaltyWarmUp: 0, normalise: 'none', clip: 1e30, warmUp: 0 },
      ...{ optimiser: probe, learningRate: MOVE * 1e10, decoderNorm: 'free', startBias: 'zero' },
    },
    { rows, width: sizes.width },
  );
  const wide = new Float32Array(new SharedArrayBuffer(source.byteLength));
  for (let i = 0; i < wide.length; i++) wide[i] = source[i]! + 2;
  const slots = new Uint32Array(new SharedArrayBuffer(4 * 400));
  for (let i = 0; i < 400; i++) slots[i] = i % rows;
  const trainer = await openTrainer({
    plan,
    source: { x_ND: wide, width: sizes.width },
    order: slots,
    threads: 2,
  });
  const before = trainer.parameters();
  let l0 = 0;
  await trainer.run(1, (report) => {
    l0 = report.l0;
  });
  const after = trainer.parameters();
  await trainer.close();
  expect(l0).toBeGreaterThan(640);
  const objective = dictionaryObjective(plan, before);
  const learner = await openLearner(objective, { threads: 1 });
  await learner.run({ x_BD: f32([200, sizes.width], wide), lambda: f32([], [0.1]) });
  const n = before.W_enc_FD!.data.length;
  const gradient = learner.gradient.slice(0, n);
  const moved = Float64Array.from(before.W_enc_FD!.data, (w, i) => (w - after.W_enc_FD!.data[i]!) / MOVE);
  await learner.close();
  expect(difference(moved, gradient)).toBeLessThan(1e-5);
});

test.each<[string, Partial<DictionaryConfig> & Pick<DictionaryConfig, 'architecture'>]>([
  ['TopK with dead features', { architecture: 'topk', auxiliary: 0.5, deadAfter: 1 }],
  ['Matryoshka with dead features', { architecture: 'matryoshka', auxiliary: 0.5, deadAfter: 1 }],
  ['Gated with a target', { architecture: 'gated', auxiliary: 1, targetL0: 4 }],
  ['p-annealed', { architecture: 'p-anneal', pForm: 'lp^p', pTo: 0.3, pStart: 0, pQueue: 3 }],
])(
  '%s: a run repeats to the bit for any number of threads and after a stop in the middle',
  async (_name, options) => {
    const plan = planOf(options);
    const finals: Buffer[] = [];
    for (const threads of [1, 3]) {
      let trainer = await open(plan, threads);
      if (threads === 3) {
        await trainer.run(2);
        const saved = trainer.state.slice();
        await trainer.close();
        trainer = await open(plan, 2);
        trainer.restore(saved);
      }
      await trainer.run(steps);
      finals.push(
        Buffer.concat(Object.values(trainer.parameters()).map(({ data }) => Buffer.from(data.buffer))),
      );
      await trainer.close();
    }
    expect(finals[1]!.equals(finals[0]!)).toBe(true);
  },
);
