/** @file Leapfrog (Störmer–Verlet) in both forms. Reference: Hairer, Lubich, Wanner, Acta Numerica 12 (2003) 399. */
import type { Integrator } from '../types.ts';
import { splitting } from './composition.ts';
import { needSeparable } from './need.ts';

const reference = 'Verlet 1967; Hairer, Lubich, Wanner, Acta Numerica 12 (2003) §1';

/** Drift–kick–drift ("position Verlet"): one force a step, at the midpoint. */
export const leapfrogDKD: Integrator = splitting(
  { name: 'leapfrog-dkd', order: 2, symmetric: true, reference },
  { drift: [0.5, 0.5], kick: [1] },
);

/**
 * Kick–drift–kick ("velocity Verlet"). The force at the end of a step is kept for the next one:
 * one new force a step as long as q is not changed in between.
 */
export const leapfrogKDK: Integrator = {
  name: 'leapfrog-kdk',
  order: 2,
  symplectic: true,
  symmetric: true,
  needs: 'separable',
  forcesPerStep: 1,
  reference,
  stepper(system) {
    const { dimension, velocity, force } = needSeparable('leapfrog-kdk', system);
    const v = new Float64Array(dimension);
    const f = new Float64Array(dimension);
    const known = new Float64Array(dimension).fill(Number.NaN);
    return (state, h) => {
      const { q, p } = state;
      let stale = false;
      for (let i = 0; i < dimension; i++) if (q[i] !== known[i]) stale = true;
      if (stale) force(q, f);
      for (let i = 0; i < dimension; i++) p[i]! += 0.5 * h * f[i]!;
      velocity(p, v);
      for (let i = 0; i < dimension; i++) {
        q[i]! += h * v[i]!;
        known[i] = q[i]!;
      }
      force(q, f);
      for (let i = 0; i < dimension; i++) p[i]! += 0.5 * h * f[i]!;
      state.t += h;
    };
  },
};
