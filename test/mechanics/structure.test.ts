/** @file What one step keeps: the symplectic form, Poisson structure, constraint surface, the way back. Derivatives are exact. */
import { describe, expect, test } from 'vitest';
import { damped, stateOf } from '../../src/mechanics/build.ts';
import { constrained, constraintsOf } from '../../src/mechanics/constraints.ts';
import { reversibilityDefect, symplecticityDefect } from '../../src/mechanics/diagnostics/structure.ts';
import { dual, pairUp, real } from '../../src/mechanics/differentiate.ts';
import { strang } from '../../src/mechanics/integrators/lie-poisson.ts';
import { keepsStructure } from '../../src/mechanics/integrators/need.ts';
import { integratorNamed, integrators } from '../../src/mechanics/integrators/registry.ts';
import { pendulum } from '../../src/mechanics/systems/pendulum.ts';
import { systemNamed, systems } from '../../src/mechanics/systems/registry.ts';
import { rigidBody } from '../../src/mechanics/systems/rigid-body.ts';
import { separationOnSpheres } from '../../src/mechanics/systems/separation.ts';
import { tangentStepper } from '../../src/mechanics/tangent.ts';
import type { State, System } from '../../src/mechanics/types.ts';

const BAR = 1e-13;

const canMove = (method: { needs: string }, { kind, ...system }: System) =>
  method.needs === 'rates'
    ? kind === 'separable' || kind === 'hamiltonian'
    : method.needs === 'separable'
      ? kind === 'separable'
      : method.needs === 'lagrangian'
        ? 'lagrangian' in system
        : method.needs === 'damped' && (kind === 'damped' || kind === 'separable');

const pairs = [...systems.values()].flatMap((entry) =>
  [...integrators.values()]
    .filter((method) => (method.symplectic || method.symmetric) && canMove(method, entry.make()))
    .map((method) => ({ name: `${entry.name}, ${method.name}`, entry, method })),
);

/** The entry's start, moved off any symmetric place. */
const generic = (start: State): State => ({
  ...start,
  p: start.p.map((p, i) => p + 0.1 * Math.sin(i + 1)),
});

describe('one step, at a generic point of every system', () => {
  test('all pairs are there', () => expect(pairs.length).toBeGreaterThan(180));
  test.each(pairs)('$name', ({ entry, method }) => {
    const system = entry.make();
    const at = generic(entry.start());
    if (method.symplectic)
      expect(symplecticityDefect(method, system, at, entry.step)).toBeLessThanOrEqual(BAR);
    if (method.symmetric)
      expect(reversibilityDefect(method, system, at, entry.step)).toBeLessThanOrEqual(BAR);
  });
});

test.each(['euler', 'rk4', 'dormand-prince-5'])('%s keeps neither: the test can fail', (name) => {
  const [system, at] = [systemNamed('henon-heiles').make(), stateOf([0.1, 0.2], [0.3, 0.1])];
  expect(symplecticityDefect(integratorNamed(name), system, at, 0.2)).toBeGreaterThan(1e-9);
  expect(reversibilityDefect(integratorNamed(name), system, at, 0.2)).toBeGreaterThan(1e-9);
});

test('conformal methods shrink the form by e^(−γh): not by the rate of another friction', () => {
  const method = integratorNamed('conformal-leapfrog');
  const at = stateOf([1], [0.4]);
  expect(symplecticityDefect(method, damped(pendulum(), 0.7), at, 0.2)).toBeLessThanOrEqual(BAR);
  const plain = integratorNamed('implicit-midpoint');
  expect(symplecticityDefect(plain, damped(pendulum(), 0.7), at, 0.2)).toBeGreaterThan(1e-5);
});

test('a method is called symplectic only on systems whose structure it keeps', () => {
  const kept = (method: string, system: string) =>
    keepsStructure(integratorNamed(method), systemNamed(system).make());
  expect(['pendulum', 'double-pendulum'].map((name) => kept('implicit-midpoint', name))).toEqual([
    true,
    true,
  ]);
  expect(['damped-pendulum', 'rigid-body'].map((name) => kept('implicit-midpoint', name))).toEqual([
    false,
    false,
  ]);
  expect([kept('conformal-leapfrog', 'damped-pendulum'), kept('lie-poisson', 'rigid-body')]).toEqual([
    true,
    true,
  ]);
  expect(kept('rk4', 'pendulum')).toBe(false);
});

describe('Lie–Poisson splitting of the rigid body', () => {
  const body = rigidBody();
  test('DΦ J(x) DΦᵀ = J(Φ(x))', () => {
    const x = [0.3, 0.8, -0.5];
    const columns = [0, 1, 2].map((k) => {
      const y = pairUp(
        x,
        [0, 1, 2].map((i) => (i === k ? 1 : 0)),
      );
      strang(dual(real), body.parts, y, 0.2);
      return y;
    });
    const image = Float64Array.from(columns[0]!, (y) => y.value);
    const [before, after] = [body.structure(Float64Array.from(x)), body.structure(image)];
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) {
        let sum = 0;
        for (let a = 0; a < 3; a++) {
          for (let b = 0; b < 3; b++)
            sum += columns[a]![i]!.tangent * before[a]![b]! * columns[b]![j]!.tangent;
        }
        expect(Math.abs(sum - after[i]![j]!)).toBeLessThanOrEqual(BAR);
      }
    }
  });
  test.each(['lie-poisson', 'lie-poisson-4'])('%s keeps |L|² and returns', (name) => {
    const method = integratorNamed(name);
    const state = stateOf([0.1, 1, 0.1], []);
    const [casimir] = Object.values(body.casimirs);
    const before = casimir!(state.q);
    const step = method.stepper(body);
    for (let k = 0; k < 10_000; k++) step(state, 0.1);
    expect(Math.abs(casimir!(state.q) - before)).toBeLessThan(1e-12);
    expect(reversibilityDefect(method, body, stateOf([0.1, 1, 0.1], []), 0.1)).toBeLessThanOrEqual(BAR);
  });
});

describe('constraints', () => {
  const system = separationOnSpheres({ features: 3, width: 3 });
  const q = [1, 0, 0, 0.6, 0.8, 0, 0.48, 0.6, 0.64];
  const p = [0, 0.3, -0.2, -0.08, 0.06, 0.5, 0.6, -0.48, 0];
  const start = stateOf(q, p);
  const gap = (state: State) => {
    let worst = 0;
    for (let i = 0; i < 9; i += 3) {
      const [d, v] = [state.q.subarray(i, i + 3), state.p.subarray(i, i + 3)];
      worst = Math.max(worst, Math.abs(real.sub(Math.hypot(...d), 1)));
      worst = Math.max(worst, Math.abs(d[0]! * v[0]! + d[1]! * v[1]! + d[2]! * v[2]!));
    }
    return worst;
  };
  /** Tangent vectors of the surface: d·δd = 0 and d·δp + δd·p = 0 for each direction. */
  const tangentOf = (seed: number) => {
    const dq = Float64Array.from(q, (_, i) => Math.sin(seed + 2 * i));
    const dp = Float64Array.from(q, (_, i) => Math.cos(3 * seed + i));
    for (let i = 0; i < 9; i += 3) {
      const d = q.slice(i, i + 3);
      const along = (v: ArrayLike<number>) => d.reduce((sum, x, k) => sum + x * v[k]!, 0);
      const out = along(dq.subarray(i, i + 3));
      for (let k = 0; k < 3; k++) dq[i + k]! -= out * d[k]!;
      let lift = along(dp.subarray(i, i + 3));
      for (let k = 0; k < 3; k++) lift += dq[i + k]! * p[i + k]!;
      for (let k = 0; k < 3; k++) dp[i + k]! -= lift * d[k]!;
    }
    return { q: dq, p: dp };
  };
  const form = (a: ReturnType<typeof tangentOf>, b: ReturnType<typeof tangentOf>) =>
    a.q.reduce((sum, x, i) => sum + x * b.p[i]! - a.p[i]! * b.q[i]!, 0);

  test.each(['rattle', 'shake'])('%s keeps the form on the surface', (name) => {
    const tangents = [1, 2, 3, 4].map(tangentOf);
    const before = tangents.flatMap((a) => tangents.map((b) => form(a, b)));
    tangentStepper(integratorNamed(name), system)(stateOf(q, p), tangents, 0.1);
    tangents
      .flatMap((a) => tangents.map((b) => form(a, b)))
      .forEach((value, k) => {
        expect(Math.abs(value - before[k]!)).toBeLessThanOrEqual(BAR);
      });
  });

  test('RATTLE stays on the surface, and returns', () => {
    const state = stateOf(q, p);
    integratorNamed('rattle').stepper(system)(state, 0.1);
    expect(gap(state)).toBeLessThanOrEqual(BAR);
    expect(reversibilityDefect(integratorNamed('rattle'), system, start, 0.1)).toBeLessThanOrEqual(BAR);
  });

  test('SHAKE visits the same positions as RATTLE', () => {
    const [a, b] = [stateOf(q, p), stateOf(q, p)];
    const [rattle, shake] = ['rattle', 'shake'].map((name) => integratorNamed(name).stepper(system));
    for (let k = 0; k < 100; k++) {
      rattle!(a, 0.05);
      shake!(b, 0.05);
    }
    a.q.forEach((x, i) => {
      expect(Math.abs(x - b.q[i]!)).toBeLessThan(1e-11);
    });
  });

  test('a pendulum as a weight on a rod swings as the one with an angle; RATTLE and SHAKE are of order 2', async () => {
    const { separable } = await import('../../src/mechanics/build.ts');
    const rod = constrained(
      separable({ name: 'weight', dimension: 2, potential: (_o, x) => x[1]! }),
      constraintsOf(1, (o, x) => [o.mul(0.5, o.sub(o.add(o.mul(x[0]!, x[0]!), o.mul(x[1]!, x[1]!)), 1))]),
    );
    const angle = stateOf([1], [0.3]);
    const exact = integratorNamed('gauss-legendre-6').stepper(pendulum());
    for (let k = 0; k < 400; k++) exact(angle, 0.01);
    for (const name of ['rattle', 'shake']) {
      const errors = [100, 200].map((steps) => {
        const state = stateOf([Math.sin(1), -Math.cos(1)], [0.3 * Math.cos(1), 0.3 * Math.sin(1)]);
        const step = integratorNamed(name).stepper(rod);
        for (let k = 0; k < steps; k++) step(state, 4 / steps);
        return Math.hypot(state.q[0]! - Math.sin(angle.q[0]!), state.q[1]! + Math.cos(angle.q[0]!));
      });
      expect(Math.log2(errors[0]! / errors[1]!)).toBeGreaterThan(1.9);
      expect(Math.log2(errors[0]! / errors[1]!)).toBeLessThan(2.1);
    }
  });
});

describe('discrete variational methods for one step with constant mass', () => {
  const largest = (a: State, b: State) =>
    Math.max(...a.q.map((x, i) => Math.abs(x - b.q[i]!)), ...a.p.map((x, i) => Math.abs(x - b.p[i]!)));
  const twins = [
    ['variational-midpoint', 'implicit-midpoint'],
    ['variational-trapezoidal', 'leapfrog-kdk'],
    ['variational-galerkin-4', 'gauss-legendre-4'],
    ['variational-galerkin-6', 'gauss-legendre-6'],
  ] as const;
  const named = ['pendulum', 'kepler', 'henon-heiles', 'toda-lattice', 'n-body'];
  test.each(twins)('%s equals %s', (variational, twin) => {
    for (const name of named) {
      const entry = systemNamed(name);
      const [a, b] = [generic(entry.start()), generic(entry.start())];
      integratorNamed(variational).stepper(entry.make())(a, entry.step);
      integratorNamed(twin).stepper(entry.make())(b, entry.step);
      expect(largest(a, b), name).toBeLessThanOrEqual(BAR);
    }
  });
});
