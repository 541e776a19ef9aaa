/** @file Leapfrog (Störmer–Verlet) in both forms. Reference: Hairer, Lubich, Wanner, Acta Numerica 12 (2003) 399. */
import type { Integrator } from '../types.ts';
import { kickFirst, splitting } from './composition.ts';

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
export const leapfrogKDK: Integrator = kickFirst(
  { name: 'leapfrog-kdk', order: 2, symmetric: true, reference },
  { kick: [0.5, 0.5], drift: [1] },
);
