/** @file What a mechanical system, its state, a method of integration and a trajectory are. All numbers are float64. */
import type { Algebra, Formula, PairFormula, VectorFormula } from './differentiate.ts';

/** A vector that is read, or written in place. */
export type Vector = Float64Array;

/** A point of phase space at a time. Integrators write into it. Poisson systems keep their point in `q`; `p` is empty. */
export interface State {
  t: number;
  readonly q: Vector;
  readonly p: Vector;
}

/** A motion with known rates of change: all that explicit and implicit Runge–Kutta methods need. */
export interface Flow {
  readonly name: string;
  /** Length of q. */
  readonly dimension: number;
  /** Length of p: `dimension`, or 0 for a Poisson system. */
  readonly momenta: number;
  /** Writes dq/dt and dp/dt. */
  rates(q: Vector, p: Vector, dq: Vector, dp: Vector): void;
  /** The energy at a point; a constant of the motion unless the system is damped. */
  energy(q: Vector, p: Vector): number;
}

/** q̇ = ∂H/∂p, ṗ = −∂H/∂q. */
interface Canonical extends Flow {
  dHdq(q: Vector, p: Vector, out: Vector): void;
  dHdp(q: Vector, p: Vector, out: Vector): void;
  /** H over any algebra, when the system was given as formulas: makes exact tangents and brackets possible. */
  readonly formula?: PairFormula;
  /** L(q, q̇) over any algebra, when known: for variational integrators. */
  readonly lagrangian?: PairFormula;
}

/** H(q, p) of any form. */
export interface General extends Canonical {
  readonly kind: 'hamiltonian';
}

/** H = T(p) + V(q): what splitting methods need. */
export interface Separable extends Canonical {
  readonly kind: 'separable';
  kinetic(p: Vector): number;
  potential(q: Vector): number;
  /** ∂T/∂p. */
  velocity(p: Vector, out: Vector): void;
  /** −∂V/∂q. */
  force(q: Vector, out: Vector): void;
  /** Mass matrix M of T = ½ pᵀM⁻¹p; absent when T is not of this form. */
  readonly mass?: Mass;
  readonly kineticFormula?: Formula;
  readonly potentialFormula?: Formula;
}

/** A Hamiltonian system, separable or not. */
export type Hamiltonian = General | Separable;

/** A positive mass matrix. */
export interface Mass {
  /** The diagonal; off-diagonal entries, if any, are in `matrix`. */
  readonly diagonal: Vector;
  /** Row by row [n][n]; absent when the matrix is diagonal. */
  readonly matrix?: readonly Vector[];
  /** out = M v. */
  times(v: Vector, out: Vector): void;
  /** out = M⁻¹ p. */
  solve(p: Vector, out: Vector): void;
}

/** A separable system with friction: ṗ = −∂V/∂q − γ p. Its flow shrinks Ω by e^(−γt). */
export interface Damped extends Flow {
  readonly kind: 'damped';
  readonly conservative: Separable;
  /** γ, per unit of time. */
  readonly friction: number;
}

/** ẋ = J(x) ∇H(x) with a Poisson structure J that may be degenerate. The point x is kept in `q`. */
export interface Poisson extends Flow {
  readonly kind: 'poisson';
  /** ∂H/∂x. */
  gradient(x: Vector, out: Vector): void;
  /** J(x), row by row [n][n]. */
  structure(x: Vector): number[][];
  /** Functions that every Hamiltonian conserves, e.g. the squared length of a rigid body's angular momentum. */
  readonly casimirs: Readonly<Record<string, (x: Vector) => number>>;
  /** The exact flows of the terms that H splits into: for Lie–Poisson splitting. */
  readonly parts: readonly PoissonPart[];
}

/** The exact flow of one term of H: advances x in place by h, over any algebra. */
export type PoissonPart = <T>(o: Algebra<T>, x: { [index: number]: T }, h: number) => void;

/** A separable system held on the surface g(q) = 0 (holonomic constraints). */
export interface Constrained {
  readonly kind: 'constrained';
  readonly name: string;
  readonly dimension: number;
  readonly momenta: number;
  readonly free: Separable;
  readonly constraints: Constraints;
  energy(q: Vector, p: Vector): number;
}

/** Holonomic constraints g(q) = 0 and their Jacobian G = ∂g/∂q. */
export interface Constraints {
  readonly count: number;
  /** out[count] = g(q). */
  values(q: Vector, out: Vector): void;
  /** out[count × n], row by row. */
  jacobian(q: Vector, out: Vector): void;
  readonly formula?: VectorFormula;
}

/** Any motion given by its rates alone, e.g. a vector field that may or may not be Hamiltonian. */
export interface Field extends Flow {
  readonly kind: 'field';
}

/** Everything that can be integrated. */
export type System = Hamiltonian | Damped | Poisson | Constrained | Field;

/** Advances `state` by `h` in place. Made once per system; keeps its own work arrays and allocates nothing. */
export type Step = (state: State, h: number) => void;

/** What a method must know of the system it moves. */
export type Needs =
  | 'rates'
  | 'hamiltonian'
  | 'separable'
  | 'lagrangian'
  | 'constraints'
  | 'poisson'
  | 'damped';

/** A method of integration. */
export interface Integrator {
  readonly name: string;
  readonly order: number;
  /** The step of a Hamiltonian system conserves Ω (conformal methods: multiplies it by e^(−γh); Poisson methods: conserve J). */
  readonly symplectic: boolean;
  /** A step by h followed by a step by −h returns to where it began. */
  readonly symmetric: boolean;
  readonly needs: Needs;
  /** Force (or rate) evaluations of one step; for implicit methods, of one iteration. */
  readonly forcesPerStep: number;
  /** A step by h does not advance time by h: the method chooses how far. */
  readonly variableTime?: boolean;
  /** Paper, section. */
  readonly reference: string;
  /** The step for one system. Throws MechanicsError `mechanics.needs` for a system this method cannot move. */
  stepper(system: System): Step;
}

/** Which time a trajectory runs over (mechanics has its own; the others belong to networks). */
export type Clock = 'time' | 'depth' | 'sequence' | 'learning' | 'edit';

/** A recorded motion. Sample k: times[k], q_KN[k·N …], p_KN[k·P …]. */
export interface Trajectory {
  readonly clock: Clock;
  readonly system: string;
  readonly integrator: string;
  readonly dimension: number;
  readonly momenta: number;
  readonly times: Vector;
  readonly q_KN: Vector;
  readonly p_KN: Vector;
  /** Energy at each sample. */
  readonly energies: Vector;
}
