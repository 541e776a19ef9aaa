import { describe, expect, test } from 'vitest';
import { directEndPoint } from '../../../src/edits/paths/end-point.ts';
import { gradientFlow } from '../../../src/edits/paths/gradient-flow.ts';
import { differenceByShooting, leastActionPath } from '../../../src/edits/paths/least-action.ts';
import { straightLine } from '../../../src/edits/paths/straight-line.ts';
import type { StrengthPath } from '../../../src/edits/paths/types.ts';
import { closedForm, curved, decayed, G, quadratic } from './toys.ts';

const pointOf = ({ trajectory: { q_KN, dimension } }: StrengthPath, k: number) =>
  Array.from(q_KN.slice(k * dimension, (k + 1) * dimension));

describe('least action on the quadratic toy', () => {
  const exact = closedForm();
  const found = leastActionPath(quadratic, { steps: 200 });
  test('follows the closed form, strengths and momenta, within 1e-6 at N = 200', () => {
    const { times, p_KN } = found.trajectory;
    times.forEach((s, k) => {
      exact.alpha(s).forEach((a, i) => {
        expect(Math.abs(a - pointOf(found, k)[i]!)).toBeLessThan(1e-8);
      });
      exact.momentum(s).forEach((p, i) => {
        expect(Math.abs(p - p_KN[k * 3 + i]!)).toBeLessThan(1e-8);
      });
    });
  });
  test('H_c = T − V is constant to 1e-12 and is what the trajectory carries; T + V is not constant', () => {
    expect(found.energySpread).toBeLessThan(1e-12);
    const { kinetic_K: T, potential_K: V } = found;
    found.trajectory.energies.forEach((H, k) => {
      expect(H).toBe(T[k]! - V[k]!);
    });
    const sums = T.map((t, k) => t + V[k]!);
    expect(Math.max(...sums) - Math.min(...sums)).toBeGreaterThan(0.1);
  });
  test('free strengths end with no momentum, the pinned one at its target', () => {
    expect(found.freeEndMomentum).toBeLessThan(1e-10);
    expect(Math.abs(found.endMomentum_N[0]!)).toBeGreaterThan(0.1);
    expect(found.end_N[0]).toBe(0);
    expect(found.solved?.minimum).toBe(true);
  });
  test('costs less than the straight lines: with free strengths at 1, and to its own end point', () => {
    const atOne = straightLine(quadratic, { steps: 200 });
    const toEnd = straightLine(quadratic, { steps: 200, end_N: found.end_N });
    expect(atOne.action).toBeGreaterThan(toEnd.action);
    expect(toEnd.action).toBeGreaterThan(found.action);
  });
  test('shooting from the start gives the same path', () =>
    expect(differenceByShooting(quadratic, leastActionPath(quadratic, { steps: 50 }))).toBeLessThan(1e-6));
});

describe('a straight line', () => {
  const line = straightLine(quadratic, { steps: 10 });
  test('leaves free strengths at 1 and pays ½ ΔᵀGΔ', () => {
    expect(Array.from(line.end_N)).toEqual([0, 1, 1]);
    expect(line.steppedKl).toBeCloseTo(G[0]![0]! / 2, 12);
    expect(line.length).toBeCloseTo(Math.sqrt(G[0]![0]!), 12);
  });
  test('its action is that of the polynomial it is', () => {
    // T is constant and V of degree 2 in s: Simpson is exact.
    const V = [0, 0.5, 1].map((s) => quadratic.potential(new Float64Array([1 - s, 1, 1])).value);
    expect(line.action).toBeCloseTo(G[0]![0]! / 2 + (V[0]! + 4 * V[1]! + V[2]!) / 6, 12);
  });
  test('is no motion: H_c varies along it, and free strengths end with momentum', () => {
    expect(line.energySpread).toBeGreaterThan(0.1);
    expect(line.freeEndMomentum).toBeGreaterThan(0.01);
  });
});

describe('a metric that depends on the strengths', () => {
  test('H_c is conserved to the order of the step, and its spread is reported', () => {
    const spread = (steps: number) => leastActionPath(curved, { steps }).energySpread;
    expect(spread(20)).toBeGreaterThan(1e-9);
    expect(Math.log2(spread(10) / spread(20))).toBeCloseTo(4, 0);
    const middle = (steps: number) => leastActionPath(curved, { steps, rule: 'midpoint' }).energySpread;
    expect(Math.log2(middle(20) / middle(40))).toBeCloseTo(2, 0);
  });
  test('agrees with shooting', () =>
    expect(differenceByShooting(curved, leastActionPath(curved, { steps: 40 }))).toBeLessThan(1e-6));
});

describe('the end point without a path', () => {
  test('is where V no longer falls, with the pinned strength at its target', () => {
    for (const problem of [quadratic, curved]) {
      const { alpha_N, potential, slope } = directEndPoint(problem);
      expect(alpha_N[0]).toBe(0);
      expect(slope).toBeLessThan(1e-12);
      for (const by of [-1e-3, 1e-3]) {
        const near = alpha_N.map((a, i) => (i === 1 ? a + by : a));
        expect(problem.potential(near).value).toBeGreaterThan(potential);
      }
    }
  });
  test('of a quadratic cost solves the linear system of the free strengths', () => {
    const { alpha_N, iterations } = directEndPoint(quadratic);
    const { gradient_N } = quadratic.potential(alpha_N);
    expect(Math.abs(gradient_N[1]!) + Math.abs(gradient_N[2]!)).toBeLessThan(1e-13);
    expect(iterations).toBeLessThanOrEqual(2);
  });
  test('stays at the untouched model when closeness is all that counts', () => {
    const still = { ...quadratic, pinned: [] };
    const far = directEndPoint(still).alpha_N;
    const near = directEndPoint(still, { closeness: 1e9 }).alpha_N;
    near.forEach((a, i) => {
      expect(a).toBeCloseTo(1, 6);
      expect(Math.abs(far[i]! - 1)).toBeGreaterThan(1e-3);
    });
  });
  test('a cost without a least value is said to have none', () => {
    const slope = {
      ...quadratic,
      potential: (alpha_N: Float64Array) => ({
        value: alpha_N[1]! + Math.log1p(Math.exp(-alpha_N[2]!)),
        gradient_N: [0, 1, -1 / (1 + Math.exp(alpha_N[2]!))],
        hessian_NN: [
          [0, 0, 0],
          [0, 0, 0],
          [0, 0, 0],
        ],
      }),
    };
    expect(() => directEndPoint(slope)).toThrowError(
      expect.objectContaining({ code: 'mechanics.not-converged' }),
    );
  });
});

describe('gradient flow', () => {
  test('with nothing pinned it is the natural gradient flow: e^{−rate G⁻¹K} in closed form, of order 2', () => {
    // In modes: ẏ_k = −rate ω_k² y_k.
    const free = { ...quadratic, pinned: [] };
    const rate = 0.8;
    const exact = decayed(rate);
    const error = (steps: number) =>
      Math.max(...gradientFlow(free, { steps, rate }).end_N.map((a, i) => Math.abs(a - exact[i]!)));
    expect(error(200)).toBeLessThan(1e-4);
    expect(Math.log2(error(20) / error(40))).toBeCloseTo(2, 0);
  });
  test('never raises V then, and ends at the best end point when the rate is high', () => {
    const { potential_K } = gradientFlow({ ...curved, pinned: [] }, { steps: 20, rate: 3 });
    potential_K.forEach((V, k) => {
      if (k > 0) expect(V).toBeLessThan(potential_K[k - 1]!);
    });
    const fast = gradientFlow(curved, { steps: 50, rate: 1e5 });
    const { alpha_N } = directEndPoint(curved);
    expect(Math.abs(fast.end_N[1]! - alpha_N[1]!)).toBeLessThan(1e-3);
  });
  test('a stiff flow, a steep cost under a metric near 0, needs no small steps', () => {
    const steep = {
      ...curved,
      metric: {
        at: () => [
          [1e-6, 0],
          [0, 1e-6],
        ],
      },
      potential([a, b]: Float64Array) {
        // ln(1 + e^{40 (0.2 − a − b)}) + 0.05 (b + 1)²
        const p = 1 / (1 + Math.exp(-40 * (0.2 - a! - b!)));
        const [g, c] = [-40 * p, 1600 * p * (1 - p)];
        return {
          value: Math.log1p(Math.exp(40 * (0.2 - a! - b!))) + 0.05 * (b! + 1) ** 2,
          gradient_N: [g, g + 0.1 * (b! + 1)],
          hessian_NN: [
            [c, c],
            [c, c + 0.1],
          ],
        };
      },
    };
    for (const steps of [3, 20]) {
      const { end_N } = gradientFlow(steep, { steps });
      expect(end_N[1]).toBeCloseTo(directEndPoint(steep).alpha_N[1]!, 3);
    }
  });
  test('drives pinned strengths at constant pace', () => {
    const { trajectory, end_N } = gradientFlow(quadratic, { steps: 8 });
    expect(end_N[0]).toBeCloseTo(0, 14);
    expect(trajectory.q_KN[4 * 3]).toBeCloseTo(0.5, 14);
    expect(trajectory.clock).toBe('edit');
  });
  test('at rate 0 free strengths only answer the motion of the pinned one: no momentum of theirs', () => {
    const { p_KN } = gradientFlow(quadratic, { steps: 4, rate: 0 }).trajectory;
    for (let k = 0; k <= 4; k++) expect(Math.hypot(p_KN[k * 3 + 1]!, p_KN[k * 3 + 2]!)).toBeLessThan(1e-13);
  });
});

describe('what is refused', () => {
  test('a pin that is no strength, or twice the same', () => {
    for (const pinned of [
      [{ index: 3, target: 0 }],
      [
        { index: 0, target: 0 },
        { index: 0, target: 1 },
      ],
    ])
      expect(() => straightLine({ ...quadratic, pinned }, { steps: 4 })).toThrowError(
        expect.objectContaining({ code: 'edit.strengths' }),
      );
  });
  test('a target outside the range of strengths', () => {
    for (const target of [40, Number.NaN]) {
      const far = { ...quadratic, pinned: [{ index: 0, target }] };
      const refusal = expect.objectContaining({ code: 'edit.strength-range' });
      expect(() => leastActionPath(far, { steps: 4 })).toThrowError(refusal);
      expect(() => directEndPoint(far)).toThrowError(refusal);
    }
  });
  test('an end that is no point, and a path of no step', () => {
    const refusal = expect.objectContaining({ code: 'edit.strengths' });
    expect(() => straightLine(quadratic, { steps: 4, end_N: [0, Number.NaN, 1] })).toThrowError(refusal);
    expect(() => straightLine(quadratic, { steps: 4, end_N: [0] })).toThrowError(refusal);
    expect(() => gradientFlow(quadratic, { steps: 0 })).toThrowError(refusal);
  });
});
