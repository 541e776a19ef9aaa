/** @file Variational integrators: the discrete Euler–Lagrange equations p₀ = −D₁L_d, p₁ = D₂L_d. Marsden & West (2001) §1.5. */
import { factor } from '../linear.ts';
import type { Integrator, Step, System } from '../types.ts';
import {
  type DiscreteLagrangian,
  discreteLagrangian,
  RULES,
  type RuleName,
} from '../variational/discrete-lagrangian.ts';
import { lagrangian } from '../variational/lagrangian.ts';
import { MAX_ITERATIONS, settled, unsolvedStep } from './implicit.ts';
import { needLagrangian } from './need.ts';

/** The method of a discrete Lagrangian. */
function variational(rule: RuleName): Integrator {
  const name = `variational-${rule}`;
  const { order, nodes } = RULES[rule];
  return {
    name,
    order,
    symplectic: true,
    symmetric: true,
    needs: 'lagrangian',
    forcesPerStep: nodes.length,
    reference: 'Marsden & West, Acta Numerica 10 (2001) 357, §1.5, §2',
    stepper(system: System) {
      const formula = needLagrangian(name, system);
      return newtonStep(name, discreteLagrangian(lagrangian(system.name, system.dimension, formula), rule));
    },
  };
}

/** Straight lines, the action taken at the middle: equals the implicit midpoint rule. */
export const variationalMidpoint: Integrator = variational('midpoint');
/** Straight lines, the mean of the action at both ends: equals leapfrog. */
export const variationalTrapezoidal: Integrator = variational('trapezoidal');
/** Galerkin: parabolas with two Gauss points. */
export const galerkin4: Integrator = variational('galerkin-4');
/** Galerkin: cubics with three Gauss points. */
export const galerkin6: Integrator = variational('galerkin-6');

/** Newton's method on the end of the step: D₁L_d(q₀, q₁) = −p₀; then p₁ = D₂L_d(q₀, q₁). */
function newtonStep(name: string, action: DiscreteLagrangian): Step {
  const { dimension, lagrangian: L } = action;
  const from = new Float64Array(dimension);
  return (state, h) => {
    const { q, p } = state;
    from.set(q);
    let before = Number.POSITIVE_INFINITY;
    for (let iteration = 0; ; iteration++) {
      const { D1, D2, D12 } = action.at(from, q, h);
      const move = factor(D12, L.name).solve(D1.map((slope, n) => -slope - p[n]!));
      let change = 0;
      let size = Math.abs(h);
      for (let n = 0; n < dimension; n++) {
        size = Math.max(size, Math.abs(q[n]!));
        if (!(Math.abs(move[n]!) <= change)) change = Math.abs(move[n]!);
      }
      if (settled(change, before, size)) {
        p.set(D2);
        break;
      }
      if (iteration === MAX_ITERATIONS || !Number.isFinite(change)) {
        throw unsolvedStep(name, L.name, change, state.t);
      }
      before = change;
      for (let n = 0; n < dimension; n++) q[n]! += move[n]!;
    }
    state.t += h;
  };
}
