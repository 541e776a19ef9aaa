/** @file Constructors of systems: gradients are given by the user, or derived from formulas; masses are checked. */
import { MechanicsError } from '../core/errors.ts';
import { type Formula, gradient, type PairFormula, real } from './differentiate.ts';
import { kineticFormula, lagrangianFormula, type MassSpec, massMatrix } from './mass.ts';
import type { Damped, Field, Flow, General, Poisson, Separable, State, Vector } from './types.ts';

interface Named {
  readonly name: string;
  /** Degrees of freedom: length of q and of p. */
  readonly dimension: number;
}

/** The potential as a formula (gradients follow), or as plain functions; fast plain functions may stand beside it. */
export type PotentialSpec =
  | {
      readonly potential: Formula;
      readonly potentialValue?: (q: Vector) => number;
      readonly force?: (q: Vector, out: Vector) => void;
    }
  | {
      readonly potential?: undefined;
      readonly potentialValue: (q: Vector) => number;
      /** −∂V/∂q. */
      readonly force: (q: Vector, out: Vector) => void;
    };

/** The kinetic energy by a mass (1 unless told: a number, a diagonal or a matrix), or as a formula of p. */
export type KineticSpec =
  | { readonly mass?: MassSpec; readonly kinetic?: undefined }
  | {
      readonly mass?: undefined;
      readonly kinetic: Formula;
      readonly velocity?: (p: Vector, out: Vector) => void;
    };

/** H = T(p) + V(q). Throws `mechanics.mass` for a mass that is not positive, `mechanics.option` for a bad dimension. */
export function separable(spec: Named & PotentialSpec & KineticSpec): Separable {
  const { name, dimension } = spec;
  checkDimension(name, dimension);
  const mass = spec.kinetic ? undefined : massMatrix(spec.mass ?? 1, dimension, name);
  const kineticTerm = spec.kinetic ?? kineticFormula(mass!);
  const potentialFormula = spec.potential;
  const velocity =
    spec.kinetic === undefined
      ? (p: Vector, out: Vector) => mass!.solve(p, out)
      : (spec.velocity ?? gradientInto(spec.kinetic, 1));
  const force = spec.force ?? gradientInto(spec.potential!, -1);
  const potential = spec.potentialValue ?? ((q: Vector) => potentialFormula!(real, q));
  const kinetic = (p: Vector) => kineticTerm(real, p);
  return {
    kind: 'separable',
    name,
    dimension,
    momenta: dimension,
    kinetic,
    potential,
    velocity,
    force,
    energy: (q, p) => kinetic(p) + potential(q),
    dHdq(q, _p, out) {
      force(q, out);
      for (let i = 0; i < dimension; i++) out[i] = -out[i]!;
    },
    dHdp: (_q, p, out) => velocity(p, out),
    rates(q, p, dq, dp) {
      velocity(p, dq);
      force(q, dp);
    },
    kineticFormula: kineticTerm,
    ...(mass ? { mass } : {}),
    ...(potentialFormula
      ? {
          potentialFormula,
          formula: (o, q, p) => o.add(kineticTerm(o, p), potentialFormula(o, q)),
          ...(mass ? { lagrangian: lagrangianFormula(mass, potentialFormula) } : {}),
        }
      : {}),
  };
}

/** A general H(q, p): as a formula, or as plain functions with both gradients. */
export type HamiltonianSpec =
  | {
      readonly energy: PairFormula;
      readonly energyValue?: (q: Vector, p: Vector) => number;
      readonly dHdq?: (q: Vector, p: Vector, out: Vector) => void;
      readonly dHdp?: (q: Vector, p: Vector, out: Vector) => void;
      /** L(q, q̇) of the same system, for variational integrators. */
      readonly lagrangian?: PairFormula;
    }
  | {
      readonly energy?: undefined;
      readonly energyValue: (q: Vector, p: Vector) => number;
      readonly dHdq: (q: Vector, p: Vector, out: Vector) => void;
      readonly dHdp: (q: Vector, p: Vector, out: Vector) => void;
      readonly lagrangian?: PairFormula;
    };

/** A Hamiltonian that need not split into T(p) + V(q). */
export function hamiltonian(spec: Named & HamiltonianSpec): General {
  const { name, dimension, energy: formula } = spec;
  checkDimension(name, dimension);
  const energy = spec.energyValue ?? ((q: Vector, p: Vector) => formula!(real, q, p));
  const dHdq =
    spec.dHdq ??
    ((q: Vector, p: Vector, out: Vector) => {
      out.set(gradient(real, (o, x) => formula!(o, x, Array.from(p, o.constant)), q));
    });
  const dHdp =
    spec.dHdp ??
    ((q: Vector, p: Vector, out: Vector) => {
      out.set(gradient(real, (o, x) => formula!(o, Array.from(q, o.constant), x), p));
    });
  return {
    kind: 'hamiltonian',
    name,
    dimension,
    momenta: dimension,
    energy,
    dHdq,
    dHdp,
    rates(q, p, dq, dp) {
      dHdp(q, p, dq);
      dHdq(q, p, dp);
      for (let i = 0; i < dimension; i++) dp[i] = -dp[i]!;
    },
    ...(formula ? { formula } : {}),
    ...(spec.lagrangian ? { lagrangian: spec.lagrangian } : {}),
  };
}

/** The same separable system with friction: ṗ = −∂V/∂q − γ p. */
export function damped(conservative: Separable, friction: number): Damped {
  const { name, dimension } = conservative;
  if (!Number.isFinite(friction)) {
    throw new MechanicsError('mechanics.option', `the friction of ${name} is ${friction}`, {
      where: name,
      hint: 'give a finite number per unit of time, 0 for none',
    });
  }
  return {
    kind: 'damped',
    name: `damped-${name}`,
    dimension,
    momenta: dimension,
    conservative,
    friction,
    energy: conservative.energy,
    rates(q, p, dq, dp) {
      conservative.velocity(p, dq);
      conservative.force(q, dp);
      for (let i = 0; i < dimension; i++) dp[i]! -= friction * p[i]!;
    },
  };
}

/** ẋ = J(x)∇H(x); the point is kept in q, p is empty. */
export function poisson(spec: {
  readonly name: string;
  readonly dimension: number;
  readonly energy: Formula;
  readonly structure: Poisson['structure'];
  readonly casimirs?: Poisson['casimirs'];
  readonly parts?: Poisson['parts'];
}): Poisson {
  const { name, dimension, energy, structure } = spec;
  checkDimension(name, dimension);
  const slope = gradientInto(energy, 1);
  const dH = new Float64Array(dimension);
  return {
    kind: 'poisson',
    name,
    dimension,
    momenta: 0,
    energy: (x) => energy(real, x),
    gradient: slope,
    structure,
    casimirs: spec.casimirs ?? {},
    parts: spec.parts ?? [],
    rates(x, _p, dx) {
      slope(x, dH);
      const J = structure(x);
      for (let i = 0; i < dimension; i++) {
        dx[i] = 0;
        for (let j = 0; j < dimension; j++) dx[i]! += J[i]![j]! * dH[j]!;
      }
    },
  };
}

/** A motion given by its rates alone; `energy` is any function worth watching along it (0 unless told). */
export function field(
  spec: Pick<Flow, 'name' | 'dimension' | 'momenta' | 'rates'> & { readonly energy?: Flow['energy'] },
): Field {
  return { energy: () => 0, ...spec, kind: 'field' };
}

/** A state with its own copies of `q` and `p`. */
export const stateOf = (q: ArrayLike<number>, p: ArrayLike<number>, t = 0): State => ({
  t,
  q: Float64Array.from(q),
  p: Float64Array.from(p),
});

/** out = sign × gradient of `f`, by automatic differentiation. */
const gradientInto = (f: Formula, sign: 1 | -1) => (x: Vector, out: Vector) => {
  const slopes = gradient(real, f, x);
  for (let i = 0; i < slopes.length; i++) out[i] = sign * slopes[i]!;
};

function checkDimension(name: string, dimension: number) {
  if (Number.isInteger(dimension) && dimension > 0) return;
  throw new MechanicsError('mechanics.option', `${name} has ${dimension} degrees of freedom`, {
    where: name,
    hint: 'the dimension is a whole number from 1',
  });
}
