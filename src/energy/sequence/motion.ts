/** @file T, V, E and drift of a feature over tokens, from sums that can be gathered step by step. */
import type { FeatureMotion, MassRule } from './types.ts';

/** Sums over the steps of one feature; a = ½(q(t+1) − q(t))², the kinetic energy at unit mass. Steps of 0 need no adding. */
export interface MotionSums {
  a: number;
  aa: number;
  V: number;
  absV: number;
  VV: number;
  /** Σ aV. */
  aV: number;
}

/** Nothing gathered yet. */
export const noMotion = (): MotionSums => ({ a: 0, aa: 0, V: 0, absV: 0, VV: 0, aV: 0 });

/** Adds a step. */
export function addStep(sums: MotionSums, a: number, V: number): void {
  sums.a += a;
  sums.aa += a * a;
  sums.V += V;
  sums.absV += Math.abs(V);
  sums.VV += V * V;
  sums.aV += a * V;
}

/** m with ⟨T⟩ = ⟨|V|⟩ for these sums; 1 where nothing moves or nothing counts, and no mass does that. */
export const matchedMass = ({ a, absV }: Pick<MotionSums, 'a' | 'absV'>): number =>
  a > 0 && absV > 0 ? absV / a : 1;

/**
 * The motion of a feature from its sums (mechanics.md §3). E is linear in the mass, so one pass serves all mass rules.
 * @param steps of the clock, also those in which nothing happened
 */
export function motionOf(sums: MotionSums, steps: number, mass: number): FeatureMotion {
  const kinetic = (mass * sums.a) / steps;
  const potential = sums.V / steps;
  const absPotential = sums.absV / steps;
  const energy = kinetic + potential;
  const square = (mass * mass * sums.aa + 2 * mass * sums.aV + sums.VV) / steps;
  const deviation = Math.sqrt(Math.max(0, square - energy * energy));
  return { mass, kinetic, potential, absPotential, energy, drift: deviation / (kinetic + absPotential) };
}

/** Steps of one feature: a = ½q̇², the kinetic energy at unit mass, and V where each step begins. */
export interface FeatureSteps {
  readonly a_K: ArrayLike<number>;
  readonly V_K: ArrayLike<number>;
}

/**
 * The motion of one feature over its steps.
 * @param rule `matched`, or a mass (`common` needs all features: the table has it)
 */
export function stepMotion(
  parts: readonly FeatureSteps[],
  rule: Exclude<MassRule, 'common'> | number = 'matched',
): FeatureMotion {
  const sums = noMotion();
  let steps = 0;
  for (const { a_K, V_K } of parts) {
    for (let k = 0; k < a_K.length; k++, steps++) addStep(sums, a_K[k]!, V_K[k]!);
  }
  return motionOf(sums, steps, rule === 'matched' ? matchedMass(sums) : rule === 'unit' ? 1 : rule);
}

/** Activations q and potentials V of one feature at the positions of one text. */
export interface TextSeries {
  readonly q_T: ArrayLike<number>;
  readonly V_T: ArrayLike<number>;
  /** Positions t with a step t → t + 1 (`stepsOf`); all but the last unless given. */
  readonly steps?: readonly number[];
}

/** The steps of a series. */
export function seriesSteps({ q_T, V_T, steps }: TextSeries): FeatureSteps {
  const at = steps ?? Array.from({ length: Math.max(0, q_T.length - 1) }, (_, t) => t);
  return {
    a_K: Float64Array.from(at, (t) => (q_T[t + 1]! - q_T[t]!) ** 2 / 2),
    V_K: Float64Array.from(at, (t) => V_T[t]!),
  };
}

/** The motion of one feature over texts. */
export const featureMotion = (
  texts: readonly TextSeries[],
  rule: Exclude<MassRule, 'common'> | number = 'matched',
): FeatureMotion => stepMotion(texts.map(seriesSteps), rule);
