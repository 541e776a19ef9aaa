/** @file The harmonic oscillator: H = p²/2m + k q²/2. */
import { separable } from '../build.ts';
import { square } from '../differentiate.ts';
import type { Separable } from '../types.ts';

/** Mass 1 and stiffness k = 1 unless told: angular frequency √(k/m). */
export function harmonicOscillator({ mass = 1, stiffness = 1 } = {}): Separable {
  return separable({
    name: 'harmonic-oscillator',
    dimension: 1,
    mass,
    potential: (o, q) => o.mul(stiffness / 2, square(o, q[0]!)),
    force(q, out) {
      out[0] = -stiffness * q[0]!;
    },
  });
}
