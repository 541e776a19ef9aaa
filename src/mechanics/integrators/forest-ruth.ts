/** @file Forest–Ruth, order 4 with 3 forces: the triple jump of leapfrog. Reference: Physica D 43 (1990) 105. */
import type { Integrator } from '../types.ts';
import { composeLeapfrog, splitting } from './composition.ts';

/** Order 4 with 3 forces: the fewest of its order, with a large error constant. */
export const forestRuth: Integrator = splitting(
  { name: 'forest-ruth', order: 4, symmetric: true, reference: 'Forest & Ruth, Physica D 43 (1990) 105' },
  composeLeapfrog([1 / (2 - Math.cbrt(2))]),
);
