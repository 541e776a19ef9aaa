import { expect, test } from 'vitest';
import { fitProbe, probeAccuracy } from '../../src/activations/probe.ts';
import { knnLogits, neighbours } from '../../src/activations/probes/knn.ts';
import { fitMlp, mlpLogits } from '../../src/activations/probes/mlp.ts';
import { columnsOf, fitStandardProbe, standardised } from '../../src/activations/probes/standard.ts';
import { random } from '../../src/core/random.ts';

/** The exclusive or of two signs: no linear probe tells it. */
function exclusiveOr(rows: number, seed: number) {
  const chance = random(seed);
  const x = new Float64Array(rows * 4);
  const labels = new Uint8Array(rows);
  for (let n = 0; n < rows; n++) {
    const [a, b] = [chance.uniform() < 0.5 ? -1 : 1, chance.uniform() < 0.5 ? -1 : 1];
    labels[n] = a === b ? 1 : 0;
    x.set([a + 0.2 * chance.normal(), b + 0.2 * chance.normal(), chance.normal(), 1], n * 4);
  }
  return { x, labels };
}

const accuracy = (logits: ArrayLike<number>, labels: Uint8Array): number =>
  labels.reduce((sum, label, n) => sum + (logits[n]! > 0 === label > 0.5 ? 1 : 0), 0) / labels.length;

const train = exclusiveOr(400, 1);
const test_ = exclusiveOr(400, 2);

test('what only a combination tells is found by the hidden layer and by neighbours, not by the linear probe', () => {
  const linear = fitStandardProbe(train.x, train.labels, 4);
  expect(probeAccuracy(linear, test_.x, test_.labels)).toBeLessThan(0.6);
  expect(
    accuracy(mlpLogits(fitMlp(train.x, train.labels, 4, random(3)), test_.x), test_.labels),
  ).toBeGreaterThan(0.95);
  const near = neighbours(train.x, test_.x, 4);
  const all = new Uint8Array(400).fill(1);
  expect(accuracy(knnLogits(near, train.labels, all), test_.labels)).toBeGreaterThan(0.95);
});

test('neighbours are those of kept rows only', () => {
  const near = neighbours(Float64Array.from([0, 1, 2, 10]), Float64Array.from([0.1]), 1);
  expect(Array.from(near.order_MN)).toEqual([0, 1, 2, 3]);
  expect(knnLogits(near, [1, 0, 0, 0], [1, 1, 1, 1], 1)[0]).toBe(0.5);
  expect(knnLogits(near, [1, 0, 0, 0], [0, 1, 1, 1], 1)[0]).toBe(-0.5);
});

test('the same seed trains the same hidden layer', () => {
  const one = fitMlp(train.x, train.labels, 4, random(5));
  expect(fitMlp(train.x, train.labels, 4, random(5)).W_HD).toEqual(one.W_HD);
  expect(fitMlp(train.x, train.labels, 4, random(6)).W_HD).not.toEqual(one.W_HD);
});

test('wide rows: the gradient of the penalised loss is zero where Newton with conjugate gradients stops', () => {
  const chance = random(9);
  const [rows, width] = [40, 90];
  const x = Float64Array.from({ length: rows * width }, () => chance.normal());
  const labels = Uint8Array.from({ length: rows }, (_, n) => n % 2);
  const { w_D, b } = fitProbe(x, labels, width, 0.05);
  const slope = new Float64Array(width + 1);
  for (let n = 0; n < rows; n++) {
    let logit = b;
    for (let d = 0; d < width; d++) logit += w_D[d]! * x[n * width + d]!;
    const error = (1 / (1 + Math.exp(-logit)) - labels[n]!) / rows;
    for (let d = 0; d < width; d++) slope[d]! += error * x[n * width + d]!;
    slope[width]! += error;
  }
  for (let d = 0; d < width; d++) slope[d]! += 0.05 * w_D[d]!;
  expect(Math.max(...slope.map(Math.abs))).toBeLessThan(1e-7);
});

test('a column that does not vary stays what it is', () => {
  const columns = columnsOf(train.x, 4);
  expect(columns.deviation_D[3]).toBe(1);
  expect(
    standardised(train.x, columns)
      .filter((_, i) => i % 4 === 3)
      .every((value) => Math.abs(value) < 1e-12),
  ).toBe(true);
});
