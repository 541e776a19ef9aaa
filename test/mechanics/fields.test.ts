import { describe, expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import { stateOf } from '../../src/mechanics/build.ts';
import { ostrogradsky, paisUhlenbeck } from '../../src/mechanics/fields/ostrogradsky.ts';
import {
  energyLaw,
  type FieldPotential,
  type FieldState,
  type Lattice,
  massTerm,
  multisymplecticDefect,
  sineGordon,
  startField,
  stepField,
  stepTangent,
} from '../../src/mechanics/fields/wave.ts';
import { integrate } from '../../src/mechanics/integrate.ts';
import { gaussLegendre4, gaussLegendre6 } from '../../src/mechanics/integrators/gauss-legendre.ts';

const LENGTH = 40;
const make = (potential: FieldPotential, scheme: Lattice['scheme'], points: number): Lattice => ({
  potential,
  scheme,
  dx: LENGTH / points,
  dt: (0.8 * LENGTH) / points,
});

/** The breather of frequency w, on a ring long enough for its tails. */
const w = 0.6;
const k = Math.sqrt(1 - w * w);
const breather = (x: number, t: number) => 4 * Math.atan(((k / w) * Math.sin(w * t)) / Math.cosh(k * x));
const places = (points: number) =>
  Float64Array.from({ length: points }, (_, j) => (j * LENGTH) / points - LENGTH / 2);
const startBreather = (lattice: Lattice, points: number): FieldState => {
  const x = places(points);
  return startField(
    lattice,
    x.map((xi) => breather(xi, 0)),
    x.map((xi) => (4 * k) / Math.cosh(k * xi)),
  );
};

/** Largest local residual, and largest relative change of the total energy, over `steps`. */
function watch(lattice: Lattice, start: FieldState, steps: number) {
  let state = start;
  let [local, first, spread] = [0, Number.NaN, 0];
  for (let n = 0; n < steps; n++) {
    const next = stepField(lattice, state);
    const { residual, total } = energyLaw(lattice, state.before, state.now, next.now);
    if (n === 0) first = total;
    local = residual.reduce((most, r) => Math.max(most, Math.abs(r)), local);
    spread = Math.max(spread, Math.abs(total / first - 1));
    state = next;
  }
  return { local, spread, total: first };
}

describe('sine-Gordon lattice', () => {
  test.each(['multisymplectic', 'energy'] as const)('%s: follows the breather with order 2', (scheme) => {
    const error = (points: number) => {
      const lattice = make(sineGordon, scheme, points);
      const steps = Math.round(8 / lattice.dt);
      let state = startBreather(lattice, points);
      for (let n = 1; n < steps; n++) state = stepField(lattice, state);
      const x = places(points);
      return Math.max(...state.now.map((u, j) => Math.abs(u - breather(x[j]!, steps * lattice.dt))));
    };
    expect(Math.log2(error(200) / error(400))).toBeCloseTo(2, 0);
    expect(error(400)).toBeLessThan(3e-2);
  });

  test('the local energy law of the energy scheme is exact, in every cell and for 800 steps', () => {
    const lattice = make(sineGordon, 'energy', 200);
    const { local, spread, total } = watch(lattice, startBreather(lattice, 200), 800);
    expect(local).toBeLessThan(1e-10);
    expect(spread).toBeLessThan(1e-12);
    // A breather of frequency w has the energy 16 √(1 − w²); the lattice is coarse.
    expect(Math.abs(total / (16 * k) - 1)).toBeLessThan(0.02);
  });

  test('that of the multisymplectic scheme holds up to order 2, without drift of the total', () => {
    const residual = (points: number) => {
      const lattice = make(sineGordon, 'multisymplectic', points);
      return watch(lattice, startBreather(lattice, points), Math.round(20 / lattice.dt));
    };
    const [coarse, fine] = [residual(200), residual(400)];
    expect(Math.log2(coarse.local / fine.local)).toBeCloseTo(2, 0);
    const long = make(sineGordon, 'multisymplectic', 200);
    const { spread } = watch(long, startBreather(long, 200), 5000);
    expect(spread).toBeLessThan(2 * coarse.spread);
  });

  test('the multisymplectic law a ∧ b holds in every cell to rounding; the energy scheme does not keep it', () => {
    const points = 64;
    const stream = random(1);
    const noise = () => Float64Array.from({ length: points }, () => stream.normal());
    const lattice = make(sineGordon, 'multisymplectic', points);
    let state = startBreather(lattice, points);
    let [a, b]: FieldState[] = [
      { before: noise(), now: noise() },
      { before: noise(), now: noise() },
    ];
    for (let n = 0; n < 50; n++) {
      const [nextA, nextB] = [stepTangent(lattice, state, a!), stepTangent(lattice, state, b!)];
      const levels = (old: FieldState, next: FieldState) => [old.before, old.now, next.now] as const;
      expect(multisymplecticDefect(lattice, [...levels(a!, nextA)], [...levels(b!, nextB)])).toBeLessThan(
        1e-13,
      );
      state = stepField(lattice, state);
      [a, b] = [nextA, nextB];
    }
    // The linearised step is the derivative of the step.
    const e = 1e-5;
    const shifted = (by: number) =>
      stepField(lattice, { before: state.before, now: state.now.map((u, j) => u + by * (j === 7 ? 1 : 0)) })
        .now;
    const [up, down] = [shifted(e), shifted(-e)];
    const unit = {
      before: new Float64Array(points),
      now: Float64Array.from({ length: points }, (_, j) => (j === 7 ? 1 : 0)),
    };
    stepTangent(lattice, state, unit).now.forEach((slope, j) => {
      expect((up[j]! - down[j]!) / (2 * e)).toBeCloseTo(slope, 8);
    });
  });
});

describe('linear waves', () => {
  test.each([0, 0.7])(
    'mass %f: the multisymplectic scheme keeps the local energy law to rounding',
    (mass) => {
      const stream = random(2);
      const noise = () => Float64Array.from({ length: 100 }, () => stream.normal());
      const lattice = make(massTerm(mass), 'multisymplectic', 100);
      const { local, spread } = watch(lattice, startField(lattice, noise(), noise()), 1000);
      expect(local).toBeLessThan(1e-11);
      expect(spread).toBeLessThan(1e-12);
    },
  );
  test('and under a constant force beside it', () => {
    const potential: FieldPotential = {
      name: 'leaning',
      value: (u) => 2 + u + (u * u) / 2,
      slope: (u) => 1 + u,
      curvature: () => 1,
    };
    const lattice = make(potential, 'multisymplectic', 100);
    const bump = Float64Array.from({ length: 100 }, (_, j) => Math.sin((2 * Math.PI * j) / 100));
    expect(watch(lattice, startField(lattice, bump, bump), 200).local).toBeLessThan(1e-11);
  });
  test('a ring or a step that cannot be is named', () => {
    const lattice = make(massTerm(), 'multisymplectic', 100);
    expect(() => startField(lattice, new Float64Array(5), new Float64Array(4))).toThrowError(
      expect.objectContaining({ code: 'mechanics.length' }),
    );
    expect(() => startField({ ...lattice, dt: 1 }, new Float64Array(5), new Float64Array(5))).toThrowError(
      expect.objectContaining({ code: 'mechanics.option' }),
    );
  });
});

describe('Pais–Uhlenbeck oscillator through Ostrogradsky’s momenta', () => {
  const system = paisUhlenbeck(1, 2);
  /** q = a cos t + b cos 2t: q̈, P₂ = −q̈ and P₁ = (ω₁² + ω₂²)q̇ + q⃛ follow. */
  const exact = (a: number, b: number, t: number) => ({
    q: a * Math.cos(t) + b * Math.cos(2 * t),
    v: -a * Math.sin(t) - 2 * b * Math.sin(2 * t),
    acceleration: -a * Math.cos(t) - 4 * b * Math.cos(2 * t),
    jerk: a * Math.sin(t) + 8 * b * Math.sin(2 * t),
  });
  const stateAt = (a: number, b: number, t: number) => {
    const { q, v, acceleration, jerk } = exact(a, b, t);
    return stateOf([q, v], [5 * v + jerk, -acceleration]);
  };
  test('moves as the sum of its two frequencies', () => {
    const { final } = integrate(system, gaussLegendre6, stateAt(1, 0.5, 0.3), { step: 0.1, steps: 200 });
    const end = stateAt(1, 0.5, 20.3);
    for (const i of [0, 1]) {
      expect(final.q[i]).toBeCloseTo(end.q[i]!, 6);
      expect(final.p[i]).toBeCloseTo(end.p[i]!, 6);
    }
  });
  test('conserves an energy without a lower bound: the two oscillators count with opposite signs', () => {
    const energy = (a: number, b: number) => {
      const { q, p } = stateAt(a, b, 0.4);
      return system.energy(q, p);
    };
    // H = ½(ω₂² − ω₁²)(ω₁²a² − ω₂²b²), from the two modes.
    expect(energy(1, 0)).toBeCloseTo(1.5, 12);
    expect(energy(0, 1)).toBeCloseTo(-6, 12);
    const { energies } = integrate(system, gaussLegendre4, stateAt(1, 0.5, 0), { step: 0.1, steps: 1000 });
    expect(Math.max(...energies) - Math.min(...energies)).toBeLessThan(1e-11);
  });
  test('a Lagrangian whose force is not linear, and one without an acceleration', () => {
    const stiff = ostrogradsky({
      name: 'stiff',
      dimension: 1,
      formula: (o, x) => {
        const a2 = o.mul(x[2]!, x[2]!);
        return o.sub(
          o.add(o.mul(0.5, a2), o.mul(0.1, o.mul(a2, a2))),
          o.add(o.mul(0.5, o.mul(x[1]!, x[1]!)), o.cos(x[0]!)),
        );
      },
    });
    const start = stateOf([0.4, 0.1], [0.2, -0.3]);
    const { energies } = integrate(stiff, gaussLegendre6, start, { step: 0.05, steps: 60 });
    expect(Math.max(...energies) - Math.min(...energies)).toBeLessThan(1e-8);
    const none = ostrogradsky({ name: 'none', dimension: 1, formula: (o, x) => o.mul(x[1]!, x[1]!) });
    expect(() => none.energy(Float64Array.of(0, 0), Float64Array.of(0, 1))).toThrowError(
      expect.objectContaining({ code: 'mechanics.singular' }),
    );
  });
});
