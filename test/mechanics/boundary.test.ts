import { describe, expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import { leastAction } from '../../src/mechanics/boundary/least-action.ts';
import { shoot } from '../../src/mechanics/boundary/shooting.ts';
import { gaussLegendre4 } from '../../src/mechanics/integrators/gauss-legendre.ts';
import { dormandPrince5 } from '../../src/mechanics/integrators/runge-kutta.ts';
import { factor } from '../../src/mechanics/linear.ts';
import {
  discreteLagrangian,
  RULES,
  type RuleName,
} from '../../src/mechanics/variational/discrete-lagrangian.ts';
import { lagrangian, metricLagrangian } from '../../src/mechanics/variational/lagrangian.ts';

const rules = Object.keys(RULES) as RuleName[];

/** A pendulum on a spring: not quadratic in q, mass that depends on q. */
const curved = lagrangian('curved', 2, (o, q, v) => {
  const kinetic = o.add(
    o.mul(o.add(1, o.mul(0.3, o.cos(q[1]!))), o.mul(v[0]!, v[0]!)),
    o.mul(0.7, o.mul(v[1]!, v[1]!)),
  );
  return o.sub(kinetic, o.sub(o.mul(0.2, o.mul(q[1]!, q[1]!)), o.mul(0.8, o.cos(q[0]!))));
});

describe('discrete Lagrangians', () => {
  const [a, b, h] = [[0.3, -0.4], [0.5, 0.1], 0.4] as const;
  test.each(rules)('%s: derivatives are those of the value', (rule) => {
    const { at } = discreteLagrangian(curved, rule);
    const found = at(a, b, h);
    const ends = [...a, ...b];
    const e = 1e-5;
    const shifted = (i: number, by: number) => {
      const x = ends.map((xi, k) => (k === i ? xi + by : xi));
      return at(x.slice(0, 2), x.slice(2), h);
    };
    const slope = [...found.D1, ...found.D2];
    for (let i = 0; i < 4; i++) {
      const [up, down] = [shifted(i, e), shifted(i, -e)];
      expect(slope[i]).toBeCloseTo((up.value - down.value) / (2 * e), 8);
      for (let j = 0; j < 2; j++) {
        const second = i < 2 ? found.D11[i]![j]! : found.D12[j]![i - 2];
        if (i < 2) expect(second).toBeCloseTo((up.D1[j]! - down.D1[j]!) / (2 * e), 7);
        else {
          expect(second).toBeCloseTo((up.D1[j]! - down.D1[j]!) / (2 * e), 7);
          expect(found.D22[i - 2]![j]).toBeCloseTo((up.D2[j]! - down.D2[j]!) / (2 * e), 7);
        }
      }
    }
  });
});

/** L = ½|v|² + ½(α − c)ᵀK(α − c) with K = R diag(ω²) Rᵀ: α − c = R y, y_i = A_i cosh ω_i s + B_i sinh ω_i s. */
const omega = [0.7, 1.6, 2.3];
const n = omega.length;
const target = [0.4, -0.3, 0.8];
const R = (() => {
  // Orthonormal columns from seeded random ones (Gram–Schmidt).
  const stream = random(5);
  const columns: number[][] = [];
  for (let j = 0; j < n; j++) {
    const c = Array.from({ length: n }, () => stream.normal());
    for (const other of columns) {
      const along = c.reduce((sum, ci, i) => sum + ci * other[i]!, 0);
      for (let i = 0; i < n; i++) c[i]! -= along * other[i]!;
    }
    const length = Math.hypot(...c);
    columns.push(c.map((ci) => ci / length));
  }
  return Array.from({ length: n }, (_, i) => columns.map((c) => c[i]!));
})();
const K = R.map((row) =>
  R.map((other) => row.reduce((sum, r, k) => sum + r * other[k]! * omega[k]! ** 2, 0)),
);
const toy = metricLagrangian({
  name: 'quadratic toy',
  dimension: n,
  metric: () => R.map((_, i) => R.map((__, j) => (i === j ? 1 : 0))),
  cost(q) {
    const d = Array.from(q, (qi, i) => qi - target[i]!);
    const slope = K.map((row) => row.reduce((sum, k, j) => sum + k * d[j]!, 0));
    return { value: slope.reduce((sum, s, i) => sum + (s * d[i]!) / 2, 0), slope, curvature: K };
  },
});
const [start, end] = [
  [1, 1, 1],
  [0, null, null],
];

/** The closed form: 2n linear equations for A and B. */
function exact(): (s: number) => number[] {
  const rows: number[][] = [];
  const right: number[] = [];
  const position = (i: number, s: number) => [
    ...omega.map((w, k) => R[i]![k]! * Math.cosh(w * s)),
    ...omega.map((w, k) => R[i]![k]! * Math.sinh(w * s)),
  ];
  const velocity = (i: number, s: number) => [
    ...omega.map((w, k) => R[i]![k]! * w * Math.sinh(w * s)),
    ...omega.map((w, k) => R[i]![k]! * w * Math.cosh(w * s)),
  ];
  for (let i = 0; i < n; i++) {
    rows.push(position(i, 0));
    right.push(start[i]! - target[i]!);
    const pin = end[i]!;
    rows.push(pin === null ? velocity(i, 1) : position(i, 1));
    right.push(pin === null ? 0 : pin - target[i]!);
  }
  const solution = factor(rows, 'closed form').solve(right);
  return (s) => target.map((c, i) => position(i, s).reduce((sum, b, k) => sum + b * solution[k]!, c));
}

describe('least action on the quadratic toy, first strength removed, the others free', () => {
  const path = exact();
  const solve = (rule: RuleName, steps: number) =>
    leastAction(discreteLagrangian(toy, rule), { start, end, steps, clock: 'edit' });
  const error = ({ trajectory }: ReturnType<typeof solve>) => {
    let worst = 0;
    trajectory.times.forEach((s, k) => {
      path(s).forEach((x, i) => {
        worst = Math.max(worst, Math.abs(x - trajectory.q_KN[k * n + i]!));
      });
    });
    return worst;
  };

  test('follows the closed form within 1e-6 at N = 200, with order 4', () => {
    const found = solve('galerkin-4', 200);
    expect(error(found)).toBeLessThan(1e-9);
    expect(Math.log2(error(solve('galerkin-4', 8)) / error(solve('galerkin-4', 16)))).toBeCloseTo(4, 1);
    expect(found.minimum).toBe(true);
    expect(found.trajectory.clock).toBe('edit');
  });
  test('the midpoint rule is of order 2', () =>
    expect(Math.log2(error(solve('midpoint', 50)) / error(solve('midpoint', 100)))).toBeCloseTo(2, 1));
  test.each(['midpoint', 'galerkin-4', 'galerkin-6'] as const)(
    '%s: H = T − V is constant, T + V is not; free ends have no momentum',
    (rule) => {
      const { energySpread, endMomentum, trajectory } = solve(rule, 200);
      expect(energySpread).toBeLessThan(1e-12);
      expect(Math.abs(endMomentum[1]!)).toBeLessThan(1e-12);
      expect(Math.abs(endMomentum[2]!)).toBeLessThan(1e-12);
      expect(Math.abs(endMomentum[0]!)).toBeGreaterThan(0.1);
      const kinetic = Array.from(
        { length: 201 },
        (_, k) => Math.hypot(...trajectory.p_KN.slice(k * n, (k + 1) * n)) ** 2 / 2,
      );
      const sums = kinetic.map((T, k) => 2 * T - trajectory.energies[k]!);
      expect(Math.max(...sums) - Math.min(...sums)).toBeGreaterThan(0.1);
    },
  );
  test('shooting arrives at the same path', () => {
    const { path: shot, miss } = shoot(toy, { start, end, integrator: gaussLegendre4, steps: 50 });
    expect(miss).toBeLessThan(1e-9);
    shot.forEach((q, k) => {
      path(k / 50).forEach((x, i) => {
        expect(q[i]).toBeCloseTo(x, 8);
      });
    });
  });
});

describe('least action on a curved Lagrangian', () => {
  const ends = { start: [0, 0.2], end: [1.1, null] };
  test('agrees with shooting, pinned and free, and is of its order', () => {
    const { path } = shoot(curved, { ...ends, integrator: dormandPrince5, steps: 40, duration: 1.5 });
    const error = (rule: RuleName, steps: number) => {
      const { trajectory } = leastAction(discreteLagrangian(curved, rule), { ...ends, steps, duration: 1.5 });
      return Math.max(
        ...Array.from(trajectory.q_KN, (x, at) =>
          Math.abs(x - path[(Math.floor(at / 2) * 40) / steps]![at % 2]!),
        ),
      );
    };
    for (const [rule, order] of [
      ['midpoint', 2],
      ['trapezoidal', 2],
      ['galerkin-4', 4],
    ] as const)
      expect(Math.log2(error(rule, 10) / error(rule, 20))).toBeCloseTo(order, 0);
    expect(error('galerkin-6', 20)).toBeLessThan(1e-8);
  });
  test('a start can be free too', () => {
    const { startMomentum, endMomentum, residual } = leastAction(discreteLagrangian(curved, 'midpoint'), {
      start: [0, null],
      end: [1, null],
      steps: 40,
    });
    expect(residual).toBeLessThan(1e-11);
    expect(Math.abs(startMomentum[1]!)).toBeLessThan(1e-10);
    expect(Math.abs(endMomentum[1]!)).toBeLessThan(1e-10);
  });
  test('a metric that depends on the place: the same path as its formula gives', () => {
    const metric = (q: ArrayLike<number>) => [
      [1 + q[0]! ** 2, 0.2 * q[1]!],
      [0.2 * q[1]!, 1.5],
    ];
    const spec = metricLagrangian({
      name: 'metric',
      dimension: 2,
      metric,
      slopesTimes: (q, v) => [
        [2 * q[0]! * v[0]!, 0],
        [0.2 * v[1]!, 0.2 * v[0]!],
      ],
      cost: (q) => ({
        value: q[1]! ** 2,
        slope: [0, 2 * q[1]!],
        curvature: [
          [0, 0],
          [0, 2],
        ],
      }),
    });
    const formula = lagrangian('formula', 2, (o, q, v) => {
      const first = o.mul(o.add(1, o.mul(q[0]!, q[0]!)), o.mul(v[0]!, v[0]!));
      const mixed = o.mul(o.mul(0.4, q[1]!), o.mul(v[0]!, v[1]!));
      const second = o.mul(1.5, o.mul(v[1]!, v[1]!));
      return o.add(o.mul(0.5, o.add(first, o.add(mixed, second))), o.mul(q[1]!, q[1]!));
    });
    const options = { start: [1, 1], end: [0, null], steps: 30 };
    const [given, derived] = [spec, formula].map(
      (L) => leastAction(discreteLagrangian(L, 'galerkin-4'), options).trajectory.q_KN,
    );
    given!.forEach((x, i) => {
      expect(x).toBeCloseTo(derived![i]!, 10);
    });
  });
});

describe('what can go wrong is said', () => {
  const spring = lagrangian('spring', 1, (o, q, v) =>
    o.mul(0.5, o.sub(o.mul(v[0]!, v[0]!), o.mul(q[0]!, q[0]!))),
  );
  test('past a conjugate point the action is stationary, not least', () => {
    const at = (duration: number) =>
      leastAction(discreteLagrangian(spring, 'midpoint'), { start: [0], end: [1], steps: 60, duration })
        .minimum;
    expect(at(3)).toBe(true);
    expect(at(3.4)).toBe(false);
  });
  test('ends of another size, pins that are no numbers, coordinates that nothing determines', () => {
    const solve = (start: (number | null)[], end: (number | null)[], L = spring) =>
      leastAction(discreteLagrangian(L, 'midpoint'), { start, end, steps: 4 });
    expect(() => solve([0, 1], [1])).toThrowError(expect.objectContaining({ code: 'mechanics.length' }));
    for (const wrong of [{ steps: 0 }, { steps: 2.5 }, { steps: 4, duration: 0 }])
      expect(() =>
        leastAction(discreteLagrangian(spring, 'midpoint'), { start: [0], end: [1], ...wrong }),
      ).toThrowError(expect.objectContaining({ code: 'mechanics.option' }));
    expect(() => solve([Number.NaN], [1])).toThrowError(
      expect.objectContaining({ code: 'mechanics.option' }),
    );
    const free = lagrangian('free particle', 1, (o, _q, v) => o.mul(v[0]!, v[0]!));
    expect(() => solve([null], [null], free)).toThrowError(
      expect.objectContaining({ code: 'mechanics.singular' }),
    );
  });
});
