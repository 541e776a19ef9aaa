/** @file The Kepler problem in the plane: H = |p|²/2 − 1/|q|. Energy, angular momentum and Laplace–Runge–Lenz vector stay. */
import { MechanicsError } from '../../core/errors.ts';
import { separable, stateOf } from '../build.ts';
import { dot } from '../differentiate.ts';
import type { Separable, State, Vector } from '../types.ts';

/** Unit masses and gravity; the period of an orbit with semi-major axis 1 is 2π. */
export function kepler(): Separable {
  return separable({
    name: 'kepler',
    dimension: 2,
    potential: (o, q) => o.div(-1, o.sqrt(dot(o, q, q))),
    force(q, out) {
      const x = q[0]!;
      const y = q[1]!;
      const r2 = x * x + y * y;
      const k = -1 / (r2 * Math.sqrt(r2));
      out[0] = k * x;
      out[1] = k * y;
    },
  });
}

/** The orbit of semi-major axis 1 at its nearest point: E = −½, L = √(1 − e²). Hairer, Lubich, Wanner (2006) §I.2.3. Throws `mechanics.option` unless 0 ≤ e < 1. */
export function keplerOrbit(eccentricity: number): State {
  if (!(eccentricity >= 0 && eccentricity < 1))
    throw new MechanicsError('mechanics.option', `an orbit of eccentricity ${eccentricity} is no ellipse`, {
      where: 'keplerOrbit',
      hint: 'give a number from 0, below 1',
    });
  return stateOf([1 - eccentricity, 0], [0, Math.sqrt((1 + eccentricity) / (1 - eccentricity))]);
}

/** L = x p_y − y p_x. */
export const angularMomentum = (q: Vector, p: Vector): number => q[0]! * p[1]! - q[1]! * p[0]!;

/** A = p × L − q/|q|: points to the nearest point of the orbit, and its length is the eccentricity. */
export function laplaceRungeLenz(q: Vector, p: Vector): [number, number] {
  const L = angularMomentum(q, p);
  const r = Math.hypot(q[0]!, q[1]!);
  return [p[1]! * L - q[0]! / r, -p[0]! * L - q[1]! / r];
}
