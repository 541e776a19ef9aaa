/**
 * @file Blanes and Moan's method of order 6 for quadratic kinetic energy (Runge–Kutta–Nyström): 11 forces a step and a small
 * error constant. Reference: J. Comput. Appl. Math. 142 (2002) 313, table 3, the 11-stage method of order 6.
 */
import type { Integrator } from '../types.ts';
import { kickFirst } from './composition.ts';

const kicks = [
  0.041464998518262, 0.198128671918067, -0.040006192104153, 0.075253984301581, -0.011511387420689,
];
const drifts = [
  0.123229775946271, 0.290553797799558, -0.127049212625417, -0.246331761062075, 0.357208872795928,
];
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b);
const middleKick = 0.5 - sum(kicks);

/** Symplectic for any separable system; of order 6 where T = ½ pᵀM⁻¹p with constant M. */
export const blanesMoan6: Integrator = kickFirst(
  {
    name: 'blanes-moan-6',
    order: 6,
    symmetric: true,
    reference: 'Blanes, Moan, Journal of Computational and Applied Mathematics 142 (2002) 313',
  },
  {
    kick: [...kicks, middleKick, middleKick, ...kicks.toReversed()],
    drift: [...drifts, 1 - 2 * sum(drifts), ...drifts.toReversed()],
  },
);
