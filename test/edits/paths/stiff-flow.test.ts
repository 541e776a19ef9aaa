/** @file Gradient flow where a step's equations have no solution that Newton's method reaches: the step is halved until they do. */
import { expect, test } from 'vitest';
import { gradientFlow } from '../../../src/edits/paths/gradient-flow.ts';
import type { StrengthProblem } from '../../../src/edits/paths/types.ts';

/** V = log cosh(20 (α₁ − α₀)): flat but for a narrow valley along α₁ = α₀; α₀ is pinned to 0. */
const valley: StrengthProblem = {
  name: 'valley',
  strengths: 2,
  potential(alpha_N) {
    const z = 20 * (alpha_N[1]! - alpha_N[0]!);
    const [slope, bend] = [20 * Math.tanh(z), 400 / Math.cosh(z) ** 2];
    return {
      value: Math.log(Math.cosh(z)),
      gradient_N: Float64Array.of(-slope, slope),
      hessian_NN: [Float64Array.of(bend, -bend), Float64Array.of(-bend, bend)],
    };
  },
  metric: { at: () => [Float64Array.of(1e-3, 0), Float64Array.of(0, 1e-3)] },
  pinned: [{ index: 0, target: 0 }],
};

test('the free strength follows the valley, in two steps as in two hundred', () => {
  const end = (steps: number) => gradientFlow(valley, { steps }).end_N;
  const fine = end(200);
  expect(fine[0]).toBeCloseTo(0, 12);
  expect(Math.abs(fine[1]!)).toBeLessThan(0.01);
  expect(end(2)[1]).toBeCloseTo(fine[1]!, 4);
});
