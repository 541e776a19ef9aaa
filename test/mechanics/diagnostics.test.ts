import { describe, expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import { damped, separable, stateOf } from '../../src/mechanics/build.ts';
import { actionAngle } from '../../src/mechanics/diagnostics/action-angle.ts';
import { bracketLaws, poissonBracket } from '../../src/mechanics/diagnostics/brackets.ts';
import { drift } from '../../src/mechanics/diagnostics/drift.ts';
import { lyapunovExponents } from '../../src/mechanics/diagnostics/lyapunov.ts';
import { chargeDrift, conservedQuantity, noetherCharge } from '../../src/mechanics/diagnostics/noether.ts';
import { energyOrder, stateOrder } from '../../src/mechanics/diagnostics/order.ts';
import { poincareSection, returnTimes } from '../../src/mechanics/diagnostics/recurrence.ts';
import { shadowHamiltonian } from '../../src/mechanics/diagnostics/shadow.ts';
import {
  reversibilityDefect,
  symplecticityDefect,
  volumeDefect,
} from '../../src/mechanics/diagnostics/structure.ts';
import { dot, type PairFormula, real } from '../../src/mechanics/differentiate.ts';
import { integrate } from '../../src/mechanics/integrate.ts';
import { integratorNamed } from '../../src/mechanics/integrators/registry.ts';
import { henonHeiles } from '../../src/mechanics/systems/henon-heiles.ts';
import { kepler, keplerOrbit } from '../../src/mechanics/systems/kepler.ts';
import { harmonicOscillator } from '../../src/mechanics/systems/oscillator.ts';
import { pendulum, pendulumPeriod } from '../../src/mechanics/systems/pendulum.ts';
import { systemNamed } from '../../src/mechanics/systems/registry.ts';
import { rigidBody } from '../../src/mechanics/systems/rigid-body.ts';
import type { State, System } from '../../src/mechanics/types.ts';

const [leapfrog, forestRuth, rk4, yoshida6] = ['leapfrog-kdk', 'forest-ruth', 'rk4', 'yoshida-6'].map(
  integratorNamed,
) as [
  ReturnType<typeof integratorNamed>,
  ReturnType<typeof integratorNamed>,
  ReturnType<typeof integratorNamed>,
  ReturnType<typeof integratorNamed>,
];
const run = (system: System, start: State, step: number, steps: number, method = leapfrog) =>
  integrate(system, method, start, { step, steps });

describe('drift', () => {
  test('tells a steady climb from an oscillation', () => {
    const times = Array.from({ length: 1001 }, (_, k) => k / 10);
    const climbing = drift(
      times,
      times.map((t) => 5 + 0.02 * t),
    );
    expect(climbing.trend).toBeCloseTo(0.02, 12);
    expect(climbing.oscillation).toBeLessThan(1e-12);
    expect(climbing.relative).toBeCloseTo(0.4, 12);
    const swinging = drift(
      times,
      times.map((t) => 5 + Math.sin(t) ** 2),
    );
    expect(Math.abs(swinging.trend)).toBeLessThan(1e-3);
    expect(swinging.oscillation).toBeCloseTo(Math.SQRT1_2 / 2, 1);
  });
  test('a symplectic method does not drift where Runge–Kutta does, at equal cost', () => {
    const orbit = [kepler(), keplerOrbit(0.6)] as const;
    const period = 2 * Math.PI;
    const [symplectic, plain] = [
      run(...orbit, period / 300, 300 * 60, integratorNamed('pefrl')),
      run(...orbit, period / 300, 300 * 60, rk4),
    ].map(({ times, energies }) => drift(times, energies).trend);
    expect(Math.abs(symplectic!)).toBeLessThan(1e-2 * Math.abs(plain!));
  });
});

describe('order by refinement', () => {
  const [system, start] = [henonHeiles(), stateOf([0, 0.1], [0.3, 0.05])];
  test.each([
    ['leapfrog-kdk', 2],
    ['forest-ruth', 4],
    ['yoshida-6', 6],
  ] as const)('%s: energy error of order %i', (name, order) =>
    expect(
      energyOrder(system, integratorNamed(name), start, { time: 8, step: 0.2, halvings: 2 }).order,
    ).toBeCloseTo(order, 0),
  );
  test.each([
    ['euler', 1],
    ['rk4', 4],
    ['leapfrog-dkd', 2],
  ] as const)('%s: state error of order %i', (name, order) =>
    expect(
      Math.abs(
        stateOrder(system, integratorNamed(name), start, { time: 2, step: 0.01, halvings: 2 }).order - order,
      ),
    ).toBeLessThan(0.1),
  );
});

describe('what one step preserves', () => {
  const at = stateOf([0.3, -0.2], [0.1, 0.4]);
  const system = henonHeiles();
  test('symplectic methods keep Ω and volume, Runge–Kutta does not', () => {
    for (const method of [leapfrog, yoshida6, integratorNamed('gauss-legendre-4')]) {
      expect(symplecticityDefect(method, system, at, 0.1)).toBeLessThan(1e-13);
      expect(volumeDefect(method, system, at, 0.1)).toBeLessThan(1e-13);
      expect(reversibilityDefect(method, system, at, 0.1)).toBeLessThan(1e-13);
    }
    expect(symplecticityDefect(rk4, system, at, 0.1)).toBeGreaterThan(1e-9);
    expect(reversibilityDefect(rk4, system, at, 0.1)).toBeGreaterThan(1e-9);
  });
  test('with friction the form shrinks by e^(−γh)', () => {
    const braked = damped(system, 0.7);
    for (const name of ['conformal-euler', 'conformal-leapfrog']) {
      expect(symplecticityDefect(integratorNamed(name), braked, at, 0.1)).toBeLessThan(1e-13);
      expect(volumeDefect(integratorNamed(name), braked, at, 0.1)).toBeLessThan(1e-13);
    }
  });
});

describe('Poisson brackets', () => {
  const q = [0.4, -0.7, 0.2];
  const p = [0.3, 0.9, -0.5];
  /** L_i = (q × p)_i */
  const angular = [0, 1, 2].map(
    (i): PairFormula =>
      (o, x, y) => {
        const [j, k] = [(i + 1) % 3, (i + 2) % 3];
        return o.sub(o.mul(x[j]!, y[k]!), o.mul(x[k]!, y[j]!));
      },
  ) as [PairFormula, PairFormula, PairFormula];
  test('{q_i, p_j} = δ_ij, {L_x, L_y} = L_z', () => {
    const coordinate =
      (i: number): PairFormula =>
      (_o, x) =>
        x[i]!;
    const momentum =
      (i: number): PairFormula =>
      (_o, _x, y) =>
        y[i]!;
    for (const i of [0, 1, 2])
      for (const j of [0, 1, 2])
        expect(poissonBracket(coordinate(i), momentum(j))(real, q, p)).toBe(i === j ? 1 : 0);
    expect(poissonBracket(angular[0], angular[1])(real, q, p)).toBeCloseTo(angular[2](real, q, p), 15);
  });
  test('antisymmetry, Leibniz and Jacobi hold to rounding for observables that are not polynomial', () => {
    const a: PairFormula = (o, x, y) => o.mul(o.sin(x[0]!), o.exp(o.mul(0.3, y[1]!)));
    const b: PairFormula = (o, x, y) => o.add(o.mul(x[1]!, o.mul(y[0]!, y[2]!)), o.cos(o.mul(x[2]!, y[1]!)));
    const laws = bracketLaws([a, b, angular[2]], q, p);
    for (const residual of Object.values(laws)) expect(residual).toBeLessThan(1e-13);
  });
});

describe('Noether', () => {
  const look = { random: random(11) };
  test('rotation of a central force gives angular momentum, which splitting methods keep to rounding', () => {
    const found = noetherCharge(kepler(), (o, q) => [o.neg(q[1]!), q[0]!], look);
    expect(found.symmetry).toBe(true);
    expect(found.charge(real, [0.4, 0], [0, 2])).toBeCloseTo(0.8, 15);
    expect(chargeDrift(run(kepler(), keplerOrbit(0.6), 0.02, 5000), found.charge).largest).toBeLessThan(
      1e-12,
    );
  });
  test('translation along one axis is no symmetry there; the Laplace–Runge–Lenz vector is conserved without being a point symmetry', () => {
    const moved = noetherCharge(kepler(), (o) => [o.constant(1), o.constant(0)], look);
    expect(moved.symmetry).toBe(false);
    expect(moved.defect).toBeGreaterThan(0.1);
    const lenz: PairFormula = (o, q, p) => {
      const L = o.sub(o.mul(q[0]!, p[1]!), o.mul(q[1]!, p[0]!));
      const r = o.sqrt(o.add(o.mul(q[0]!, q[0]!), o.mul(q[1]!, q[1]!)));
      return o.sub(o.mul(p[1]!, L), o.div(q[0]!, r));
    };
    expect(conservedQuantity(kepler(), lenz, look).symmetry).toBe(true);
  });
  test('a rigid body has no momenta: it keeps the length of its angular momentum, not one component', () => {
    const length: PairFormula = (o, x, p) => o.add(dot(o, x, x), o.constant(p.length));
    const kept = conservedQuantity(rigidBody(), length, look);
    expect(kept.symmetry).toBe(true);
    expect([kept.worst.q.length, kept.worst.p.length]).toEqual([3, 0]);
    expect(conservedQuantity(rigidBody(), (_, x) => x[0]!, look).symmetry).toBe(false);
    const body = systemNamed('rigid-body');
    const run = integrate(body.make(), integratorNamed('lie-poisson'), body.start(), {
      step: 0.1,
      steps: 1000,
    });
    expect(chargeDrift(run, length).largest).toBeLessThan(1e-12);
  });
});

describe('action and angle', () => {
  test('oscillator: J = E/ω, and the angle runs evenly', () => {
    const system = separable({
      name: 'oscillator',
      dimension: 1,
      mass: 2,
      potential: (o, q) => o.mul(4, o.mul(q[0]!, q[0]!)),
    });
    const found = actionAngle(system, stateOf([0.3], [-1.1]));
    expect(found.action).toBeCloseTo(found.energy / 2, 12);
    expect(found.frequency).toBeCloseTo(2, 12);
    expect(found.angle).toBeCloseTo(Math.atan2(1.1, 0.3 * 2 * 2), 10);
  });
  test('pendulum: the period is 4K(sin θ₀/2) at 10°, 90°, 150°, 179°', () => {
    const periods = {
      10: 6.295168523699072,
      90: 7.416298709205488,
      150: 11.07225258147507,
      179: 24.51111529810688,
    };
    for (const [degrees, period] of Object.entries(periods)) {
      const found = actionAngle(pendulum(), stateOf([(Number(degrees) * Math.PI) / 180], [0]));
      expect(Math.abs(found.period / period - 1)).toBeLessThan(1e-10);
      expect(Math.min(found.angle, 2 * Math.PI - found.angle)).toBeLessThan(1e-6);
    }
  });
  test('along a motion the action stands still and the angle grows by ω t, swinging or turning over', () => {
    for (const start of [stateOf([1.2], [0.4]), stateOf([0.3], [2.6])]) {
      const options = { circumference: 2 * Math.PI };
      const { final } = run(pendulum(), start, 0.01, 150, yoshida6);
      const [before, after] = [
        actionAngle(pendulum(), start, options),
        actionAngle(pendulum(), final, options),
      ];
      expect(after.action).toBeCloseTo(before.action, 9);
      const advance = (after.angle - before.angle - before.frequency * 1.5) / (2 * Math.PI);
      expect(advance - Math.round(advance)).toBeCloseTo(0, 8);
    }
  });
  test('ω = ∂E/∂J', () => {
    const at = (q: number) => actionAngle(pendulum(), stateOf([q], [0]));
    const [low, middle, high] = [at(1.499), at(1.5), at(1.501)];
    expect((high.energy - low.energy) / (high.action - low.action)).toBeCloseTo(middle.frequency, 6);
  });
  test('close to the separatrix the narrow crest is not stepped over; closer still it says that it cannot', () => {
    const from = (gap: number) => actionAngle(pendulum(), stateOf([Math.PI - gap], [0]));
    expect(Math.abs(from(1e-3).period / pendulumPeriod(Math.PI - 1e-3) - 1)).toBeLessThan(1e-8);
    expect(() => from(1e-6)).toThrow(expect.objectContaining({ code: 'mechanics.not-converged' }));
  });
  test('rest, the separatrix and unbound motion have none', () => {
    for (const start of [stateOf([0], [0]), stateOf([0], [2.5])])
      expect(() => actionAngle(pendulum(), start, { reach: 20 })).toThrowError(
        expect.objectContaining({ code: 'mechanics.no-period' }),
      );
    expect(() => actionAngle(henonHeiles(), stateOf([0, 0], [0, 0]))).toThrowError(
      expect.objectContaining({ code: 'mechanics.option' }),
    );
  });
});

describe('Lyapunov exponents', () => {
  test('of a hill top are ±√k, of an oscillator 0', () => {
    const hill = separable({
      name: 'hill',
      dimension: 1,
      potential: (o, q) => o.mul(-2, o.mul(q[0]!, q[0]!)),
    });
    const { exponents } = lyapunovExponents(hill, forestRuth, stateOf([0], [0]), { step: 0.02, steps: 1000 });
    expect(exponents[0]).toBeCloseTo(2, 1);
    expect(exponents[0]! + exponents[1]!).toBeCloseTo(0, 12);
    const still = lyapunovExponents(harmonicOscillator(), leapfrog, stateOf([1], [0]), {
      step: 0.1,
      steps: 2000,
    });
    expect(Math.abs(still.exponents[0]!)).toBeLessThan(1e-2);
  });
  test('Hénon–Heiles: chaotic at E = 1/6, regular at 1/100; they come in pairs', () => {
    const exponent = (scale: number) => {
      const start = stateOf([0, 0.1 * scale], [Math.sqrt(1 / 3 - 0.02) * scale, 0.1 * scale]);
      return lyapunovExponents(henonHeiles(), leapfrog, start, {
        step: 0.1,
        steps: 3000,
        count: scale === 1 ? 4 : 1,
      });
    };
    const chaotic = exponent(1).exponents;
    expect(chaotic[0]).toBeGreaterThan(0.05);
    expect(chaotic.reduce((sum, x) => sum + x, 0)).toBeCloseTo(0, 10);
    expect(chaotic[0]! + chaotic[3]!).toBeCloseTo(0, 1);
    expect(chaotic[1]! + chaotic[2]!).toBeCloseTo(0, 1);
    expect(exponent(0.25).exponents[0]).toBeLessThan(0.02);
  });
});

describe('sections and recurrence', () => {
  test('the section of two oscillators with frequencies 1 and √2 lies on a circle', () => {
    const pair = separable({
      name: 'pair',
      dimension: 2,
      potential: (o, q) => o.add(o.mul(0.5, o.mul(q[0]!, q[0]!)), o.mul(q[1]!, q[1]!)),
    });
    const hits = poincareSection(
      pair,
      yoshida6,
      stateOf([0.5, 1], [0, 0]),
      { name: 'x = 0', surface: (_o, q) => q[0]!, direction: 1 },
      { step: 0.05, steps: 4000 },
    );
    // x = cos t / 2 rises through 0 at 3π/2 and every 2π from there.
    expect(hits.length).toBe(1 + Math.floor((200 - 1.5 * Math.PI) / (2 * Math.PI)));
    for (const { q, p } of hits) {
      expect(q[0]).toBeCloseTo(0, 12);
      expect(q[1]! ** 2 + p[1]! ** 2 / 2).toBeCloseTo(1, 8);
    }
  });
  test('an oscillator returns every period', () => {
    const times = returnTimes(run(harmonicOscillator(), stateOf([1], [0]), 0.01, 4000, forestRuth), 0.05);
    expect(times.length).toBe(6);
    times.forEach((t, k) => {
      expect(Math.abs(t - 2 * Math.PI * (k + 1))).toBeLessThan(0.06);
    });
  });
});

describe('shadow Hamiltonian', () => {
  test('leapfrog on the oscillator conserves p² + ω²q²(1 − h²ω²/4), up to a factor', () => {
    const [h, base] = [0.1, stateOf([0], [0])];
    const shadow = shadowHamiltonian(leapfrog, harmonicOscillator(), h, base);
    const shape = (q: number, p: number) => p * p + q * q * (1 - (h * h) / 4);
    const factor = shadow([1], [0]) / shape(1, 0);
    for (const [q, p] of [
      [0, 1],
      [0.6, -0.8],
      [2, 1],
    ] as const)
      expect(shadow([q], [p]) / shape(q, p)).toBeCloseTo(factor, 9);
  });
  test.each([
    ['leapfrog-kdk', -1 / 24, 1 / 12],
    ['leapfrog-dkd', 1 / 12, -1 / 24],
  ] as const)(
    '%s on the pendulum: h² terms of the Baker–Campbell–Hausdorff series',
    (name, ofForce, ofSpeed) => {
      const base = stateOf([0], [0]);
      const correction = (h: number, q: number, p: number) =>
        (shadowHamiltonian(integratorNamed(name), pendulum(), h, base)([q], [p]) -
          (p * p) / 2 -
          1 +
          Math.cos(q)) /
        (h * h);
      const expected = (q: number, p: number) => ofForce * Math.sin(q) ** 2 + ofSpeed * p * p * Math.cos(q);
      for (const [q, p] of [
        [1, 0.3],
        [0.4, -0.9],
      ] as const) {
        const [wide, narrow] = [0.1, 0.05].map((h) => Math.abs(correction(h, q, p) - expected(q, p)));
        expect(narrow).toBeLessThan(2e-3);
        expect(wide! / narrow!).toBeGreaterThan(3.5);
      }
    },
  );
  test('it stands stiller than H by orders of magnitude, also for a method that is not symmetric', () => {
    for (const [name, gain] of [
      ['leapfrog-kdk', 1e5],
      ['symplectic-euler', 1e4],
    ] as const) {
      const method = integratorNamed(name);
      const motion = run(pendulum(), stateOf([1.2], [0]), 0.1, 100, method);
      const shadow = shadowHamiltonian(method, pendulum(), 0.1, stateOf([0], [0]));
      const values = Array.from(motion.times, (_, k) => shadow([motion.q_KN[k]!], [motion.p_KN[k]!]));
      const wander = drift(motion.times, values).largest;
      expect(drift(motion.times, motion.energies).largest / wander, name).toBeGreaterThan(gain);
    }
  });
  test('also where the field itself is nearly 0: at the top of the pendulum', () => {
    const shadow = shadowHamiltonian(leapfrog, pendulum(), 0.1, stateOf([3], [0]));
    // V(π) − V(3) = 1 + cos 3, up to the shadow's own h² terms.
    for (const [q, p] of [
      [Math.PI, 0],
      [Math.PI + 1e-9, 1e-9],
    ] as const)
      expect(shadow([q], [p])).toBeCloseTo(1 + Math.cos(3), 3);
  });
  test('Runge–Kutta follows none', () =>
    expect(() => shadowHamiltonian(rk4, pendulum(), 0.1, stateOf([0], [0]))).toThrowError(
      expect.objectContaining({ code: 'mechanics.needs' }),
    ));
});
