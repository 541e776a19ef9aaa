/** @file McLachlan's symmetric splittings with small error constants: order 2 (2 forces), order 4 (5). SISC 16 (1995) 151. */
import type { Integrator } from '../types.ts';
import { splitting } from './composition.ts';

const reference = 'McLachlan, SIAM Journal on Scientific Computing 16 (1995) 151';

const a = 0.1931833275037836;

/** Order 2 with 2 forces: a smaller error than leapfrog at equal cost. */
export const mclachlan2: Integrator = splitting(
  { name: 'mclachlan-2', order: 2, symmetric: true, reference },
  { drift: [a, 1 - 2 * a, a], kick: [0.5, 0.5] },
);

const root = Math.sqrt(19);
const outer = (14 - root) / 108;
const inner = (20 - 7 * root) / 108;
const rest = 0.5 - outer - inner;

/** Order 4 with 5 forces and a small error constant. */
export const mclachlan4: Integrator = splitting(
  { name: 'mclachlan-4', order: 4, symmetric: true, reference },
  { drift: [outer, inner, rest, rest, inner, outer], kick: [0.4, -0.1, 0.4, -0.1, 0.4] },
);
