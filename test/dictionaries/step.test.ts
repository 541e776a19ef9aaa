import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { random } from '../../src/core/random.ts';
import { AUX_EVERY, maxDead } from '../../src/dictionaries/layout.ts';
import type { StepConfig } from '../../src/dictionaries/step.ts';
import { openTrainer, type Trainer } from '../../src/dictionaries/trainer.ts';
import { denseState, denseStep } from './dense-reference.ts';

const steps = 6;
const baseline: StepConfig = {
  schedule: { rate: 3e-3, warmUp: 2, decay: 0.5 },
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  clip: 1,
  auxiliary: 0,
  deadAfter: 1e9,
  steps,
  scale: 0.7,
  screened: false,
};

/** Sizes that are multiples of nothing: padding, a part-filled block and more than one block are all met. */
const shape = { width: 19, features: 53, k: 5, batch: 83, threads: 2 };

function data(seed: number, rows: number, width: number) {
  const r = random(seed);
  const source = new Float32Array(new SharedArrayBuffer(4 * rows * width));
  for (let i = 0; i < source.length; i++) source[i] = r.normal() + 0.3;
  const order = new Uint32Array(new SharedArrayBuffer(4 * steps * shape.batch));
  for (let i = 0; i < order.length; i++) order[i] = r.integer(rows);
  const centre = Float32Array.from({ length: width }, () => 0.3 + 0.05 * r.normal());
  return { source, order, centre };
}

async function open(
  config: StepConfig,
  threads = shape.threads,
): Promise<Trainer & { x(step: number): number[][] }> {
  const { source, order, centre } = data(7, 200, shape.width);
  const trainer = await openTrainer({
    shape: { ...shape, threads },
    config,
    source,
    order,
    centre,
    random: random(3),
  });
  const x = (step: number) =>
    Array.from({ length: shape.batch }, (_, b) => {
      const from = order[step * shape.batch + b]! * shape.width;
      return Array.from(source.subarray(from, from + shape.width), (v, d) => (v - centre[d]!) * config.scale);
    });
  return { ...trainer, x };
}

const rowsOf = (W: Float32Array, stride: number) =>
  Array.from({ length: shape.features }, (_, f) =>
    Array.from(W.subarray(f * stride, f * stride + shape.width)),
  );

/** Largest difference of two lists, relative to the largest entry. */
function difference(got: readonly number[], wanted: readonly number[]): number {
  const scale = Math.max(...wanted.map(Math.abs), 1e-12);
  return Math.max(...got.map((value, i) => Math.abs(value - wanted[i]!))) / scale;
}

beforeAll(async () => {
  await buildKernels();
});

describe.each([
  ['clipped', baseline],
  ['not clipped', { ...baseline, clip: Number.POSITIVE_INFINITY }],
  ['with dead features revived', { ...baseline, auxiliary: 0.5, deadAfter: 1 }],
  ['screened', { ...baseline, screened: true }],
  ['screened, with dead features revived', { ...baseline, screened: true, auxiliary: 0.5, deadAfter: 1 }],
])('the sparse step, %s', (_name, config) => {
  let trainer: Awaited<ReturnType<typeof open>>;
  beforeAll(async () => {
    trainer = await open(config);
  });
  afterAll(() => trainer.close());

  test('equals the dense step in float64: loss, gradient norm, all weights, over six steps', async () => {
    const { weights } = trainer;
    const state = denseState(rowsOf(weights.W_dec_FD, weights.stride));
    let revived = 0;
    for (let step = 0; step < steps; step++) {
      const wanted = denseStep(state, trainer.x(step), config, {
        k: shape.k,
        auxEvery: AUX_EVERY,
        maxDead: maxDead(shape.width),
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
    expect(
      difference(rowsOf(weights.W_enc_FD, weights.stride).flat(), state.W_enc.value.flat()),
    ).toBeLessThan(1e-5);
    expect(
      difference(rowsOf(weights.W_dec_FD, weights.stride).flat(), state.W_dec.value.flat()),
    ).toBeLessThan(1e-5);
    expect(difference(Array.from(weights.b_enc_F), state.b_enc.value[0]!)).toBeLessThan(1e-5);
    expect(difference(Array.from(weights.b_dec_D), state.b_dec.value[0]!)).toBeLessThan(1e-5);
    if (config.auxiliary > 0) expect(revived).toBeGreaterThan(0);
  });
});

test('a run repeats to the bit, whatever the number of threads, and after a stop in the middle', async () => {
  const config = { ...baseline, auxiliary: 0.5, deadAfter: 1 };
  const finals: Buffer[] = [];
  for (const threads of [1, 2, 3]) {
    const trainer = await open(config, threads);
    if (threads === 3) {
      await trainer.run(2);
      const saved = trainer.state.slice();
      await trainer.close();
      const second = await open(config, 2);
      second.restore(saved);
      await second.run(steps);
      finals.push(Buffer.from(new Float32Array(second.weights.W_enc_FD).buffer));
      await second.close();
    } else {
      await trainer.run(steps);
      finals.push(Buffer.from(new Float32Array(trainer.weights.W_enc_FD).buffer));
      await trainer.close();
    }
  }
  expect(finals[1]!.equals(finals[0]!)).toBe(true);
  expect(finals[2]!.equals(finals[0]!)).toBe(true);
});
