/** @file Suzuki's fractal composition, order 4 with 5 forces. Reference: Phys. Lett. A 146 (1990) 319. */
import type { Integrator } from '../types.ts';
import { composeLeapfrog, splitting } from './composition.ts';

const s = 1 / (4 - Math.cbrt(4));

/** Order 4 with 5 forces and no long step backwards: a smaller error than Forest–Ruth. */
export const suzuki4: Integrator = splitting(
  { name: 'suzuki-4', order: 4, symmetric: true, reference: 'Suzuki, Physics Letters A 146 (1990) 319' },
  composeLeapfrog([s, s]),
);
