/** @file From (q, p) to the velocity and the energy p·v − L of a Lagrangian. */
import { factor } from '../linear.ts';
import { notConverged } from '../variational/discrete-lagrangian.ts';
import type { Lagrangian } from '../variational/lagrangian.ts';

const MOST_ITERATIONS = 50;

/** The velocity with ∂L/∂v(q, v) = p, by Newton from `guess`; one step where L is quadratic in v. */
export function velocityOf(
  lagrangian: Lagrangian,
  q: ArrayLike<number>,
  p: ArrayLike<number>,
  guess: ArrayLike<number>,
): Float64Array {
  const n = lagrangian.dimension;
  const v = Float64Array.from(guess);
  let before = Number.POSITIVE_INFINITY;
  for (let iteration = 0; iteration < MOST_ITERATIONS; iteration++) {
    const { slope, curvature } = lagrangian.at(q, v);
    const missing = Array.from({ length: n }, (_, i) => p[i]! - slope[n + i]!);
    const mass = curvature.slice(n).map((row) => Array.from(row).slice(n));
    const change = factor(mass, lagrangian.name).solve(missing);
    const size = Math.hypot(...change);
    if (size >= before) return v;
    for (let i = 0; i < n; i++) v[i]! += change[i]!;
    if (size <= Number.EPSILON * Math.hypot(...v)) return v;
    before = size;
  }
  throw notConverged(lagrangian.name, MOST_ITERATIONS, 'give a Lagrangian that is convex in the velocity');
}

/** H = p·v − L at (q, p): T + V for L = T − V, and T − V for least action with a cost, L = T + V. */
export function energyOf(
  lagrangian: Lagrangian,
  q: ArrayLike<number>,
  p: ArrayLike<number>,
  guess: ArrayLike<number>,
): number {
  const v = velocityOf(lagrangian, q, p, guess);
  return v.reduce((sum, vi, i) => sum + vi * p[i]!, -lagrangian.at(q, v).value);
}
