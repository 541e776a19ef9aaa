/** @file Splitting methods as two rows of numbers: drift (q) and kick (p) by turns. */
import type { Integrator, Separable, Step } from '../types.ts';
import { needSeparable } from './need.ts';

/** Lengths of drifts and kicks by turns, in units of the step. */
export interface Coefficients {
  readonly drift: readonly number[];
  readonly kick: readonly number[];
}

interface Method {
  readonly name: string;
  readonly order: number;
  readonly symmetric: boolean;
  readonly reference: string;
}

/**
 * The composition drift[0] kick[0] drift[1] … kick[s−1] drift[s] (q by ∂T/∂p, p by −∂V/∂q): symplectic for any numbers.
 * A drift of 0 is left out.
 */
export function splitting(method: Method, { drift, kick }: Coefficients): Integrator {
  return {
    ...method,
    symplectic: true,
    needs: 'separable',
    forcesPerStep: kick.length,
    stepper: (system) =>
      driftKick(needSeparable(method.name, system), Float64Array.from(drift), Float64Array.from(kick)),
  };
}

function driftKick({ dimension, velocity, force }: Separable, drift: Float64Array, kick: Float64Array): Step {
  const v = new Float64Array(dimension);
  const f = new Float64Array(dimension);
  const stages = kick.length;
  return (state, h) => {
    const { q, p } = state;
    for (let s = 0; s < stages; s++) {
      if (drift[s] !== 0) {
        velocity(p, v);
        const a = drift[s]! * h;
        for (let i = 0; i < dimension; i++) q[i]! += a * v[i]!;
      }
      force(q, f);
      const b = kick[s]! * h;
      for (let i = 0; i < dimension; i++) p[i]! += b * f[i]!;
    }
    if (drift[stages] !== 0) {
      velocity(p, v);
      const a = drift[stages]! * h;
      for (let i = 0; i < dimension; i++) q[i]! += a * v[i]!;
    }
    state.t += h;
  };
}

/**
 * The same beginning and ending with a kick: kick[0] drift[0] kick[1] … drift[s−1] kick[s]. The force at the end of a
 * step is kept for the next one: s new forces a step as long as q is not changed in between.
 */
export function kickFirst(method: Method, { drift, kick }: Coefficients): Integrator {
  return {
    ...method,
    symplectic: true,
    needs: 'separable',
    forcesPerStep: drift.length,
    stepper: (system) =>
      kickDrift(needSeparable(method.name, system), Float64Array.from(drift), Float64Array.from(kick)),
  };
}

function kickDrift({ dimension, velocity, force }: Separable, drift: Float64Array, kick: Float64Array): Step {
  const v = new Float64Array(dimension);
  const f = new Float64Array(dimension);
  const known = new Float64Array(dimension).fill(Number.NaN);
  const stages = drift.length;
  return (state, h) => {
    const { q, p } = state;
    let stale = false;
    for (let i = 0; i < dimension; i++) if (q[i] !== known[i]) stale = true;
    if (stale) force(q, f);
    for (let s = 0; s < stages; s++) {
      const b = kick[s]! * h;
      for (let i = 0; i < dimension; i++) p[i]! += b * f[i]!;
      velocity(p, v);
      const a = drift[s]! * h;
      for (let i = 0; i < dimension; i++) q[i]! += a * v[i]!;
      force(q, f);
    }
    const b = kick[stages]! * h;
    for (let i = 0; i < dimension; i++) p[i]! += b * f[i]!;
    known.set(q);
    state.t += h;
  };
}

/**
 * Composition of leapfrog (drift–kick–drift) steps of lengths w·h, neighbouring drifts merged.
 * `half` lists the first weights; the middle one makes the sum 1 and the rest mirrors them.
 */
export function composeLeapfrog(half: readonly number[]): Coefficients {
  const middle = 1 - 2 * half.reduce((total, w) => total + w, 0);
  const kick = [...half, middle, ...half.toReversed()];
  const drift = [...kick, 0].map((w, i) => (w + (kick[i - 1] ?? 0)) / 2);
  return { drift, kick };
}
