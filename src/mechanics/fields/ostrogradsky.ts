/** @file Lagrangians with second derivatives, through Ostrogradsky's momenta; the Pais–Uhlenbeck oscillator. */
import { hamiltonian } from '../build.ts';
import { type Formula, gradient, hessian, real } from '../differentiate.ts';
import { factor } from '../linear.ts';
import type { Hamiltonian } from '../types.ts';
import { notConverged } from '../variational/discrete-lagrangian.ts';

/** L(q, q̇, q̈) for n coordinates, over any algebra; its argument is (q, q̇, q̈) joined, 3n long. */
export interface HigherLagrangian {
  readonly name: string;
  /** n */
  readonly dimension: number;
  readonly formula: Formula;
}

const MOST_ITERATIONS = 50;

/**
 * The Hamiltonian of a Lagrangian with second derivatives (Ostrogradsky 1850; Woodard 2015, §2): Q = (q, q̇),
 * P₂ = ∂L/∂q̈, P₁ = ∂L/∂q̇ − dP₂/dt, H = P₁·q̇ + P₂·a − L(q, q̇, a) with the acceleration a that solves ∂L/∂q̈ = P₂.
 * H is linear in P₁ and so has no lower bound (Ostrogradsky's instability); it is conserved all the same.
 * The flow throws `mechanics.singular` where L does not depend on q̈ quadratically (no acceleration follows from P₂).
 */
export function ostrogradsky({ name, dimension: n, formula }: HigherLagrangian): Hamiltonian {
  const at = new Float64Array(3 * n);
  /** Fills `at` with (q, q̇, a); a by Newton from the last one. */
  const locate = (Q: Float64Array, P: Float64Array) => {
    at.set(Q);
    let before = Number.POSITIVE_INFINITY;
    for (let iteration = 0; iteration < MOST_ITERATIONS; iteration++) {
      const slope = gradient(real, formula, at);
      const missing = Array.from({ length: n }, (_, i) => P[n + i]! - slope[2 * n + i]!);
      const rows = hessian(formula, at).slice(2 * n);
      const change = factor(
        rows.map((row) => row.slice(2 * n)),
        name,
      ).solve(missing);
      const size = Math.hypot(...change);
      if (size >= before) return slope;
      for (let i = 0; i < n; i++) at[2 * n + i]! += change[i]!;
      if (size <= Number.EPSILON * Math.hypot(...at.subarray(2 * n))) return gradient(real, formula, at);
      before = size;
    }
    throw notConverged(name, MOST_ITERATIONS, 'give a Lagrangian that is convex in the acceleration');
  };
  return hamiltonian({
    name,
    dimension: 2 * n,
    energyValue(Q, P) {
      locate(Q, P);
      let H = -formula(real, at);
      for (let i = 0; i < n; i++) H += P[i]! * Q[n + i]! + P[n + i]! * at[2 * n + i]!;
      return H;
    },
    dHdq(Q, P, out) {
      const slope = locate(Q, P);
      for (let i = 0; i < n; i++) {
        out[i] = -slope[i]!;
        out[n + i] = P[i]! - slope[n + i]!;
      }
    },
    dHdp(Q, P, out) {
      locate(Q, P);
      for (let i = 0; i < n; i++) {
        out[i] = Q[n + i]!;
        out[n + i] = at[2 * n + i]!;
      }
    },
  });
}

/**
 * Pais and Uhlenbeck 1950: L = −½(q̈² − (ω₁² + ω₂²)q̇² + ω₁²ω₂²q²), whose motion is q⁗ + (ω₁² + ω₂²)q̈ + ω₁²ω₂²q = 0:
 * two oscillators, one of which counts its energy negative.
 */
export const paisUhlenbeck = (first = 1, second = 2): Hamiltonian => {
  const [sum, product] = [first * first + second * second, first * first * second * second];
  return ostrogradsky({
    name: 'pais-uhlenbeck',
    dimension: 1,
    formula: (o, x) => {
      const squares = [x[0]!, x[1]!, x[2]!].map((v) => o.mul(v, v));
      return o.mul(-0.5, o.add(o.sub(squares[2]!, o.mul(sum, squares[1]!)), o.mul(product, squares[0]!)));
    },
  });
};
