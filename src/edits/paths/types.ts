/** @file Paths over feature strengths: the problem (pinned and free strengths, a cost, a metric) and what a path reports. */
import { EditError } from '../../core/errors.ts';
import type { Trajectory } from '../../mechanics/types.ts';

/** A square matrix as rows. */
export type Rows = readonly ArrayLike<number>[];

/** V at a point with its first two derivatives, exact. */
export interface PotentialAt {
  readonly value: number;
  /** [n]. */
  readonly gradient_N: ArrayLike<number>;
  /** Rows [n][n], symmetric. */
  readonly hessian_NN: Rows;
}

/** What a change of the strengths costs: ½ δᵀG(α)δ ≈ KL(α ‖ α + δ), with μI in it so that it is positive. */
export interface StrengthMetric {
  /** G(α), rows [n][n], symmetric and positive. */
  at(alpha_N: Float64Array): Rows;
  /** (∂G/∂α_k) v for each k, [n][n]; left out where G does not depend on α. */
  slopesTimes?(alpha_N: Float64Array, v_N: Float64Array): Rows;
}

/**
 * Strengths α ∈ Rⁿ of chosen features: 1 = as the network has it, 0 = removed. At s = 0 all are 1; at s = 1 the pinned
 * ones have their target, the others are free.
 */
export interface StrengthProblem {
  readonly name: string;
  /** n. */
  readonly strengths: number;
  /** V(α): task loss on retain data + κ · remaining bias, in nats. */
  potential(alpha_N: Float64Array): PotentialAt;
  readonly metric: StrengthMetric;
  readonly pinned: readonly Pin[];
}

/** A strength whose end is given. */
export interface Pin {
  readonly index: number;
  readonly target: number;
}

/** How a path was found. */
export type PathMethod = 'straight' | 'gradient-flow' | 'least-action';

/** A path from s = 0 to s = 1 and everything it costs. K = N + 1 points. */
export interface StrengthPath {
  readonly method: PathMethod;
  /** Clock `edit`: q = α, p = G α̇ (least action: the discrete momenta), energies = H_c = T − V. */
  readonly trajectory: Trajectory;
  /** T = ½ pᵀG⁻¹p at each point. */
  readonly kinetic_K: Float64Array;
  /** V at each point. */
  readonly potential_K: Float64Array;
  /** Largest |H_c(s) − H_c(0)|: 0 along a least-action path but for the step's own error, and nowhere else. */
  readonly energySpread: number;
  /** S = ∫ ½ α̇ᵀGα̇ + V ds. */
  readonly action: number;
  /** N Σ ½ Δα_kᵀ G Δα_k, which is N × the KL paid step by step, and ∫ T ds as N → ∞. */
  readonly steppedKl: number;
  /** ∫ √(α̇ᵀGα̇) ds: the length of the path in the metric, whatever its pace. */
  readonly length: number;
  readonly end_N: Float64Array;
  readonly endMomentum_N: Float64Array;
  /** Largest |momentum| at s = 1 among free strengths; 0 when none is free. */
  readonly freeEndMomentum: number;
  /** How the boundary-value problem was solved; least action only. */
  readonly solved?: {
    readonly residual: number;
    readonly iterations: number;
    /** The second variation is positive: least among nearby paths. */
    readonly minimum: boolean;
  };
}

/** Strengths beyond this are no edit that anybody means; 0 removes a feature, 1 leaves it, −1 turns it round. */
export const STRENGTH_RANGE = [-10, 10] as const;

/**
 * Throws unless the pins name different strengths of the problem and lie in range.
 * @throws EditError `edit.strengths`, `edit.strength-range`
 */
export function requireProblem({ name, strengths, pinned }: StrengthProblem): void {
  const indices = new Set(pinned.map((pin) => pin.index));
  const known = pinned.every(({ index }) => Number.isInteger(index) && index >= 0 && index < strengths);
  if (!Number.isInteger(strengths) || strengths < 1 || !known || indices.size < pinned.length) {
    throw new EditError('edit.strengths', `the pinned strengths are not different ones of ${strengths}`, {
      where: name,
      hint: 'pin each strength at most once, by its place in the list of features, counted from 0',
    });
  }
  for (const { index, target } of pinned) requireStrength(target, `${name}, strength ${index}`);
}

/** @throws EditError `edit.strengths` */
export function requireSteps(steps: number, where: string): void {
  if (Number.isInteger(steps) && steps >= 1) return;
  throw new EditError('edit.strengths', `a path of ${steps} steps was asked for`, {
    where,
    hint: 'give a whole number from 1',
  });
}

/** @throws EditError `edit.strength-range` */
function requireStrength(strength: number, where: string): void {
  const [least, most] = STRENGTH_RANGE;
  if (strength >= least && strength <= most) return;
  throw new EditError('edit.strength-range', `a strength of ${strength} is outside ${least} to ${most}`, {
    where,
    hint: '0 removes a feature, 1 leaves it as it is, above 1 makes it stronger',
  });
}

/** The end with free strengths as the network has them: 1, and the targets of the pinned ones. [n]. */
export function pinnedEnd({
  strengths,
  pinned,
}: Pick<StrengthProblem, 'strengths' | 'pinned'>): Float64Array {
  const end_N = new Float64Array(strengths).fill(1);
  for (const { index, target } of pinned) end_N[index] = target;
  return end_N;
}

/** Places of the strengths that are not pinned. */
export function freeStrengths({
  strengths,
  pinned,
}: Pick<StrengthProblem, 'strengths' | 'pinned'>): number[] {
  const taken = new Set(pinned.map((pin) => pin.index));
  return Array.from({ length: strengths }, (_, i) => i).filter((i) => !taken.has(i));
}
