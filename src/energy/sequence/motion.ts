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

/** A feature's activations q and potentials V at neighbouring positions of one text; V at the last is not used. */
export interface FeatureSeries {
  readonly q_T: ArrayLike<number>;
  readonly V_T: ArrayLike<number>;
}

/**
 * The motion of one feature over texts given whole: steps t → t + 1 within each.
 * @param rule `matched`, or a mass (`common` needs all features: the table has it)
 */
export function featureMotion(
  texts: readonly FeatureSeries[],
  rule: Exclude<MassRule, 'common'> | number = 'matched',
): FeatureMotion {
  const sums = noMotion();
  let steps = 0;
  for (const { q_T, V_T } of texts) {
    for (let t = 0; t + 1 < q_T.length; t++, steps++) {
      addStep(sums, (q_T[t + 1]! - q_T[t]!) ** 2 / 2, V_T[t]!);
    }
  }
  return motionOf(sums, steps, rule === 'matched' ? matchedMass(sums) : rule === 'unit' ? 1 : rule);
}
