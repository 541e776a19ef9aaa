/** @file The pendulum of length 1 and mass 1: H = p²/2 + g (1 − cos q). */
import { separable } from '../build.ts';
import type { Separable } from '../types.ts';

/** Gravity 1 unless told. From rest at angle θ₀ its period is 4 K(sin θ₀/2) / √g. */
export function pendulum({ gravity = 1 } = {}): Separable {
  return separable({
    name: 'pendulum',
    dimension: 1,
    potential: (o, q) => o.mul(gravity, o.sub(1, o.cos(q[0]!))),
    force(q, out) {
      out[0] = -gravity * Math.sin(q[0]!);
    },
  });
}
