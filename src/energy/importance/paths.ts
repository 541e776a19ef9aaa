/** @file Features as paths over positions: activation q and momentum p = ∂m/∂f of chosen features in every example. */
import { alongFeature } from '../../circuits/effects.ts';
import { activeFeatures, type FeatureState } from '../../circuits/feature-state.ts';
import type { Dictionary } from '../../dictionaries/types.ts';

/** q and p of one feature in one example, at the positions that dictionaries read (the first is left out). */
export interface FeatureSeries {
  readonly q_T: Float64Array;
  /** λ·d_i at every position, also where the feature is off. */
  readonly p_T: Float64Array;
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
 * Paths of some features.
 * @param costate_BTD λ = ∂m/∂x
 * @returns by feature, one series an example
 */
export function featureSeries(
  dictionary: Dictionary,
  state: FeatureState,
  costate_BTD: ArrayLike<number>,
  features: readonly number[],
): Map<number, FeatureSeries[]> {
  const { examples, positions, width } = state;
  const length = positions - 1;
  const paths = new Map(
    features.map((feature) => [
      feature,
      Array.from(
        { length: examples },
        (_, b): FeatureSeries => ({
          q_T: new Float64Array(length),
          p_T: Float64Array.from({ length }, (__, t) =>
            alongFeature(dictionary, feature, costate_BTD, (b * positions + t + 1) * width),
          ),
        }),
      ),
    ]),
  );
  for (let b = 0; b < examples; b++) {
    for (let t = 1; t < positions; t++) {
      for (const [feature, value] of activeFeatures(state, b, t)) {
        const path = paths.get(feature);
        if (path) path[b]!.q_T[t - 1] = value;
      }
    }
  }
  return paths;
}
