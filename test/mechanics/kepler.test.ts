/** @file Long runs: Kepler at equal cost, its invariants, drift beside Runge–Kutta, the oscillator's exact modified energy. */
import { beforeAll, describe, expect, test } from 'vitest';
import { stateOf } from '../../src/mechanics/build.ts';
import { energyErrorAtEqualCost, KEPLER_TABLE, modifiedEnergyDefect } from '../../src/mechanics/checks.ts';
import { drift } from '../../src/mechanics/diagnostics/drift.ts';
import { integrate, sampleAt } from '../../src/mechanics/integrate.ts';
import { integratorNamed, integrators } from '../../src/mechanics/integrators/registry.ts';
import {
  angularMomentum,
  kepler,
  keplerOrbit,
  laplaceRungeLenz,
} from '../../src/mechanics/systems/kepler.ts';
import { harmonicOscillator } from '../../src/mechanics/systems/oscillator.ts';
import { pendulum } from '../../src/mechanics/systems/pendulum.ts';

describe('Kepler, e = 0.6, 1,200 forces a period, 100 periods: largest relative energy error', () => {
  test.each(Object.entries(KEPLER_TABLE))('%s: %d, to the two digits of the table', (name, bar) => {
    const error = energyErrorAtEqualCost(name);
    expect(Number(error.toPrecision(2))).toBeLessThanOrEqual(bar);
    expect(error).toBeGreaterThan(bar / 3);
  });
});

const splittings = [...integrators.values()].filter(
  ({ needs, symplectic }) => needs === 'separable' && symplectic,
);

test.each([...splittings.map(({ name }) => name), 'implicit-midpoint', 'variational-trapezoidal'])(
  '%s keeps angular momentum to rounding; RK4 does not',
  (name) => {
    const wander = (method: string) => {
      const { q_KN, p_KN } = integrate(kepler(), integratorNamed(method), keplerOrbit(0.6), {
        step: 0.02,
        steps: 1000,
      });
      const values = Array.from({ length: q_KN.length / 2 }, (_, k) =>
        angularMomentum(q_KN.subarray(2 * k, 2 * k + 2), p_KN.subarray(2 * k, 2 * k + 2)),
      );
      return Math.max(...values.map((L) => Math.abs(L - 0.8)));
    };
    expect(wander(name)).toBeLessThan(1e-13);
    expect(wander('rk4')).toBeGreaterThan(1e-9);
  },
);

test('the Laplace–Runge–Lenz vector keeps its length and turns slowly: the orbit precesses', () => {
  const run = integrate(kepler(), integratorNamed('leapfrog-dkd'), keplerOrbit(0.6), {
    step: (2 * Math.PI) / 400,
    steps: 40_000,
    every: 400,
  });
  const vectors = Array.from(run.times, (_, k) => {
    const { q, p } = sampleAt(run, k);
    return laplaceRungeLenz(q, p);
  });
  const angles = vectors.map(([x, y]) => Math.atan2(y, x));
  for (const [x, y] of vectors) expect(Math.abs(Math.hypot(x, y) - 0.6)).toBeLessThan(1e-3);
  expect(Math.abs(angles.at(-1)! - 2 * angles[50]!)).toBeLessThan(1e-2 * Math.abs(angles.at(-1)!));
  expect(Math.abs(angles.at(-1)!)).toBeGreaterThan(0.01);
});

describe('over 10⁴ periods |ΔE| drifts by less than a thousandth of RK4’s at equal cost', () => {
  const trend = (name: string) => {
    const method = integratorNamed(name);
    const perPeriod = Math.floor(1200 / method.forcesPerStep);
    const run = integrate(kepler(), method, keplerOrbit(0.6), {
      step: (2 * Math.PI) / perPeriod,
      steps: 10_000 * perPeriod,
      every: perPeriod,
    });
    return drift(run.times, run.energies);
  };
  let rk4 = 0;
  beforeAll(() => {
    rk4 = trend('rk4').trend;
  });
  test.each(['pefrl', 'kahan-li-6'])('%s', (name) => {
    const found = trend(name);
    expect(rk4).toBeGreaterThan(0);
    expect(Math.abs(found.trend) / rk4).toBeLessThan(1e-3);
    expect(found.largest).toBeLessThan(KEPLER_TABLE[name]!);
  });
});

describe('10⁶ steps of the pendulum', () => {
  const run = (name: string) =>
    integrate(pendulum(), integratorNamed(name), stateOf([2], [0]), {
      step: 0.1,
      steps: 1_000_000,
      every: 10,
    });
  test.each(['symplectic-euler', 'leapfrog-kdk', 'pefrl', 'kahan-li-6'])(
    '%s: energy stays in its band',
    (name) => {
      const { times, energies } = run(name);
      const tenth = times.length / 10;
      const first = drift(times.subarray(0, tenth), energies.subarray(0, tenth));
      expect(drift(times, energies).largest).toBeLessThan(1.01 * first.largest);
    },
  );
  test('RK4 drifts, and explicit Euler gains energy without end', () => {
    const { times, energies } = run('rk4');
    const tenth = times.length / 10;
    const first = drift(times.subarray(0, tenth), energies.subarray(0, tenth));
    expect(drift(times, energies).largest).toBeGreaterThan(5 * first.largest);
    const euler = run('euler').energies;
    expect(euler.at(-1)!).toBeGreaterThan(100 * euler[0]!);
  });
});

test.each(['leapfrog-kdk', 'leapfrog-dkd'] as const)(
  '%s on the oscillator keeps its modified energy over 10⁵ steps',
  (name) => expect(modifiedEnergyDefect(name)).toBeLessThan(1e-12),
);

test('and its ordinary energy only to order h²', () => {
  const run = integrate(harmonicOscillator(), integratorNamed('leapfrog-kdk'), stateOf([1], [0.3]), {
    step: 0.1,
    steps: 1000,
  });
  expect(drift(run.times, run.energies).largest).toBeGreaterThan(1e-4);
});

test('time-reversible adaptive steps: as accurate as leapfrog at e = 0.95 with far fewer forces, no drift, and back', () => {
  const [start, system] = [keplerOrbit(0.95), kepler()];
  const adaptive = integrate(system, integratorNamed('adaptive-leapfrog'), start, {
    step: 0.02,
    steps: 100_000,
  });
  const first = drift(adaptive.times.subarray(0, 10_000), adaptive.energies.subarray(0, 10_000));
  const all = drift(adaptive.times, adaptive.energies);
  expect(all.largest).toBeLessThan(1.05 * first.largest);
  const forces = 2 * adaptive.times.length;
  const plain = integrate(system, integratorNamed('leapfrog-kdk'), start, {
    step: adaptive.final.t / forces,
    steps: forces,
    every: 1,
  });
  expect(all.largest).toBeLessThan(drift(plain.times, plain.energies).largest / 20);

  const step = integratorNamed('adaptive-leapfrog').stepper(system);
  const state = stateOf(start.q, start.p);
  for (let k = 0; k < 500; k++) step(state, 0.05);
  for (let k = 0; k < 500; k++) step(state, -0.05);
  expect(Math.abs(state.q[0]! - start.q[0]!)).toBeLessThan(1e-9);
  expect(Math.abs(state.t)).toBeLessThan(1e-9);
});
