/** @file The pendulum of length 1 and mass 1: H = p²/2 + g (1 − cos q). */
import { MechanicsError } from '../../core/errors.ts';
import { separable } from '../build.ts';
import type { Separable } from '../types.ts';

/** Gravity 1 unless told. From rest its period is `pendulumPeriod`. */
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

/** The exact period from rest at angle `amplitude` (radians, below π): 2π / (√g · AGM(1, cos θ₀/2)) = 4 K(sin θ₀/2) / √g. Throws `mechanics.option` from π on. */
export function pendulumPeriod(amplitude: number, gravity = 1): number {
  if (!(Math.abs(amplitude) < Math.PI))
    throw new MechanicsError('mechanics.option', `a pendulum let go at ${amplitude} does not swing`, {
      where: 'pendulumPeriod',
      hint: 'give an angle in radians between −π and π',
    });
  let [a, b] = [1, Math.cos(amplitude / 2)];
  for (let i = 0; i < 10; i++) [a, b] = [(a + b) / 2, Math.sqrt(a * b)];
  return (2 * Math.PI) / (Math.sqrt(gravity) * a);
}
