/** @file Features as paths over positions: activations, potentials and steps of chosen features, read as the sequence clock reads them. */
import type { FeatureState } from '../../circuits/feature-state.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import { type FeatureSteps, seriesSteps } from '../sequence/motion.ts';
import { type FeatureSeries, seriesOf, stepsOf, textsOf } from '../sequence/read.ts';

/** One feature in one example, and its steps between neighbouring positions that dictionaries read. */
export interface FeaturePath extends FeatureSeries {
  /** Positions that are read. */
  readonly read: number;
  readonly steps: FeatureSteps;
}

/** Positions (of all examples) at which each feature is active. */
export function activeCounts(state: FeatureState): Int32Array {
  const counts = new Int32Array(state.features);
  for (let row = 0; row < state.examples * state.positions; row++) {
    for (let j = row * state.k; j < (row + 1) * state.k; j++) {
      if (state.values_BTK[j] !== 0) counts[state.indices_BTK[j]!]!++;
    }
  }
  return counts;
}

/**
 * Paths of some features, V = f·∂L/∂f with L = −m.
 * @param costate_BTD λ = ∂m/∂x
 * @returns by feature, one path an example
 */
export function featurePaths(
  dictionary: Dictionary,
  state: FeatureState,
  costate_BTD: ArrayLike<number>,
  features: readonly number[],
): Map<number, FeaturePath[]> {
  const paths = new Map(features.map((feature) => [feature, [] as FeaturePath[]]));
  for (const text of textsOf(dictionary, state, costate_BTD, 1)) {
    const steps = stepsOf(text);
    const read = text.read_T.reduce((sum, one) => sum + one, 0);
    for (const [feature, series] of seriesOf(text, features)) {
      paths.get(feature)!.push({ ...series, read, steps: seriesSteps({ ...series, steps }) });
    }
  }
  return paths;
}
