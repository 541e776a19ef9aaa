/** @file The built-in systems by name, each with a start worth watching and a step that suits it. */
import { MechanicsError, nearestNames } from '../../core/errors.ts';
import { damped, stateOf } from '../build.ts';
import type { State, System } from '../types.ts';
import { chargedParticle } from './charged-particle.ts';
import { coupledOscillators } from './coupled-oscillators.ts';
import { doublePendulum } from './double-pendulum.ts';
import { doubleWell } from './double-well.ts';
import { henonHeiles } from './henon-heiles.ts';
import { kepler, keplerOrbit } from './kepler.ts';
import { figureEight, nBody } from './n-body.ts';
import { harmonicOscillator } from './oscillator.ts';
import { pendulum } from './pendulum.ts';
import { rigidBody } from './rigid-body.ts';
import { separation, separationOnSpheres } from './separation.ts';
import { todaLattice } from './toda.ts';

/** A built-in system. */
export interface SystemEntry {
  readonly name: string;
  /** One plain sentence. */
  readonly about: string;
  make(): System;
  start(): State;
  /** A step that leapfrog-like methods manage well. */
  readonly step: number;
  /** Name of a method that suits it. */
  readonly integrator: string;
}

const circle = (features: number) =>
  Array.from({ length: features }, (_, i) => [Math.cos(1.1 * i), Math.sin(1.1 * i)]).flat();
const still = (n: number) => new Float64Array(n);

const entries: readonly SystemEntry[] = [
  {
    name: 'harmonic-oscillator',
    about: 'a mass on a spring: H = p²/2 + q²/2',
    make: () => harmonicOscillator(),
    start: () => stateOf([1], [0]),
    step: 0.1,
    integrator: 'pefrl',
  },
  {
    name: 'pendulum',
    about: 'a weight on a rod of length 1: H = p²/2 + 1 − cos q',
    make: () => pendulum(),
    start: () => stateOf([Math.PI / 2], [0]),
    step: 0.1,
    integrator: 'pefrl',
  },
  {
    name: 'damped-pendulum',
    about: 'the pendulum with friction 0.1 per unit of time',
    make: () => damped(pendulum(), 0.1),
    start: () => stateOf([Math.PI / 2], [0]),
    step: 0.1,
    integrator: 'conformal-leapfrog',
  },
  {
    name: 'double-pendulum',
    about: 'a pendulum hanging from a pendulum: chaotic, not separable',
    make: () => doublePendulum(),
    start: () => stateOf([2, 2], [0, 0]),
    step: 0.02,
    integrator: 'gauss-legendre-4',
  },
  {
    name: 'kepler',
    about: 'a planet round the sun, eccentricity 0.6, period 2π',
    make: () => kepler(),
    start: () => keplerOrbit(0.6),
    step: 0.02,
    integrator: 'pefrl',
  },
  {
    name: 'n-body',
    about: 'three equal masses on the figure-eight orbit',
    make: () => nBody({ masses: [1, 1, 1] }),
    start: () => figureEight(),
    step: 0.01,
    integrator: 'pefrl',
  },
  {
    name: 'henon-heiles',
    about: 'a star in a galaxy: regular at low energy, chaotic at high, held inside a triangle below 1/6',
    make: () => henonHeiles(),
    start: () => stateOf([0, 0.1], [0.3, 0]),
    step: 0.1,
    integrator: 'pefrl',
  },
  {
    name: 'double-well',
    about: 'two valleys with a hill of height 1 between them',
    make: () => doubleWell(),
    start: () => stateOf([1], [1]),
    step: 0.02,
    integrator: 'pefrl',
  },
  {
    name: 'coupled-oscillators',
    about: 'three masses on springs between two walls',
    make: () => coupledOscillators(),
    start: () => stateOf([1, 0, 0], [0, 0, 0]),
    step: 0.1,
    integrator: 'pefrl',
  },
  {
    name: 'toda-lattice',
    about: 'three masses on exponential springs: nonlinear and yet integrable',
    make: () => todaLattice(),
    start: () => stateOf([0.5, 0, -0.5], [1, -0.3, -0.7]),
    step: 0.05,
    integrator: 'pefrl',
  },
  {
    name: 'charged-particle',
    about: 'a charge circling in a magnetic field that grows along x: it drifts; not separable',
    make: () => chargedParticle({ gradient: 0.1 }),
    start: () => stateOf([1, 0, 0], [0, 1, 0.1]),
    step: 0.1,
    integrator: 'gauss-legendre-4',
  },
  {
    name: 'rigid-body',
    about: 'a free top, by its angular momentum in its own frame: Lie–Poisson',
    make: () => rigidBody(),
    start: () => stateOf([0.1, 1, 0.1], []),
    step: 0.1,
    integrator: 'lie-poisson-4',
  },
  {
    name: 'separation',
    about: 'five directions in the plane that repel each other, free to change their lengths',
    make: () => separation(),
    start: () => stateOf(circle(5), still(10)),
    step: 0.05,
    integrator: 'pefrl',
  },
  {
    name: 'separation-on-spheres',
    about: 'the same with every direction held at length 1',
    make: () => separationOnSpheres(),
    start: () => stateOf(circle(5), still(10)),
    step: 0.05,
    integrator: 'rattle',
  },
];

/** Every built-in system, in the order in which they are listed. */
export const systems: ReadonlyMap<string, SystemEntry> = new Map(entries.map((entry) => [entry.name, entry]));

/** The system of this name. Throws `mechanics.unknown-system` with the nearest names. */
export function systemNamed(name: string): SystemEntry {
  const found = systems.get(name);
  if (found) return found;
  throw new MechanicsError('mechanics.unknown-system', `no system is called ${name}`, {
    where: name,
    hint: `did you mean ${nearestNames(name, systems.keys()).join(', ')}?`,
  });
}
