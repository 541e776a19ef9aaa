/** @file Yoshida's compositions of leapfrog, order 6 (7 forces, solution A) and 8 (15 forces). Phys. Lett. A 150 (1990) 262. */
import type { Integrator } from '../types.ts';
import { composeLeapfrog, splitting } from './composition.ts';

const reference = 'Yoshida, Physics Letters A 150 (1990) 262';

/** Order 6 with 7 forces: the fewest of its order by leapfrog steps. */
export const yoshida6: Integrator = splitting(
  { name: 'yoshida-6', order: 6, symmetric: true, reference },
  composeLeapfrog([0.7845136104775573, 0.23557321335935813, -1.177679984178871]),
);

/** Order 8 with 15 forces: for errors near rounding. */
export const yoshida8: Integrator = splitting(
  {
    name: 'yoshida-8',
    order: 8,
    symmetric: true,
    reference: `${reference}; coefficients as in Hairer, Lubich, Wanner (2006) §V.3.2 (3.11)`,
  },
  composeLeapfrog([
    0.741670364350613, -0.4091008258000316, 0.1907547102962384, -0.5738624711160822, 0.2990641813036559,
    0.33462491824529816, 0.3152930923967666,
  ]),
);
