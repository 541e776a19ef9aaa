import { expect, test } from 'vitest';
import { leastActionPath } from '../../../src/edits/paths/least-action.ts';
import { leastActionAlong, towards } from '../../../src/edits/paths/least-along.ts';
import { metricAlong } from '../../../src/edits/paths/metric-along.ts';
import type { StrengthMetric, StrengthProblem } from '../../../src/edits/paths/types.ts';

/** A metric with eigenvalues 1 and 0.1 whose axes turn by `turn` while the first strength goes. */
const turning = (turn: number) => async (alpha_N: Float64Array) => {
  const [c, s] = [Math.cos(turn * (1 - alpha_N[0]!)), Math.sin(turn * (1 - alpha_N[0]!))];
  return [c * c + 0.1 * s * s, 0.9 * c * s, 0.9 * c * s, s * s + 0.1 * c * c];
};
const along = (turn: number) => metricAlong(turning(turn), { end_N: [0, 1], mu: 0.03 });
const inMetric = (metric: StrengthMetric): StrengthProblem => ({
  name: 'turning metric',
  strengths: 2,
  pinned: [{ index: 0, target: 0 }],
  metric,
  potential: ([a, b]) => ({
    value: (b! - 0.2) ** 2 + (a! * a!) / 2 + 0.3 * a! * b!,
    gradient_N: [a! + 0.3 * b!, 2 * (b! - 0.2) + 0.3 * a!],
    hessian_NN: [
      [1, 0.3],
      [0.3, 2],
    ],
  }),
});
const options = { steps: 10 };

test('a path that Newton finds from the mean metric and not from the straight line is found, and is the one handed on', async () => {
  const measured = await along(1.5);
  expect(() => leastActionPath(inMetric(measured.metric), options)).toThrow(
    'no solution after 100 iterations',
  );
  const { path, metric, interpolated } = leastActionAlong(inMetric, measured, options);
  expect(interpolated).toBe(true);
  expect(metric).toBe(measured.metric);
  expect(path.solved!.residual).toBeLessThan(1e-10);
  expect(path.freeEndMomentum).toBeLessThan(1e-8);
  expect(path.end_N[0]).toBeCloseTo(0, 12);
  // Not the mean metric's way under another name.
  const inMean = leastActionPath(inMetric(measured.mean.metric), options);
  expect(Math.abs(path.end_N[1]! - inMean.end_N[1]!)).toBeGreaterThan(1e-3);
});

test('where the interpolated metric has no way, the mean one has, and it is said', async () => {
  const measured = await along(4);
  const { path, metric, interpolated } = leastActionAlong(inMetric, measured, options);
  expect(interpolated).toBe(false);
  expect(metric).toBe(measured.mean.metric);
  expect(path.trajectory.q_KN).toEqual(
    leastActionPath(inMetric(measured.mean.metric), options).trajectory.q_KN,
  );
});

test('a path part of the way begins at 1 and ends part of the way to its end', async () => {
  const { path } = leastActionAlong(inMetric, await along(4), options);
  const guess = towards(path, 0.25);
  expect(guess).toHaveLength(11);
  expect([...guess[0]!]).toEqual([1, 1]);
  expect(guess[10]![0]).toBeCloseTo(0.75, 12);
  expect(guess[10]![1]).toBeCloseTo(1 + 0.25 * (path.end_N[1]! - 1), 12);
});
