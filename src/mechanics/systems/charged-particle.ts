/** @file A charge in a magnetic field: H = |p − eA(q)|²/2m + eφ(q). Not separable: momentum and position mix. */
import { hamiltonian } from '../build.ts';
import type { Algebra, Formula } from '../differentiate.ts';
import { square, sum } from '../differentiate.ts';
import { massMatrix } from '../mass.ts';
import type { General } from '../types.ts';

/** Charge, mass and fields of `chargedParticle`. */
export interface ChargedParticleOptions {
  readonly charge?: number;
  readonly mass?: number;
  /** Strength B of the field along z at the origin; without gradient the motion circles with frequency eB/m. */
  readonly field?: number;
  /** B grows by this share per unit of x (∇B drift): B_z = B (1 + gradient · x). */
  readonly gradient?: number;
  /** Electric potential φ(q). */
  readonly potential?: Formula;
}

/** Vector potential in the Landau-like gauge A = (−B y/2, B x/2 + B gradient x²/2, 0). Throws `mechanics.mass`. */
export function chargedParticle(options: ChargedParticleOptions = {}): General {
  const { charge = 1, mass = 1, field = 1, gradient = 0, potential } = options;
  massMatrix(mass, 3, 'charged-particle');
  const vectorPotential = <T>(o: Algebra<T>, q: ArrayLike<T>): T[] => [
    o.mul(-field / 2, q[1]!),
    o.mul(field / 2, o.add(q[0]!, o.mul(gradient, square(o, q[0]!)))),
    o.constant(0),
  ];
  const electric = <T>(o: Algebra<T>, q: ArrayLike<T>): T =>
    potential ? o.mul(charge, potential(o, q)) : o.constant(0);
  return hamiltonian({
    name: 'charged-particle',
    dimension: 3,
    energy(o, q, p) {
      const A = vectorPotential(o, q);
      const kinetic = A.map((a, i) => square(o, o.sub(p[i]!, o.mul(charge, a))));
      return o.add(o.mul(0.5 / mass, sum(o, kinetic)), electric(o, q));
    },
    lagrangian(o, q, v) {
      const A = vectorPotential(o, q);
      const terms = A.map((a, i) => o.add(o.mul(mass / 2, square(o, v[i]!)), o.mul(charge, o.mul(v[i]!, a))));
      return o.sub(sum(o, terms), electric(o, q));
    },
  });
}
