import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { flattened, toyLandscape } from '../../src/superposition/landscape.ts';
import { openLanes } from '../../src/superposition/lanes.ts';
import { startWeights } from '../../src/superposition/start.ts';
import { type ToyOptions, toyTask } from '../../src/superposition/task.ts';
import type { ToyWeights } from '../../src/superposition/types.ts';

interface OracleCase {
  readonly features: number;
  readonly neurons: number;
  readonly sparsity: number;
  readonly importance: readonly number[];
  readonly W: readonly number[];
  readonly b: readonly number[];
  readonly loss: number;
  readonly gradient: readonly number[];
}
const { cases } = JSON.parse(readFileSync('test/oracles/toy_models.json', 'utf8')) as { cases: OracleCase[] };

/** Weights that are no minimum, biases of both signs. */
function someWeights(options: ToyOptions): { x: Float64Array; weights: ToyWeights } {
  const task = toyTask(options);
  const start = startWeights(task, 3);
  const weights = { ...start, b_N: start.b_N.map((_, i) => 0.1 * Math.sin(i) - 0.05) };
  return { x: flattened(weights), weights };
}

const largest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));

describe('the expected loss', () => {
  test.each(cases)(
    'of $features in $neurons at sparsity $sparsity is that of sums over corners, and so is its gradient',
    ({ features, neurons, sparsity, importance, W, b, loss, gradient }) => {
      const V = toyLandscape(toyTask({ features, neurons, sparsity, importance }), 4096);
      const slope = new Float64Array(V.dimension);
      expect(Math.abs(V.at(Float64Array.from([...W, ...b]), slope) - loss)).toBeLessThan(2e-9);
      expect(largest(slope, gradient)).toBeLessThan(1e-6);
    },
  );

  test.each(cases)('cuts off less than it says ($features in $neurons)', (one) => {
    const V = toyLandscape(toyTask(one), 16);
    const value = V.at(Float64Array.from([...one.W, ...one.b]), new Float64Array(V.dimension));
    expect(Math.abs(value - one.loss)).toBeLessThanOrEqual(V.truncation() * Math.max(...one.importance));
    expect(V.truncation()).toBeLessThan(0.05);
  });

  test.each([
    { features: 5, neurons: 2, sparsity: 0.9, importance: 0.9 },
    { features: 3, neurons: 2, sparsity: 0 },
    { features: 1, neurons: 1, sparsity: 0.5 },
    { features: 2, neurons: 4, sparsity: 0.7 },
    { features: 12, neurons: 3, sparsity: 0.95, bias: false },
    { kind: 'linear' as const, features: 4, neurons: 2, sparsity: 0.6 },
  ])('has the gradient of finite differences: %o', (options) => {
    const V = toyLandscape(toyTask(options));
    const x = someWeights(options).x.subarray(0, V.dimension);
    const [slope, scratch] = [new Float64Array(V.dimension), new Float64Array(V.dimension)];
    V.at(x, slope);
    const differences = slope.map((_, i) => {
      const at = (by: number) =>
        V.at(
          x.map((value, j) => (i === j ? value + by : value)),
          scratch,
        );
      return (at(1e-5) - at(-1e-5)) / 2e-5;
    });
    expect(largest(slope, differences)).toBeLessThan(1e-8);
  });

  test.each([
    { features: 5, neurons: 2, sparsity: 0.9, importance: 0.9 },
    { features: 20, neurons: 5, sparsity: 0.9, importance: 0.7 },
    { kind: 'linear' as const, features: 4, neurons: 2, sparsity: 0.6 },
  ])('is what many samples average to, and so is its gradient: %o', (options) => {
    const task = toyTask(options);
    const { x, weights } = someWeights(options);
    const V = toyLandscape(task);
    const slope = new Float64Array(V.dimension);
    const loss = V.at(x, slope);
    const lanes = openLanes(
      [0, 1, 2, 3].map((seed) => ({ task, seed })),
      { steps: 1, batch: 200_000, learningRate: 1, pace: () => 1 },
      [weights, weights, weights, weights],
    );
    const losses = lanes.sampleGradients();
    const mean = losses.reduce((a, b) => a + b, 0) / 4;
    const spread = Math.sqrt(losses.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 3);
    // Four independent means: five standard errors of their mean, and float32.
    expect(Math.abs(mean - loss)).toBeLessThan((5 * spread) / 2 + 1e-6);
    const gradients = [0, 1, 2, 3].map((lane) => lanes.gradient(lane));
    const averaged = slope.map((_, i) => gradients.reduce((sum, g) => sum + g[i]! / 4, 0));
    expect(largest(averaged, slope)).toBeLessThan(3e-4);
    expect(
      largest(
        averaged,
        slope.map(() => 0),
      ),
    ).toBeGreaterThan(1e-3);
  });
});
