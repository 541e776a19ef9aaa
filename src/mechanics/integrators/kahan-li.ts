/** @file Kahan–Li compositions of leapfrog, order 6 (9 forces) and 8 (17 forces). Math. Comp. 66 (1997) 1089. */
import type { Integrator } from '../types.ts';
import { composeLeapfrog, splitting } from './composition.ts';

const reference = 'Kahan & Li, Mathematics of Computation 66 (1997) 1089';

/** Order 6 with 9 forces: a smaller error than `yoshida6` at equal cost. */
export const kahanLi6: Integrator = splitting(
  { name: 'kahan-li-6', order: 6, symmetric: true, reference },
  composeLeapfrog([0.3921614440073141, 0.33259913678935943, -0.7062461725576393, 0.0822135962935508]),
);

/** Order 8 with 17 forces: for errors near rounding. */
export const kahanLi8: Integrator = splitting(
  { name: 'kahan-li-8', order: 8, symmetric: true, reference },
  composeLeapfrog([
    0.13020248308889007, 0.5611629817751084, -0.38947496264484727, 0.1588419065551556, -0.39590389413323757,
    0.1845396409783157, 0.25837438768632204, 0.2950117236093103,
  ]),
);
