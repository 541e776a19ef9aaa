/** @file Diagnostics give no NaN, and end. */
import { describe, expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import { separable, stateOf } from '../../src/mechanics/build.ts';
import { lyapunovExponents } from '../../src/mechanics/diagnostics/lyapunov.ts';
import { conservedQuantity, noetherCharge } from '../../src/mechanics/diagnostics/noether.ts';
import { energyOrder, stateOrder } from '../../src/mechanics/diagnostics/order.ts';
import { shadowHamiltonian } from '../../src/mechanics/diagnostics/shadow.ts';
import { reversibilityDefect, symplecticityDefect } from '../../src/mechanics/diagnostics/structure.ts';
import { integratorNamed } from '../../src/mechanics/integrators/registry.ts';
import { henonHeiles } from '../../src/mechanics/systems/henon-heiles.ts';
import { pendulum } from '../../src/mechanics/systems/pendulum.ts';
import { rigidBody } from '../../src/mechanics/systems/rigid-body.ts';
import { separationOnSpheres } from '../../src/mechanics/systems/separation.ts';

const leapfrog = integratorNamed('leapfrog-kdk');

describe('no figure is NaN, and a step of 0 does not hang', () => {
  const away = stateOf([0, 9], [0, 9]);
  const broken = separable({ name: 'broken', dimension: 1, potential: (o, q) => o.log(o.sub(q[0]!, 1e9)) });
  const cases: readonly (readonly [string, string, () => unknown])[] = [
    [
      'a step of 0',
      'mechanics.option',
      () => energyOrder(pendulum(), leapfrog, stateOf([1], [0]), { time: 1, step: 0 }),
    ],
    [
      'no time',
      'mechanics.option',
      () => stateOrder(pendulum(), leapfrog, stateOf([1], [0]), { time: 0, step: 0.1 }),
    ],
    [
      'an order on the way to infinity',
      'mechanics.not-finite',
      () => energyOrder(henonHeiles(), leapfrog, away, { time: 50, step: 0.1 }),
    ],
    [
      'exponents with a step of 0',
      'mechanics.option',
      () => lyapunovExponents(pendulum(), leapfrog, stateOf([1], [0]), { step: 0, steps: 10 }),
    ],
    [
      'exponents on the way to infinity',
      'mechanics.not-finite',
      () => lyapunovExponents(henonHeiles(), leapfrog, away, { step: 0.1, steps: 500 }),
    ],
    [
      'the derivative of a step that is NaN',
      'mechanics.not-finite',
      () => symplecticityDefect(leapfrog, broken, stateOf([Number.NaN], [0]), 0.1),
    ],
    [
      'a step and back that is NaN',
      'mechanics.not-finite',
      () => reversibilityDefect(leapfrog, pendulum(), stateOf([Number.NaN], [0]), 0.1),
    ],
    [
      'a charge that is NaN: it was called conserved',
      'mechanics.not-finite',
      () => conservedQuantity(pendulum(), (o, q) => o.sqrt(q[0]!), { random: random(1) }),
    ],
    [
      'a shadow Hamiltonian on a surface, which straight lines leave',
      'mechanics.needs',
      () => shadowHamiltonian(integratorNamed('rattle'), separationOnSpheres(), 0.1, stateOf([1], [0])),
    ],
    [
      'a charge p·ξ(q) where there is no p: it was 0 and so conserved',
      'mechanics.needs',
      () => noetherCharge(rigidBody(), (o) => [0, 0, 1].map((x) => o.constant(x)), { random: random(1) }),
    ],
  ];
  test.each(cases)('%s', (_, code, attempt) => {
    expect(attempt).toThrow(expect.objectContaining({ code, hint: expect.stringMatching(/\w/) }));
  });
});
