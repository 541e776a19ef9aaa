/** @file SHAKE and RATTLE: leapfrog on a constraint surface. Ryckaert et al. 1977; Andersen, J. Comp. Phys. 52 (1983) 24. */
import { factor } from '../linear.ts';
import type { Constrained, Integrator, Step, Vector } from '../types.ts';
import { MAX_ITERATIONS, settled, unsolvedStep } from './implicit.ts';
import { needConstrained } from './need.ts';

const common = { order: 2, symplectic: true, needs: 'constraints', forcesPerStep: 1 } as const;

/** Positions stay on the surface and momenta tangent to it. */
export const rattle: Integrator = {
  ...common,
  name: 'rattle',
  symmetric: true,
  reference: 'Andersen, J. Comp. Phys. 52 (1983) 24; Leimkuhler & Skeel, J. Comp. Phys. 112 (1994) 117',
  stepper: (system) => constrainedLeapfrog('rattle', needConstrained('rattle', system), true),
};

/** The same positions as RATTLE; momenta are not made tangent. */
export const shake: Integrator = {
  ...common,
  name: 'shake',
  symmetric: false,
  reference: 'Ryckaert, Ciccotti, Berendsen, J. Comp. Phys. 23 (1977) 327',
  stepper: (system) => constrainedLeapfrog('shake', needConstrained('shake', system), false),
};

function constrainedLeapfrog(name: string, system: Constrained, tangentMomenta: boolean): Step {
  const { free, constraints, dimension } = system;
  const m = constraints.count;
  const force = new Float64Array(dimension);
  const velocity = new Float64Array(dimension);
  const target = new Float64Array(dimension);
  const before = new Float64Array(m * dimension);
  const after = new Float64Array(m * dimension);
  const multipliers = new Float64Array(m);
  const matrix = Array.from({ length: m }, () => new Float64Array(m));
  const row = new Float64Array(dimension);
  const pulled = new Float64Array(dimension);

  /** matrix = A M⁻¹ Bᵀ. */
  const gram = (A: Float64Array, B: Float64Array) => {
    for (let j = 0; j < m; j++) {
      row.set(B.subarray(j * dimension, (j + 1) * dimension));
      free.velocity(row, pulled);
      for (let i = 0; i < m; i++) {
        let sum = 0;
        for (let n = 0; n < dimension; n++) sum += A[i * dimension + n]! * pulled[n]!;
        matrix[i]![j] = sum;
      }
    }
  };
  /** p −= Gᵀ multipliers. */
  const push = (p: Vector, G: Float64Array) => {
    for (let i = 0; i < m; i++) {
      const lambda = multipliers[i]!;
      for (let n = 0; n < dimension; n++) p[n]! -= lambda * G[i * dimension + n]!;
    }
  };
  const solve = () => {
    multipliers.set(factor(matrix, system.name).solve(multipliers));
  };

  return (state, h) => {
    const { q, p } = state;
    constraints.jacobian(q, before);
    free.force(q, force);
    for (let n = 0; n < dimension; n++) p[n]! += 0.5 * h * force[n]!;

    let last = Number.POSITIVE_INFINITY;
    for (let iteration = 0; ; iteration++) {
      free.velocity(p, velocity);
      for (let n = 0; n < dimension; n++) target[n] = q[n]! + h * velocity[n]!;
      constraints.values(target, multipliers);
      let change = 0;
      for (let i = 0; i < m; i++)
        if (!(Math.abs(multipliers[i]!) <= change)) change = Math.abs(multipliers[i]!);
      if (settled(change, last, 1)) break;
      if (iteration === MAX_ITERATIONS || !Number.isFinite(change)) {
        throw unsolvedStep(name, system.name, change, state.t);
      }
      last = change;
      constraints.jacobian(target, after);
      gram(after, before);
      for (let i = 0; i < m; i++) multipliers[i]! /= h;
      solve();
      push(p, before);
    }

    q.set(target);
    free.force(q, force);
    for (let n = 0; n < dimension; n++) p[n]! += 0.5 * h * force[n]!;
    if (tangentMomenta) toTangent(q, p);
    state.t += h;
  };

  /** Removes the part of p that would leave the surface: G M⁻¹ p = 0. */
  function toTangent(q: Vector, p: Vector) {
    constraints.jacobian(q, after);
    free.velocity(p, velocity);
    for (let i = 0; i < m; i++) {
      let sum = 0;
      for (let n = 0; n < dimension; n++) sum += after[i * dimension + n]! * velocity[n]!;
      multipliers[i] = sum;
    }
    gram(after, after);
    solve();
    push(p, after);
  }
}
