/** @file Exact derivatives of a step: the same method moves the system of (state, tangent), which is Hamiltonian again. */
import { MechanicsError } from '../core/errors.ts';
import { damped, hamiltonian, separable, stateOf } from './build.ts';
import { constraintsOf } from './constraints.ts';
import { dual, type Formula, type PairFormula, pairUp } from './differentiate.ts';
import type { Integrator, State, System, Vector } from './types.ts';

/**
 * The tangent lift: Q = (q, δq), P = (δp, p), H̃(Q, P) = dH(q, p)[δq, δp], so that Hamilton's equations of H̃ are those
 * of H and their linearisation. A method applied to it yields the exact derivative of its step beside the step itself,
 * whatever the method. Throws `mechanics.needs` for a system without formulas.
 */
export function tangentLift<S extends System>(system: S): System {
  const name = `tangent-${system.name}`;
  const dimension = 2 * system.dimension;
  switch (system.kind) {
    case 'separable': {
      const { kineticFormula, potentialFormula, lagrangian } = system;
      if (!kineticFormula || !potentialFormula) break;
      return {
        ...separable({
          name,
          dimension,
          kinetic: liftMomenta(kineticFormula),
          potential: lift(potentialFormula),
        }),
        ...(lagrangian ? { lagrangian: liftLagrangian(lagrangian) } : {}),
      };
    }
    case 'hamiltonian': {
      const { formula, lagrangian } = system;
      if (!formula) break;
      return hamiltonian({
        name,
        dimension,
        energy: (o, Q, P) => {
          const { a: q, b: dq } = halves(Q);
          const { a: dp, b: p } = halves(P);
          return formula(dual(o), pairUp(q, dq), pairUp(p, dp)).tangent;
        },
        ...(lagrangian ? { lagrangian: liftLagrangian(lagrangian) } : {}),
      });
    }
    case 'damped': {
      const lifted = tangentLift(system.conservative);
      if (lifted.kind === 'separable') return damped(lifted, system.friction);
      break;
    }
    case 'constrained': {
      const lifted = tangentLift(system.free);
      const { formula, count } = system.constraints;
      if (lifted.kind !== 'separable' || !formula) break;
      return {
        kind: 'constrained',
        name,
        dimension,
        momenta: dimension,
        free: lifted,
        energy: lifted.energy,
        constraints: constraintsOf(2 * count, (o, Q) => {
          const { a: q, b: dq } = halves(Q);
          const results = formula(dual(o), pairUp(q, dq));
          return [...results.map((g) => g.value), ...results.map((g) => g.tangent)];
        }),
      };
    }
    case 'poisson':
    case 'field':
      break;
  }
  throw new MechanicsError('mechanics.needs', `${system.name} has no formula to differentiate`, {
    where: system.name,
    hint: 'give its energies (and constraints) as formulas over an algebra',
  });
}

const halves = <T>(x: ArrayLike<T>) => {
  const both = Array.from(x);
  return { a: both.slice(0, both.length / 2), b: both.slice(both.length / 2) };
};

/** dV(q)[δq] of Q = (q, δq). */
const lift =
  (f: Formula): Formula =>
  (o, Q) => {
    const { a, b } = halves(Q);
    return f(dual(o), pairUp(a, b)).tangent;
  };

/** dT(p)[δp] of P = (δp, p). */
const liftMomenta =
  (f: Formula): Formula =>
  (o, P) => {
    const { a, b } = halves(P);
    return f(dual(o), pairUp(b, a)).tangent;
  };

/** dL(q, v)[δq, δv] of (q, δq), (v, δv). */
const liftLagrangian =
  (L: PairFormula): PairFormula =>
  (o, Q, V) => {
    const { a: q, b: dq } = halves(Q);
    const { a: v, b: dv } = halves(V);
    return L(dual(o), pairUp(q, dq), pairUp(v, dv)).tangent;
  };

/** A tangent vector (δq, δp) at a point of phase space. */
export interface Tangent {
  readonly q: Vector;
  readonly p: Vector;
}

/** A step together with its derivative: advances `state` and all `tangents` (δq, δp) in place by one step h. */
export function tangentStepper(integrator: Integrator, system: System) {
  const n = system.dimension;
  const step = integrator.stepper(tangentLift(system));
  return (state: State, tangents: readonly Tangent[], h: number): void => {
    const start = { t: state.t, q: state.q.slice(), p: state.p.slice() };
    for (const tangent of tangents) {
      const lifted = stateOf([...start.q, ...tangent.q], [...tangent.p, ...start.p], start.t);
      step(lifted, h);
      state.t = lifted.t;
      state.q.set(lifted.q.subarray(0, n));
      state.p.set(lifted.p.subarray(n));
      tangent.q.set(lifted.q.subarray(n));
      tangent.p.set(lifted.p.subarray(0, n));
    }
  };
}

/** DΦ of one step at a point: the Jacobian [2n][2n] of (q, p) → (q′, p′), exact to rounding. */
export function stepJacobian(integrator: Integrator, system: System, at: State, h: number): number[][] {
  const n = system.dimension;
  const tangents = Array.from({ length: 2 * n }, (_, column) => {
    const tangent = { q: new Float64Array(n), p: new Float64Array(n) };
    (column < n ? tangent.q : tangent.p)[column % n] = 1;
    return tangent;
  });
  tangentStepper(integrator, system)(stateOf(at.q, at.p, at.t), tangents, h);
  return Array.from({ length: 2 * n }, (_, row) =>
    tangents.map((tangent) => (row < n ? tangent.q : tangent.p)[row % n]!),
  );
}
