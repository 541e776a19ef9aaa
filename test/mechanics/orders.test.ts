/** @file Every method has the order it says: energy error for symplectic ones, error of the state for the others. */
import { describe, expect, test } from 'vitest';
import { damped, stateOf } from '../../src/mechanics/build.ts';
import { ORDER_PROBLEMS } from '../../src/mechanics/checks.ts';
import { energyOrder, stateOrder } from '../../src/mechanics/diagnostics/order.ts';
import { adaptiveDormandPrince } from '../../src/mechanics/integrators/dormand-prince.ts';
import { integratorNamed, integrators } from '../../src/mechanics/integrators/registry.ts';
import { henonHeiles } from '../../src/mechanics/systems/henon-heiles.ts';
import { kepler, keplerOrbit } from '../../src/mechanics/systems/kepler.ts';
import { harmonicOscillator } from '../../src/mechanics/systems/oscillator.ts';
import { pendulum } from '../../src/mechanics/systems/pendulum.ts';
import { systemNamed } from '../../src/mechanics/systems/registry.ts';
import type { State, System } from '../../src/mechanics/types.ts';

const WITHIN = 0.1;

const symplectic = [...integrators.values()].filter(
  (method) => method.symplectic && ['separable', 'rates', 'lagrangian'].includes(method.needs),
);

describe.each(Object.entries(ORDER_PROBLEMS))('energy error on %s falls with the order of', (_, problem) => {
  test.each(symplectic.map((method) => [method.name, method] as const))('%s', (_name, method) => {
    const { system, start, time, steps } = problem;
    const options = { time, step: time / steps[method.order]!, halvings: 1 };
    const found = energyOrder(system, method, start, options);
    expect(Math.abs(found.order - method.order)).toBeLessThanOrEqual(WITHIN);
  });
});

describe('error of the state falls with the order of', () => {
  const cases: readonly (readonly [string, System, State, number, number])[] = [
    ['euler', pendulum(), stateOf([1], [0.7]), 2, 4096],
    ['rk4', pendulum(), stateOf([1], [0.7]), 10, 256],
    ['dormand-prince-5', pendulum(), stateOf([1], [0.7]), 10, 128],
    ['euler', kepler(), keplerOrbit(0.6), 2, 16384],
    ['rk4', kepler(), keplerOrbit(0.6), 2 * Math.PI, 1024],
    ['dormand-prince-5', kepler(), keplerOrbit(0.6), 12, 512],
    ['euler', henonHeiles(), stateOf([0, 0.1], [0.45, 0]), 2, 4096],
    ['rk4', henonHeiles(), stateOf([0, 0.1], [0.45, 0]), 10, 256],
    ['dormand-prince-5', henonHeiles(), stateOf([0, 0.1], [0.45, 0]), 10, 128],
    ['conformal-euler', damped(pendulum(), 0.3), stateOf([1], [0.7]), 2, 2048],
    ['conformal-leapfrog', damped(pendulum(), 0.3), stateOf([1], [0.7]), 10, 256],
    ['lie-poisson', systemNamed('rigid-body').make(), stateOf([0.1, 1, 0.1], []), 10, 256],
    ['lie-poisson-4', systemNamed('rigid-body').make(), stateOf([0.1, 1, 0.1], []), 10, 64],
  ];
  test.each(cases.map(([name, system, ...rest]) => [name, system.name, system, ...rest] as const))(
    '%s on %s',
    (name, _, system, start, time, steps) => {
      const method = integratorNamed(name);
      const found = stateOrder(system, method, start, { time, step: time / steps, halvings: 2 });
      expect(Math.abs(found.order - method.order)).toBeLessThanOrEqual(WITHIN);
    },
  );

  test('extrapolation-12, on the oscillator: one halving takes it from 1e-8 to rounding', () => {
    const start = stateOf([1], [0.7]);
    const method = integratorNamed('extrapolation-12');
    const found = stateOrder(harmonicOscillator(), method, start, { time: 10, step: 10 / 8, halvings: 1 });
    expect(Math.abs(found.order - method.order)).toBeLessThanOrEqual(WITHIN);
  });

  test('every method of the list is measured by one of these tests, or by its own (RATTLE and SHAKE: structure.test.ts)', () => {
    const own = ['rattle', 'shake', 'adaptive-leapfrog', 'dormand-prince', 'extrapolation-12'];
    const measured = new Set([...symplectic.map((m) => m.name), ...cases.map(([name]) => name), ...own]);
    expect([...integrators.keys()].filter((name) => !measured.has(name))).toEqual([]);
  });

  test('adaptive-leapfrog, by its energy error on Kepler', () => {
    const method = integratorNamed('adaptive-leapfrog');
    const found = energyOrder(kepler(), method, keplerOrbit(0.6), { time: 12, step: 12 / 512, halvings: 2 });
    expect(Math.abs(found.order - method.order)).toBeLessThanOrEqual(WITHIN);
  });

  test('dormand-prince: the error follows the tolerance', () => {
    const errorAt = (relative: number) => {
      const end = (tolerance: number) => {
        const state = stateOf([1], [0.7]);
        adaptiveDormandPrince({ relative: tolerance, absolute: tolerance }).stepper(pendulum())(state, 10);
        return state;
      };
      const [rough, fine] = [end(relative), end(1e-13)];
      return Math.hypot(rough.q[0]! - fine.q[0]!, rough.p[0]! - fine.p[0]!);
    };
    const [wide, tight] = [errorAt(1e-5), errorAt(1e-9)];
    expect(wide).toBeLessThan(1e-3);
    expect(tight / wide).toBeLessThan(1e-3);
    expect(tight).toBeGreaterThan(1e-12);
  });
});
