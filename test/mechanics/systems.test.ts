/** @file The built-in systems against known answers, an independent program, and their own energies. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { hamiltonian, separable, stateOf } from '../../src/mechanics/build.ts';
import { drift } from '../../src/mechanics/diagnostics/drift.ts';
import { gradient, real } from '../../src/mechanics/differentiate.ts';
import { integrate, sampleAt } from '../../src/mechanics/integrate.ts';
import { integratorNamed } from '../../src/mechanics/integrators/registry.ts';
import { chargedParticle } from '../../src/mechanics/systems/charged-particle.ts';
import { coupledOscillators, modeFrequency } from '../../src/mechanics/systems/coupled-oscillators.ts';
import { doubleWell } from '../../src/mechanics/systems/double-well.ts';
import { HENON_HEILES_ESCAPE, henonHeiles } from '../../src/mechanics/systems/henon-heiles.ts';
import { figureEight, nBody, totalMomenta } from '../../src/mechanics/systems/n-body.ts';
import { systems } from '../../src/mechanics/systems/registry.ts';
import { separation, separationOnSpheres } from '../../src/mechanics/systems/separation.ts';
import { todaLattice, todaLax } from '../../src/mechanics/systems/toda.ts';
import { stepJacobian } from '../../src/mechanics/tangent.ts';
import type { State, System } from '../../src/mechanics/types.ts';

const oracle = JSON.parse(readFileSync('test/oracles/mechanics.json', 'utf8')) as {
  ends: Record<string, { time: number; end: number[] }>;
};

describe('SciPy (DOP853) from equations written a second time ends in the same state', () => {
  test.each(Object.entries(oracle.ends))('%s', (name, { time, end }) => {
    const entry = systems.get(name)!;
    const start = entry.start();
    const fine = integrate(entry.make(), integratorNamed('gauss-legendre-6'), start, {
      step: time / 2000,
      steps: 2000,
      every: 2000,
    });
    [...fine.final.q, ...fine.final.p].forEach((x, i) => {
      expect(Math.abs(x - end[i]!)).toBeLessThan(1e-9);
    });
  });
});

describe('forces and gradients given by hand equal those by differentiation of the energy', () => {
  const generic = (n: number, seed: number) =>
    Float64Array.from({ length: n }, (_, i) => Math.sin(seed + 1.7 * i));
  const separables = [
    ...systems.values(),
    {
      name: '20 bodies',
      make: () => nBody({ masses: generic(20, 1).map((m) => 1 + m * m), softening: 0.1 }),
    },
  ]
    .map((entry) => entry.make())
    .filter((system) => system.kind === 'separable');
  test.each(separables.map((system) => [system.name, system] as const))('%s', (_, system) => {
    const [q, p] = [generic(system.dimension, 0.3), generic(system.dimension, 2)];
    const out = new Float64Array(system.dimension);
    system.force(q, out);
    gradient(real, system.potentialFormula!, q).forEach((slope, i) => {
      expect(out[i]).toBeCloseTo(-slope, 9);
    });
    system.velocity(p, out);
    gradient(real, system.kineticFormula!, p).forEach((slope, i) => {
      expect(out[i]).toBeCloseTo(slope, 11);
    });
    expect(system.energy(q, p)).toBeCloseTo(system.formula!(real, q, p), 9);
  });
  const general = [...systems.values()]
    .map((entry) => entry.make())
    .filter((system) => system.kind === 'hamiltonian');
  test.each(general.map((system) => [system.name, system] as const))('%s', (_, system) => {
    const plain = hamiltonian({ name: 'derived', dimension: system.dimension, energy: system.formula! });
    const [q, p] = [generic(system.dimension, 0.3), generic(system.dimension, 2)];
    const [given, derived] = [new Float64Array(system.dimension), new Float64Array(system.dimension)];
    for (const part of ['dHdq', 'dHdp'] as const) {
      system[part](q, p, given);
      plain[part](q, p, derived);
      given.forEach((x, i) => {
        expect(x).toBeCloseTo(derived[i]!, 11);
      });
    }
  });
});

test('a Lagrangian and its Hamiltonian give the same motion: double pendulum and charge', () => {
  for (const name of ['double-pendulum', 'charged-particle']) {
    const entry = systems.get(name)!;
    const ends = ['variational-galerkin-6', 'gauss-legendre-6'].map(
      (method) =>
        integrate(entry.make(), integratorNamed(method), entry.start(), { step: 0.02, steps: 50 }).final,
    );
    ends[0]!.q.forEach((x, i) => {
      expect(x).toBeCloseTo(ends[1]!.q[i]!, 9);
      expect(ends[0]!.p[i]).toBeCloseTo(ends[1]!.p[i]!, 9);
    });
  }
});

test('mass: a diagonal and a matrix; coupled masses swing with the known frequencies', () => {
  const mass = [
    [2, 0.5],
    [0.5, 1],
  ];
  const system = separable({
    name: 'two',
    dimension: 2,
    mass,
    potential: (o, q) => o.mul(0.5, o.add(o.mul(q[0]!, q[0]!), o.mul(q[1]!, q[1]!))),
  });
  const out = new Float64Array(2);
  system.mass!.times(Float64Array.of(1, 2), out);
  expect([...out]).toEqual([3, 2.5]);
  system.velocity(Float64Array.of(3, 2.5), out);
  expect(out[0]).toBeCloseTo(1, 14);
  expect(out[1]).toBeCloseTo(2, 14);
  expect(system.kinetic(Float64Array.of(3, 2.5))).toBeCloseTo(0.5 * (3 * 1 + 2.5 * 2), 14);
  // M v = λ v with λ = 1/ω²: start in that mode and return after one period.
  const lambda = (3 + Math.SQRT2) / 2;
  const v = [0.5, lambda - 2];
  const period = 2 * Math.PI * Math.sqrt(lambda);
  const { final } = integrate(system, integratorNamed('yoshida-8'), stateOf(v, [0, 0]), {
    step: period / 100,
    steps: 100,
  });
  final.q.forEach((x, i) => {
    expect(x).toBeCloseTo(v[i]!, 9);
  });
});

test('coupled oscillators: every normal mode returns after its own period', () => {
  const count = 5;
  for (let mode = 1; mode <= count; mode++) {
    const shape = Array.from({ length: count }, (_, i) => Math.sin(((i + 1) * mode * Math.PI) / (count + 1)));
    const period = (2 * Math.PI) / modeFrequency(mode, count);
    const { final } = integrate(
      coupledOscillators({ count }),
      integratorNamed('yoshida-8'),
      stateOf(shape, new Float64Array(count)),
      { step: period / 100, steps: 100 },
    );
    final.q.forEach((x, i) => {
      expect(x).toBeCloseTo(shape[i]!, 9);
    });
  }
});

test('Toda: traces of powers of the Lax matrix stay', () => {
  const run = integrate(todaLattice(), integratorNamed('yoshida-8'), systems.get('toda-lattice')!.start(), {
    step: 0.02,
    steps: 1000,
    every: 100,
  });
  const traces = ({ q, p }: State) => {
    const L = todaLax(q, p);
    const times = (A: number[][], B: number[][]) =>
      A.map((row) => B[0]!.map((_, j) => row.reduce((s, x, k) => s + x * B[k]![j]!, 0)));
    const square = times(L, L);
    return [L, square, times(square, L)].map((M) => M.reduce((s, row, i) => s + row[i]!, 0));
  };
  const first = traces(sampleAt(run, 0));
  for (let k = 1; k < run.times.length; k++) {
    traces(sampleAt(run, k)).forEach((trace, i) => {
      expect(Math.abs(trace - first[i]!)).toBeLessThan(1e-11);
    });
  }
});

test('a charge in an even field circles with frequency eB/m', () => {
  const system = chargedParticle({ charge: 2, mass: 4, field: 3 });
  const start = stateOf([0.3, -0.2, 0], [0.5, 0.7, 0.4]);
  const period = (2 * Math.PI) / ((2 * 3) / 4);
  const { final } = integrate(system, integratorNamed('gauss-legendre-6'), start, {
    step: period / 200,
    steps: 200,
  });
  expect(final.q[0]).toBeCloseTo(0.3, 10);
  expect(final.q[1]).toBeCloseTo(-0.2, 10);
  expect(final.q[2]).toBeCloseTo((0.4 / 4) * period, 10);
});

test('N bodies: the figure eight closes, and total momenta stay to rounding', () => {
  const period = 6.32591398;
  const run = integrate(nBody({ masses: [1, 1, 1] }), integratorNamed('yoshida-8'), figureEight(), {
    step: period / 1000,
    steps: 1000,
    every: 100,
  });
  run.final.q.forEach((x, i) => {
    expect(Math.abs(x - figureEight().q[i]!)).toBeLessThan(1e-6);
  });
  for (let k = 0; k < run.times.length; k++) {
    const { q, p } = sampleAt(run, k);
    const { linear, angular } = totalMomenta(q, p);
    for (const x of [...linear, ...angular]) expect(Math.abs(x)).toBeLessThan(1e-13);
  }
});

test('Hénon–Heiles: saddles have the escape energy; below it nothing leaves the triangle', () => {
  const system = henonHeiles();
  for (const saddle of [
    [0, 1],
    [Math.sqrt(3) / 2, -0.5],
    [-Math.sqrt(3) / 2, -0.5],
  ]) {
    const q = Float64Array.from(saddle);
    const out = new Float64Array(2);
    system.force(q, out);
    for (const f of out) expect(Math.abs(f)).toBeLessThan(1e-14);
    expect(system.potential(q)).toBeCloseTo(HENON_HEILES_ESCAPE, 14);
  }
  const y = 0.1;
  const p = Math.sqrt(2 * (0.99 * HENON_HEILES_ESCAPE - system.potential(Float64Array.of(0, y))));
  const inside = integrate(system, integratorNamed('pefrl'), stateOf([0, y], [p, 0]), {
    step: 0.05,
    steps: 100_000,
    every: 10,
  });
  for (let k = 0; k < inside.times.length; k++) {
    const { q } = sampleAt(inside, k);
    expect(q[1]! > -0.5 && q[1]! < 1 - Math.sqrt(3) * Math.abs(q[0]!)).toBe(true);
  }
});

test('double well: below the barrier a motion stays on its side, above it changes', () => {
  const sides = (energy: number) => {
    const run = integrate(doubleWell(), integratorNamed('pefrl'), stateOf([1], [Math.sqrt(2 * energy)]), {
      step: 0.01,
      steps: 20_000,
    });
    return new Set(Array.from(run.q_KN, Math.sign)).size;
  };
  expect(sides(0.999)).toBe(1);
  expect(sides(1.001)).toBe(2);
});

describe('separation potential', () => {
  const potentialAt = (angles: readonly number[]) =>
    separation({ features: angles.length }).potential(
      Float64Array.from(
        angles.flatMap((a) => [Math.cos((a * Math.PI) / 180), Math.sin((a * Math.PI) / 180)]),
      ),
    );
  test('tells a pentagon from two digons and one (mechanics.md §4: 0.955 and 2.0)', () => {
    expect(potentialAt([0, 72, 144, 216, 288])).toBeCloseTo(10 * Math.cos((72 * Math.PI) / 180) ** 2, 13);
    expect(potentialAt([0, 72, 144, 216, 288])).toBeCloseTo(0.955, 3);
    expect(potentialAt([0, 90, 180, 270, 0])).toBeCloseTo(2, 13);
  });
  test('weights count each pair once in either order', () => {
    const weights = [0, 3, 3, 0];
    expect(separation({ features: 2, weights }).potential(Float64Array.of(1, 0, 0.6, 0.8))).toBeCloseTo(
      6 * 0.36,
      14,
    );
  });
  test('on spheres RATTLE keeps the energy bounded over 10⁴ steps and the lengths at 1', () => {
    const system = separationOnSpheres();
    const run = integrate(system, integratorNamed('rattle'), systems.get('separation-on-spheres')!.start(), {
      step: 0.02,
      steps: 10_000,
      every: 10,
    });
    const half = run.times.length / 2;
    const early = drift(run.times.subarray(0, half), run.energies.subarray(0, half)).largest;
    expect(drift(run.times, run.energies).largest).toBeLessThan(2 * early);
    for (let i = 0; i < 10; i += 2)
      expect(Math.hypot(run.final.q[i]!, run.final.q[i + 1]!)).toBeCloseTo(1, 12);
  });
});

test('the derivative of a step equals central differences', () => {
  for (const name of ['kepler', 'double-pendulum', 'damped-pendulum']) {
    const entry = systems.get(name)!;
    const system: System = entry.make();
    const method = integratorNamed(name === 'kepler' ? 'pefrl' : 'gauss-legendre-4');
    const start = entry.start();
    const n = system.dimension;
    const exact = stepJacobian(method, system, start, entry.step);
    for (let column = 0; column < 2 * n; column++) {
      const ends = [1e-5, -1e-5].map((shift) => {
        const state = stateOf(start.q, start.p);
        (column < n ? state.q : state.p)[column % n]! += shift;
        method.stepper(system)(state, entry.step);
        return [...state.q, ...state.p];
      });
      exact.forEach((row, i) => {
        expect((ends[0]![i]! - ends[1]![i]!) / 2e-5).toBeCloseTo(row[column]!, 7);
      });
    }
  }
});
