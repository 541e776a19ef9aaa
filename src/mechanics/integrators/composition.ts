/** @file Splitting methods as two rows of numbers: drift (q) and kick (p) by turns. */
import type { Integrator, Separable, Step } from '../types.ts';
import { needSeparable } from './need.ts';

/** drift[0] kick[0] drift[1] … kick[s−1] drift[s], in units of the step. A drift of 0 is left out. */
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

/** The drift–kick composition with these coefficients (q by ∂T/∂p, p by −∂V/∂q): symplectic for any numbers. */
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
 * Composition of leapfrog (drift–kick–drift) steps of lengths w·h, neighbouring drifts merged.
 * `half` lists the first weights; the middle one makes the sum 1 and the rest mirrors them.
 */
export function composeLeapfrog(half: readonly number[]): Coefficients {
  const middle = 1 - 2 * half.reduce((total, w) => total + w, 0);
  const kick = [...half, middle, ...half.toReversed()];
  const drift = [...kick, 0].map((w, i) => (w + (kick[i - 1] ?? 0)) / 2);
  return { drift, kick };
}
