/** @file Hénon–Heiles: H = ½|p|² + ½(x² + y²) + x²y − y³/3. Below E = 1/6 nothing leaves the triangle. Astron. J. 69 (1964) 73. */
import { separable } from '../build.ts';
import type { Separable } from '../types.ts';

/** Energy of the three saddles, (0, 1) and (±√3/2, −½): below it the motion is bounded for ever. */
export const HENON_HEILES_ESCAPE = 1 / 6;

/** The system in which order and chaos lie side by side: for Poincaré sections and Lyapunov exponents. */
export function henonHeiles(): Separable {
  return separable({
    name: 'henon-heiles',
    dimension: 2,
    potential(o, q) {
      const x = q[0]!;
      const y = q[1]!;
      const xx = o.mul(x, x);
      const yy = o.mul(y, y);
      return o.add(o.mul(0.5, o.add(xx, yy)), o.mul(y, o.sub(xx, o.div(yy, 3))));
    },
    force(q, out) {
      const x = q[0]!;
      const y = q[1]!;
      out[0] = -x - 2 * x * y;
      out[1] = -y - x * x + y * y;
    },
  });
}
