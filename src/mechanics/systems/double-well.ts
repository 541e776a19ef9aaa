/** @file The double well: H = p²/2 + b (q² − 1)². Minima at ±1, a barrier of height b at 0. */
import { separable } from '../build.ts';
import { square } from '../differentiate.ts';
import type { Separable } from '../types.ts';

/** Barrier 1 unless told: a motion with less energy never changes sides. */
export function doubleWell({ barrier = 1 } = {}): Separable {
  return separable({
    name: 'double-well',
    dimension: 1,
    potential: (o, q) => o.mul(barrier, square(o, o.sub(square(o, q[0]!), 1))),
    force(q, out) {
      const x = q[0]!;
      out[0] = -4 * barrier * x * (x * x - 1);
    },
  });
}
