/** @file Self-check of mechanics: what the methods of integration promise, measured as mechanics.md §6 of the design says. */
import { type Check, type CheckRow, checkRow } from '../core/check.ts';
import { stateOf } from './build.ts';
import { furtherRows } from './diagnostics/check-rows.ts';
import { drift } from './diagnostics/drift.ts';
import { energyOrder } from './diagnostics/order.ts';
import { reversibilityDefect, symplecticityDefect } from './diagnostics/structure.ts';
import { integrate } from './integrate.ts';
import { integratorNamed, integrators } from './integrators/registry.ts';
import { henonHeiles } from './systems/henon-heiles.ts';
import { angularMomentum, kepler, keplerOrbit } from './systems/kepler.ts';
import { harmonicOscillator } from './systems/oscillator.ts';
import { pendulum, pendulumPeriod } from './systems/pendulum.ts';
import { systemNamed } from './systems/registry.ts';
import type { State, System } from './types.ts';

const area = 'mechanics';
const row = (name: string, value: number, bar: number) => checkRow(area, name, value, bar);

/** Bars of the project: order, one step's structure, periods, modified energy, drift beside RK4's. */
const BARS = { order: 0.1, structure: 1e-13, period: 1e-10, modified: 1e-12, drift: 1e-3 };

/**
 * Largest relative energy error on Kepler e = 0.6 with 1,200 forces a period over 100 periods, from an independent
 * program, rounded to two digits.
 */
export const KEPLER_TABLE: Readonly<Record<string, number>> = {
  'symplectic-euler': 1.5e-2,
  'leapfrog-kdk': 2.0e-4,
  'leapfrog-dkd': 3.5e-5,
  'forest-ruth': 2.5e-6,
  pefrl: 8.9e-7,
  'yoshida-6': 8.8e-8,
  'kahan-li-6': 1.5e-8,
  'yoshida-8': 1.4e-8,
};

/** Integrators first, then everything else of the room. */
export const checks: Check[] = [
  { area, rows: async () => integratorRows() },
  { area, rows: async () => furtherRows() },
];

function integratorRows(): CheckRow[] {
  const kepler100 = Object.entries(KEPLER_TABLE).map(([name, bar]) =>
    row(
      `${name}: energy error on Kepler at 1,200 forces a period`,
      Number(energyErrorAtEqualCost(name).toPrecision(2)),
      bar,
    ),
  );
  return [
    ...orderRows(),
    ...kepler100,
    row('drift of PEFRL over 1,000 periods, as a share of RK4’s', driftRatio(1000), BARS.drift),
    ...structureRows(),
    row('Kepler’s angular momentum under yoshida-8, 1,000 steps', angularMomentumDefect(), BARS.structure),
    ...(['leapfrog-kdk', 'leapfrog-dkd'] as const).map((name) =>
      row(`${name}: modified energy of the oscillator, 10⁵ steps`, modifiedEnergyDefect(name), BARS.modified),
    ),
    row('pendulum periods at 10°, 90°, 150°, 179°, relative', periodDefect(), BARS.period),
    row(
      'variational midpoint − implicit midpoint',
      twins('variational-midpoint', 'implicit-midpoint'),
      BARS.structure,
    ),
    row(
      'variational trapezoidal − leapfrog',
      twins('variational-trapezoidal', 'leapfrog-kdk'),
      BARS.structure,
    ),
  ];
}

/** Largest |ΔE/E| of Kepler e = 0.6 over 100 periods at 1,200 forces a period. */
export function energyErrorAtEqualCost(name: string): number {
  const method = integratorNamed(name);
  const perPeriod = Math.floor(1200 / method.forcesPerStep);
  const run = integrate(kepler(), method, keplerOrbit(0.6), {
    step: (2 * Math.PI) / perPeriod,
    steps: 100 * perPeriod,
  });
  return drift(run.times, run.energies).relative;
}

interface OrderProblem {
  readonly system: System;
  readonly start: State;
  readonly time: number;
  /** Steps of the coarser run, by order: errors in the asymptotic range, and above rounding when halved. */
  readonly steps: Readonly<Record<number, number>>;
}

/** Where orders are measured by energy error. None starts at rest: at turning points phase errors cancel. */
export const ORDER_PROBLEMS: Readonly<Record<string, OrderProblem>> = {
  pendulum: {
    system: pendulum(),
    start: stateOf([1], [0.7]),
    time: 10,
    steps: { 1: 4096, 2: 256, 4: 128, 6: 64, 8: 40 },
  },
  kepler: {
    system: kepler(),
    start: keplerOrbit(0.6),
    time: 2 * Math.PI,
    steps: { 1: 8192, 2: 512, 4: 512, 6: 256, 8: 112 },
  },
  'henon-heiles': {
    system: henonHeiles(),
    start: stateOf([0, 0.1], [0.45, 0]),
    time: 10,
    steps: { 1: 1024, 2: 256, 4: 128, 6: 64, 8: 32 },
  },
};

const splitting = [...integrators.values()].filter(
  (method) => method.needs === 'separable' && method.symplectic,
);

/** |order found − order promised|, the worst of the splitting methods, on three problems. */
function orderRows(): CheckRow[] {
  return Object.entries(ORDER_PROBLEMS).map(([name, { system, start, time, steps }]) => {
    const gaps = splitting.map((method) => {
      const step = time / steps[method.order]!;
      return Math.abs(energyOrder(system, method, start, { time, step, halvings: 1 }).order - method.order);
    });
    return row(
      `orders of ${splitting.length} splitting methods on ${name}, worst`,
      Math.max(...gaps),
      BARS.order,
    );
  });
}

function structureRows(): CheckRow[] {
  const [entry, at] = [systemNamed('henon-heiles'), stateOf([0.1, 0.2], [0.3, 0.1])];
  const able = [...integrators.values()].filter((method) =>
    ['separable', 'rates', 'lagrangian', 'damped'].includes(method.needs),
  );
  const worst = (defects: readonly number[]) => Math.max(...defects);
  const symplectic = able.filter((method) => method.symplectic);
  const symmetric = able.filter((method) => method.symmetric);
  const system = entry.make();
  const damped = systemNamed('damped-pendulum');
  const conformal = able.filter((method) => method.needs === 'damped');
  return [
    row(
      `DΦᵀΩDΦ − Ω of ${symplectic.length} methods on Hénon–Heiles, worst`,
      worst(symplectic.map((method) => symplecticityDefect(method, system, at, 0.1))),
      BARS.structure,
    ),
    row(
      'DΦᵀΩDΦ − e^(−γh) Ω of conformal methods on the damped pendulum, worst',
      worst(conformal.map((method) => symplecticityDefect(method, damped.make(), damped.start(), 0.1))),
      BARS.structure,
    ),
    row(
      `one step and back, ${symmetric.length} symmetric methods, worst`,
      worst(symmetric.map((method) => reversibilityDefect(method, system, at, 0.1))),
      BARS.structure,
    ),
  ];
}

/** Trend of |ΔE| on Kepler e = 0.6 at 1,200 forces a period: PEFRL's over RK4's. */
function driftRatio(periods: number): number {
  const trend = (name: string) => {
    const method = integratorNamed(name);
    const every = 1200 / method.forcesPerStep;
    const run = integrate(kepler(), method, keplerOrbit(0.6), {
      step: (2 * Math.PI) / every,
      steps: periods * every,
      every,
    });
    return drift(run.times, run.energies).trend;
  };
  return Math.abs(trend('pefrl') / trend('rk4'));
}

function angularMomentumDefect(): number {
  const run = integrate(kepler(), integratorNamed('yoshida-8'), keplerOrbit(0.6), {
    step: 0.05,
    steps: 1000,
  });
  const { q, p } = run.final;
  return Math.abs(angularMomentum(q, p) - 0.8);
}

/**
 * Largest change of leapfrog's own energy on the oscillator (ω = 1, h = 0.1) over 10⁵ steps, which it keeps exactly:
 * p² + q²(1 − h²/4) for kick–drift–kick, p²(1 − h²/4) + q² for drift–kick–drift (Hairer, Lubich, Wanner (2003) §4).
 */
export function modifiedEnergyDefect(name: 'leapfrog-kdk' | 'leapfrog-dkd'): number {
  const h = 0.1;
  const weight = 1 - (h * h) / 4;
  const [ofQ, ofP] = name === 'leapfrog-kdk' ? [weight, 1] : [1, weight];
  const state = stateOf([1], [0.3]);
  const step = integratorNamed(name).stepper(harmonicOscillator());
  const energy = () => ofP * state.p[0]! ** 2 + ofQ * state.q[0]! ** 2;
  const first = energy();
  let worst = 0;
  for (let k = 0; k < 100_000; k++) {
    step(state, h);
    worst = Math.max(worst, Math.abs(energy() - first));
  }
  return worst;
}

/** Largest relative error of the pendulum's period over amplitudes and methods of order 6 and more, events by Newton. */
function periodDefect(): number {
  const methods = ['yoshida-6', 'kahan-li-6', 'yoshida-8', 'kahan-li-8', 'gauss-legendre-6'];
  return Math.max(
    ...methods.flatMap((name) => [10, 90, 150, 179].map((degrees) => periodError(name, degrees))),
  );
}

/** |T/4K − 1| of the pendulum from rest at an angle, T between two falls through the bottom. */
export function periodError(name: string, degrees: number, step = 0.02): number {
  const amplitude = (degrees * Math.PI) / 180;
  const exact = pendulumPeriod(amplitude);
  const { hits } = integrate(pendulum(), integratorNamed(name), stateOf([amplitude], [0]), {
    step,
    steps: Math.ceil((1.3 * exact) / step),
    every: 1_000_000,
    events: [{ name: 'bottom', surface: (_o, q) => q[0]!, direction: -1 }],
  });
  return Math.abs((hits[1]!.t - hits[0]!.t) / exact - 1);
}

/** Largest difference after one step from a generic point of Hénon–Heiles. */
function twins(one: string, other: string): number {
  const [a, b] = [stateOf([0.1, 0.2], [0.3, 0.1]), stateOf([0.1, 0.2], [0.3, 0.1])];
  integratorNamed(one).stepper(henonHeiles())(a, 0.1);
  integratorNamed(other).stepper(henonHeiles())(b, 0.1);
  return Math.max(...a.q.map((x, i) => Math.abs(x - b.q[i]!)), ...a.p.map((x, i) => Math.abs(x - b.p[i]!)));
}
