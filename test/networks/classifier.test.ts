/** @file A small classifier of records learns what can be learned, says its hidden layer, and repeats to the bit. */
import { expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { runClassifier, trainClassifier } from '../../src/networks/classifier.ts';

const context = { progress: silent, threads: 1 };
const training = { steps: 300, batch: 32, rate: 1e-2, weightDecay: 0, seed: 1 };

/** Exclusive or of two signs, and a number that means nothing: no linear classifier can tell it. */
const chance = random(5);
const N = 200;
const x_NI = Float32Array.from({ length: 3 * N }, () => chance.normal());
const class_N = Uint8Array.from({ length: N }, (_, n) => (x_NI[3 * n]! * x_NI[3 * n + 1]! > 0 ? 1 : 0));

test.each([[[24]], [[16, 8]]])('hidden layers %j tell an exclusive or', async (hidden) => {
  const network = await trainClassifier({ x_NI, class_N }, hidden, training, context);
  const { h_NH, logits_N2 } = await runClassifier(network, x_NI, 1);
  const right = class_N.filter(
    (label, n) => logits_N2[2 * n + 1]! > logits_N2[2 * n]! === (label === 1),
  ).length;
  expect(right / N).toBeGreaterThan(0.95);
  expect(network.cut).toBe(`hidden.${hidden.length - 1}`);
  const H = hidden.at(-1)!;
  expect(h_NH).toHaveLength(N * H);
  expect(Math.min(...h_NH)).toBe(0);
  // Everything passes through the cut: logits are h · W_out + b_out.
  for (const n of [0, 17, 199]) {
    for (const c of [0, 1]) {
      let sum = network.b_out[c]!;
      for (let d = 0; d < H; d++) sum += h_NH[n * H + d]! * network.W_out[2 * d + c]!;
      expect(logits_N2[2 * n + c]).toBeCloseTo(sum, 4);
    }
  }
});

test('the seed decides, to the bit', async () => {
  const short = { ...training, steps: 20 };
  const weights = async (seed: number) =>
    (await trainClassifier({ x_NI, class_N }, [8], { ...short, seed }, context)).W_out;
  const first = await weights(1);
  expect(await weights(1)).toEqual(first);
  expect(await weights(2)).not.toEqual(first);
});
