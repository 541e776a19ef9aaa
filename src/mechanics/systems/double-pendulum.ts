/** @file The double pendulum, angles from the vertical: not separable, chaotic. Goldstein, Classical Mechanics, ch. 1. */
import { hamiltonian } from '../build.ts';
import type { Algebra, PairFormula } from '../differentiate.ts';
import { massMatrix } from '../mass.ts';
import { requireAbove } from '../optimisers/optimiser.ts';
import type { General } from '../types.ts';

/** Two unit-less rods: masses, lengths and gravity are 1 unless told. q = (θ₁, θ₂), both 0 hanging down. Throws `mechanics.mass`, `mechanics.option`. */
export function doublePendulum({ masses = [1, 1], lengths = [1, 1], gravity = 1 } = {}): General {
  const [m1, m2] = masses as [number, number];
  const [l1, l2] = lengths as [number, number];
  massMatrix(masses, 2, 'double-pendulum');
  for (const length of [l1, l2]) requireAbove(length, 0, 'double-pendulum: length');
  const potential = <T>(o: Algebra<T>, q: ArrayLike<T>) =>
    o.add(
      o.mul((m1 + m2) * gravity * l1, o.sub(1, o.cos(q[0]!))),
      o.mul(m2 * gravity * l2, o.sub(1, o.cos(q[1]!))),
    );
  const a = (m1 + m2) * l1 * l1;
  const b = m2 * l2 * l2;
  const coupling = <T>(o: Algebra<T>, q: ArrayLike<T>) => o.mul(m2 * l1 * l2, o.cos(o.sub(q[0]!, q[1]!)));
  const quadratic = <T>(o: Algebra<T>, xx: T | number, xy: T, yy: T | number, u: ArrayLike<T>) =>
    o.mul(
      0.5,
      o.add(
        o.add(o.mul(xx, o.mul(u[0]!, u[0]!)), o.mul(2, o.mul(xy, o.mul(u[0]!, u[1]!)))),
        o.mul(yy, o.mul(u[1]!, u[1]!)),
      ),
    );
  const lagrangian: PairFormula = (o, q, v) => o.sub(quadratic(o, a, coupling(o, q), b, v), potential(o, q));
  return hamiltonian({
    name: 'double-pendulum',
    dimension: 2,
    energy(o, q, p) {
      const c = coupling(o, q);
      const determinant = o.sub(a * b, o.mul(c, c));
      const kinetic = o.div(quadratic(o, b, o.neg(c), a, p), determinant);
      return o.add(kinetic, potential(o, q));
    },
    lagrangian,
    ...gradients(a, b, m2 * l1 * l2, (m1 + m2) * gravity * l1, m2 * gravity * l2),
  });
}

/** ∂H/∂q and ∂H/∂p by hand, for speed: M(q) = [[a, c cos δ], [c cos δ, b]], δ = θ₁ − θ₂. */
function gradients(a: number, b: number, c: number, weight1: number, weight2: number) {
  const velocity = (q: Float64Array, p: Float64Array, out: Float64Array) => {
    const off = c * Math.cos(q[0]! - q[1]!);
    const determinant = a * b - off * off;
    out[0] = (b * p[0]! - off * p[1]!) / determinant;
    out[1] = (a * p[1]! - off * p[0]!) / determinant;
  };
  const v = new Float64Array(2);
  return {
    dHdp: velocity,
    dHdq(q: Float64Array, p: Float64Array, out: Float64Array) {
      velocity(q, p, v);
      const turn = c * Math.sin(q[0]! - q[1]!) * v[0]! * v[1]!;
      out[0] = turn + weight1 * Math.sin(q[0]!);
      out[1] = -turn + weight2 * Math.sin(q[1]!);
    },
  };
}
