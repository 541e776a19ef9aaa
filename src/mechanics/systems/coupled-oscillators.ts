/** @file A chain of unit masses on springs between two walls; its normal modes are known. */
import { separable } from '../build.ts';
import { square } from '../differentiate.ts';
import type { Separable } from '../types.ts';

/** V = k/2 Σ_{i=0}^{N} (q_{i+1} − q_i)² with q₀ = q_{N+1} = 0. */
export function coupledOscillators({ count = 3, stiffness = 1 } = {}): Separable {
  return separable({
    name: 'coupled-oscillators',
    dimension: count,
    potential(o, q) {
      let total = o.add(square(o, q[0]!), square(o, q[count - 1]!));
      for (let i = 1; i < count; i++) total = o.add(total, square(o, o.sub(q[i]!, q[i - 1]!)));
      return o.mul(stiffness / 2, total);
    },
    force(q, out) {
      for (let i = 0; i < count; i++) {
        const left = i > 0 ? q[i - 1]! : 0;
        const right = i < count - 1 ? q[i + 1]! : 0;
        out[i] = stiffness * (left - 2 * q[i]! + right);
      }
    },
  });
}

/** Angular frequency of mode k = 1 … N: 2 √stiffness sin(kπ / (2(N + 1))). Its shape is sin(ikπ/(N + 1)). */
export const modeFrequency = (mode: number, count: number, stiffness = 1): number =>
  2 * Math.sqrt(stiffness) * Math.sin((mode * Math.PI) / (2 * (count + 1)));
