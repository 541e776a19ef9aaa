/** @file Symplectic Euler: kick, then drift. Reference: de Vogelaere 1956; Hairer, Lubich, Wanner (2006) §VI.3. */
import type { Integrator } from '../types.ts';
import { splitting } from './composition.ts';

/** Order 1 with one force: the simplest method without drift. */
export const symplecticEuler: Integrator = splitting(
  {
    name: 'symplectic-euler',
    order: 1,
    symmetric: false,
    reference: 'Hairer, Lubich, Wanner, Geometric Numerical Integration (2006) §VI.3',
  },
  { drift: [0, 1], kick: [1] },
);
