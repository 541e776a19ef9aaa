/** @file PEFRL, order 4 with 4 forces and a small error constant. Reference: Omelyan, Mryglod, Folk, CPC 146 (2002) 188. */
import type { Integrator } from '../types.ts';
import { splitting } from './composition.ts';

const xi = 0.1786178958448091;
const lambda = -0.2123418310626054;
const chi = -0.06626458266981849;

/** Order 4 with 4 forces: the usual choice for a separable H. */
export const pefrl: Integrator = splitting(
  {
    name: 'pefrl',
    order: 4,
    symmetric: true,
    reference: 'Omelyan, Mryglod, Folk, Computer Physics Communications 146 (2002) 188',
  },
  {
    drift: [xi, chi, 1 - 2 * (chi + xi), chi, xi],
    kick: [(1 - 2 * lambda) / 2, lambda, lambda, (1 - 2 * lambda) / 2],
  },
);
