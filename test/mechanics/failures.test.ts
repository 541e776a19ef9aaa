/** @file Every failure of a run by its code: NaN never passes in silence. */
import { describe, expect, test } from 'vitest';
import { damped, hamiltonian, separable, stateOf } from '../../src/mechanics/build.ts';
import { constrained, spheres } from '../../src/mechanics/constraints.ts';
import { symplecticityDefect } from '../../src/mechanics/diagnostics/structure.ts';
import { denseOutput, integrate, type RunOptions } from '../../src/mechanics/integrate.ts';
import { adaptiveDormandPrince } from '../../src/mechanics/integrators/dormand-prince.ts';
import { integratorNamed } from '../../src/mechanics/integrators/registry.ts';
import { reversibleAdaptive } from '../../src/mechanics/integrators/reversible-adaptive.ts';
import { chargedParticle } from '../../src/mechanics/systems/charged-particle.ts';
import { doublePendulum } from '../../src/mechanics/systems/double-pendulum.ts';
import { henonHeiles } from '../../src/mechanics/systems/henon-heiles.ts';
import { kepler, keplerOrbit } from '../../src/mechanics/systems/kepler.ts';
import { harmonicOscillator } from '../../src/mechanics/systems/oscillator.ts';
import { pendulum, pendulumPeriod } from '../../src/mechanics/systems/pendulum.ts';
import { systemNamed } from '../../src/mechanics/systems/registry.ts';
import { rigidBody } from '../../src/mechanics/systems/rigid-body.ts';
import { tangentLift } from '../../src/mechanics/tangent.ts';
import type { State, System } from '../../src/mechanics/types.ts';

describe('failures have a code, and NaN never passes in silence', () => {
  const options: RunOptions = { step: 0.1, steps: 10 };
  const go = (system: System, name: string, start: State, changed: Partial<RunOptions> = {}) =>
    integrate(system, integratorNamed(name), start, { ...options, ...changed });
  const one = stateOf([1], [0]);
  const broken = (value: number) =>
    separable({
      name: 'broken',
      dimension: 1,
      potentialValue: () => 0,
      force(q, out) {
        out[0] = q[0]! < 0.9 ? value : -1;
      },
    });
  const twoBodies = separable({
    name: 'pinned',
    dimension: 2,
    potential: (_o, q) => q[0]!,
  });
  const cases: readonly (readonly [string, string, () => unknown])[] = [
    ['a step of 0', 'mechanics.option', () => go(pendulum(), 'pefrl', one, { step: 0 })],
    ['a step that is NaN', 'mechanics.option', () => go(pendulum(), 'pefrl', one, { step: Number.NaN })],
    [
      'an infinite step',
      'mechanics.option',
      () => go(pendulum(), 'pefrl', one, { step: Number.POSITIVE_INFINITY }),
    ],
    ['a fraction of a step', 'mechanics.option', () => go(pendulum(), 'pefrl', one, { steps: 1.5 })],
    ['every 0-th step', 'mechanics.option', () => go(pendulum(), 'pefrl', one, { every: 0 })],
    ['a start of the wrong length', 'mechanics.length', () => go(pendulum(), 'pefrl', stateOf([1, 2], [0]))],
    [
      'a start that is NaN',
      'mechanics.not-finite',
      () => go(pendulum(), 'pefrl', stateOf([Number.NaN], [0])),
    ],
    ['a force that is NaN', 'mechanics.not-finite', () => go(broken(Number.NaN), 'leapfrog-kdk', one)],
    [
      'a force that is infinite',
      'mechanics.not-finite',
      () => go(broken(Number.POSITIVE_INFINITY), 'pefrl', one),
    ],
    [
      'NaN inside an implicit step',
      'mechanics.not-finite',
      () => go(broken(Number.NaN), 'implicit-midpoint', one),
    ],
    ['NaN inside rk4', 'mechanics.not-finite', () => go(broken(Number.NaN), 'rk4', one)],
    [
      'NaN inside dormand-prince',
      'mechanics.not-finite',
      () => go(broken(Number.NaN), 'dormand-prince', one),
    ],
    [
      'a tolerance that no step meets where the force jumps',
      'mechanics.step-too-small',
      () => {
        const jump = separable({
          name: 'jump',
          dimension: 1,
          potential: (o, q) => o.abs(q[0]!),
          force(q, out) {
            out[0] = q[0]! > 0 ? -1 : 1;
          },
        });
        integrate(jump, adaptiveDormandPrince({ relative: 0, absolute: 1e-17 }), one, options);
        integrate(jump, adaptiveDormandPrince({ relative: 0, absolute: 1e-17 }), one, {
          ...options,
          step: 3,
        });
      },
    ],
    [
      'an energy that is NaN while the state is finite',
      'mechanics.not-finite',
      () =>
        go(
          separable({
            name: 'x',
            dimension: 1,
            potential: (o, q) => o.log(q[0]!),
            force: (_q, out) => out.fill(-1),
          }),
          'pefrl',
          one,
          { steps: 30 },
        ),
    ],
    [
      'a motion that runs away',
      'mechanics.not-finite',
      () => go(henonHeiles(), 'euler', stateOf([0, 9], [0, 9]), { steps: 1000 }),
    ],
    ['a mass of 0', 'mechanics.mass', () => harmonicOscillator({ mass: 0 })],
    ['a pendulum let go beyond the top', 'mechanics.option', () => pendulumPeriod(4)],
    ['an orbit that is no ellipse', 'mechanics.option', () => keplerOrbit(1.2)],
    [
      'the area of a step on a surface, by all of phase space',
      'mechanics.needs',
      () => {
        const entry = systemNamed('separation-on-spheres');
        symplecticityDefect(integratorNamed('rattle'), entry.make(), entry.start(), 0.1);
      },
    ],
    ['a mass of 0 in a magnetic field', 'mechanics.mass', () => chargedParticle({ mass: 0 })],
    ['a negative mass on a rod', 'mechanics.mass', () => doublePendulum({ masses: [1, -1] })],
    ['a rod of no length', 'mechanics.option', () => doublePendulum({ lengths: [1, 0] })],
    ['a top with a moment of inertia of 0', 'mechanics.mass', () => rigidBody({ inertia: [1, 0, 2] })],
    ['a mass that is NaN', 'mechanics.mass', () => harmonicOscillator({ mass: Number.NaN })],
    [
      'an indefinite mass matrix',
      'mechanics.mass',
      () =>
        withMass([
          [1, 2],
          [2, 1],
        ]),
    ],
    [
      'a mass matrix that is not symmetric',
      'mechanics.mass',
      () =>
        withMass([
          [1, 0.1],
          [0, 1],
        ]),
    ],
    ['a mass matrix of another size', 'mechanics.mass', () => withMass([[1]])],
    ['a negative mass on the diagonal', 'mechanics.mass', () => withMass([1, -1])],
    [
      'a non-separable H under a splitting method',
      'mechanics.needs',
      () => go(doublePendulum(), 'pefrl', stateOf([1, 1], [0, 0])),
    ],
    ['friction under a splitting method', 'mechanics.needs', () => go(damped(pendulum(), 0.1), 'pefrl', one)],
    [
      'constraints under rk4',
      'mechanics.needs',
      () => {
        const entry = systemNamed('separation-on-spheres');
        go(entry.make(), 'rk4', entry.start());
      },
    ],
    ['no constraints under rattle', 'mechanics.needs', () => go(pendulum(), 'rattle', one)],
    ['no Poisson structure under lie-poisson', 'mechanics.needs', () => go(pendulum(), 'lie-poisson', one)],
    [
      'a non-separable H under conformal leapfrog',
      'mechanics.needs',
      () => go(doublePendulum(), 'conformal-leapfrog', stateOf([1, 1], [0, 0])),
    ],
    [
      'no Lagrangian under a variational method',
      'mechanics.needs',
      () => go(broken(0), 'variational-midpoint', one),
    ],
    [
      'constraints without a mass',
      'mechanics.needs',
      () =>
        constrained(
          separable({
            name: 'x',
            dimension: 1,
            potential: (_o, q) => q[0]!,
            kinetic: (o, p) => o.exp(p[0]!),
          }),
          spheres(1, 1),
        ),
    ],
    ['tangents of plain functions', 'mechanics.needs', () => tangentLift(broken(0))],
    [
      'an implicit step too long to solve',
      'mechanics.not-converged',
      () => go(harmonicOscillator({ stiffness: 1e4 }), 'implicit-midpoint', one, { step: 1 }),
    ],
    [
      'a sphere too far away to reach',
      'mechanics.not-converged',
      () => {
        const system = systemNamed('separation-on-spheres');
        go(system.make(), 'rattle', stateOf(system.start().q, new Float64Array(10).fill(50)), { step: 1 });
      },
    ],
    [
      'a Lagrangian without one velocity',
      'mechanics.singular',
      () =>
        go(
          hamiltonian({ name: 'flat', dimension: 1, energy: (_o, q) => q[0]!, lagrangian: (_o, q) => q[0]! }),
          'variational-midpoint',
          one,
        ),
    ],
    [
      'constraints that say the same twice',
      'mechanics.singular',
      () => {
        const s = spheres(1, 2);
        go(
          constrained(twoBodies, {
            ...s,
            count: 2,
            values: (q, out) => {
              const v = new Float64Array(1);
              s.values(q, v);
              out.fill(v[0]!);
            },
            jacobian: (q, out) => {
              s.jacobian(q, out.subarray(0, 2));
              s.jacobian(q, out.subarray(2));
            },
          }),
          'rattle',
          stateOf([1, 0], [0, 1]),
        );
      },
    ],
    [
      'a dimension of 0',
      'mechanics.option',
      () => separable({ name: 'x', dimension: 0, potential: (o) => o.constant(0) }),
    ],
    ['friction that is NaN', 'mechanics.option', () => damped(pendulum(), Number.NaN)],
    ['tolerances of 0', 'mechanics.option', () => adaptiveDormandPrince({ relative: 0, absolute: 0 })],
    [
      'reversible steps by a method that is not symmetric',
      'mechanics.option',
      () => reversibleAdaptive('x', integratorNamed('rk4'), (o) => o.constant(1)),
    ],
    [
      'a step control that loses its way',
      'mechanics.step-too-small',
      () => go(kepler(), 'adaptive-leapfrog', keplerOrbit(0.9), { step: 5 }),
    ],
    [
      'dense output of a variable step',
      'mechanics.option',
      () => {
        const method = integratorNamed('adaptive-leapfrog');
        denseOutput(kepler(), method, integrate(kepler(), method, keplerOrbit(0.1), options));
      },
    ],
    [
      'an event that is NaN',
      'mechanics.not-finite',
      () =>
        go(pendulum(), 'pefrl', one, {
          events: [{ name: 'log', surface: (o, q) => o.log(o.sub(q[0]!, 0.97)) }],
          steps: 100,
        }),
    ],
    ['an unknown method', 'mechanics.unknown-integrator', () => integratorNamed('yoshida8')],
    ['an unknown system', 'mechanics.unknown-system', () => systemNamed('pendulun')],
  ];
  const withMass = (mass: readonly number[] | readonly (readonly number[])[]) =>
    separable({ name: 'x', dimension: 2, mass, potential: (_o, q) => q[0]! });
  test.each(cases)('%s', (_, code, attempt) => {
    expect(attempt).toThrow(
      expect.objectContaining({ code, hint: expect.stringMatching(/\w/), where: expect.any(String) }),
    );
  });
  test('the nearest names are offered', () =>
    expect(() => integratorNamed('yoshida8')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('yoshida-8') }),
    ));
});
