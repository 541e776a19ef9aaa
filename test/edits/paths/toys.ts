/** @file Path problems with known answers: a quadratic one in closed form, and one with a curved metric. */
import type { StrengthProblem } from '../../../src/edits/paths/types.ts';
import { factor } from '../../../src/mechanics/linear.ts';

const OMEGA = [0.7, 1.6, 2.3];
const CENTRE = [0.4, -0.3, 0.8];
/** Modes as columns, neither orthogonal nor normal: α − c = R y. */
const R = [
  [1, 0.4, -0.3],
  [-0.2, 1.1, 0.5],
  [0.3, -0.6, 0.9],
];
const n = 3;
const inverse = factor(R, 'modes');
/** R⁻¹, rows. */
const W = (() => {
  const columns = [0, 1, 2].map((j) => inverse.solve([0, 1, 2].map((i) => (i === j ? 1 : 0))));
  return [0, 1, 2].map((i) => columns.map((c) => c[i]!));
})();
const form = (weights: readonly number[]) =>
  [0, 1, 2].map((i) =>
    [0, 1, 2].map((j) => weights.reduce((sum, w, k) => sum + w * W[k]![i]! * W[k]![j]!, 0)),
  );
/** G = R⁻ᵀR⁻¹ and the Hessian R⁻ᵀ diag(ω²) R⁻¹. */
export const G = form([1, 1, 1]);
const HESSIAN = form(OMEGA.map((w) => w * w));

/** V = ½ (α − c)ᵀ K (α − c), first strength removed, the others free. */
export const quadratic: StrengthProblem = {
  name: 'quadratic toy',
  strengths: n,
  metric: { at: () => G },
  pinned: [{ index: 0, target: 0 }],
  potential(alpha_N) {
    const d = CENTRE.map((c, i) => alpha_N[i]! - c);
    const gradient_N = HESSIAN.map((row) => row.reduce((sum, k, j) => sum + k * d[j]!, 0));
    return {
      value: gradient_N.reduce((sum, g, i) => sum + (g * d[i]!) / 2, 0),
      gradient_N,
      hessian_NN: HESSIAN,
    };
  },
};

/** y_k = A_k cosh ω_k s + B_k sinh ω_k s with the six conditions at the ends. Momentum is R⁻ᵀ ẏ. */
export function closedForm(): {
  alpha(s: number): number[];
  momentum(s: number): number[];
} {
  const shape = (s: number) => ({
    y: [...OMEGA.map((w) => Math.cosh(w * s)), ...OMEGA.map((w) => Math.sinh(w * s))],
    v: [...OMEGA.map((w) => w * Math.sinh(w * s)), ...OMEGA.map((w) => w * Math.cosh(w * s))],
  });
  const position = (i: number, s: number) => shape(s).y.map((b, k) => R[i]![k % n]! * b);
  const momentum = (i: number, s: number) => shape(s).v.map((b, k) => W[k % n]![i]! * b);
  const solution = factor(
    [position(0, 0), position(1, 0), position(2, 0), position(0, 1), momentum(1, 1), momentum(2, 1)],
    'closed form',
  ).solve([1 - CENTRE[0]!, 1 - CENTRE[1]!, 1 - CENTRE[2]!, 0 - CENTRE[0]!, 0, 0]);
  const times = (row: readonly number[]) => row.reduce((sum, b, k) => sum + b * solution[k]!, 0);
  return {
    alpha: (s) => CENTRE.map((c, i) => c + times(position(i, s))),
    momentum: (s) => CENTRE.map((_, i) => times(momentum(i, s))),
  };
}

/** Where the natural gradient flow of the toy's V takes α = 1 in `time`: each mode decays as e^{−ω² time}. */
export const decayed = (time: number): number[] => {
  const start = W.map((row) => row.reduce((sum, w, i) => sum + w * (1 - CENTRE[i]!), 0));
  const y = start.map((at, k) => at * Math.exp(-(OMEGA[k]! ** 2) * time));
  return R.map((row, i) => CENTRE[i]! + row.reduce((sum, r, k) => sum + r * y[k]!, 0));
};

/** Two strengths whose metric grows with the first: H_c is a constant of the motion, but no step conserves it exactly. */
export const curved: StrengthProblem = {
  name: 'curved metric',
  strengths: 2,
  pinned: [{ index: 0, target: 0 }],
  metric: {
    at: ([a]) => [
      [1 + a! * a!, 0.4 * a!],
      [0.4 * a!, 0.8],
    ],
    slopesTimes: ([a], [v, w]) => [
      [2 * a! * v! + 0.4 * w!, 0.4 * v!],
      [0, 0],
    ],
  },
  potential([a, b]) {
    // ln(1 + e^{a − b}) + (a + b − 1)²
    const p = 1 / (1 + Math.exp(b! - a!));
    const d = a! + b! - 1;
    const c = p * (1 - p);
    return {
      value: Math.log1p(Math.exp(a! - b!)) + d * d,
      gradient_N: [p + 2 * d, -p + 2 * d],
      hessian_NN: [
        [c + 2, 2 - c],
        [2 - c, c + 2],
      ],
    };
  },
};
