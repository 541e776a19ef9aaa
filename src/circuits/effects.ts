/** @file Indirect effects of features and error nodes at one cut from an averaged costate: (λ̄·d_i)(f_i^patch − f_i^clean). */
import type { Dictionary } from '../dictionaries/types.ts';
import { activeFeatures, type FeatureState } from './feature-state.ts';

/**
 * All effects at one cut, unthresholded. IE = m(patched) − m(clean) (mechanics.md §1); the energy of a node is −IE.
 * Per example the features and errors together add up to λ̄·(x^patch − x^clean) exactly.
 */
export interface CutEffects {
  readonly site: string;
  readonly cut: number;
  readonly positions: number;
  readonly features: number;
  /** Means over examples. */
  readonly features_TF: Float32Array;
  readonly errors_T: Float32Array;
  /** Sums over nodes, one per example: for intervals and the energy budget. */
  readonly featureSums_B: Float64Array;
  readonly errorSums_B: Float64Array;
}

/**
 * Effects at one cut. Decoding is linear, so the straight line between two feature states is the straight line
 * between the two states: with λ̄ the gradient averaged over it these are integrated gradients at the cut (Marks et al.
 * 2024 with the rule that λ̄ was made with); with λ at the clean state they are attribution patching.
 * @param costate_BTD λ̄ = mean of ∂m/∂x
 */
export function cutEffects(
  cut: number,
  dictionary: Dictionary,
  clean: FeatureState,
  patch: FeatureState,
  costate_BTD: ArrayLike<number>,
): CutEffects {
  const { examples, positions, width, features } = clean;
  const features_TF = new Float64Array(positions * features);
  const errors_T = new Float64Array(positions);
  const featureSums_B = new Float64Array(examples);
  const errorSums_B = new Float64Array(examples);
  for (let b = 0; b < examples; b++) {
    for (let t = 0; t < positions; t++) {
      const row = (b * positions + t) * width;
      let total = 0;
      for (let d = 0; d < width; d++) {
        total += costate_BTD[row + d]! * (patch.x_BTD[row + d]! - clean.x_BTD[row + d]!);
      }
      let inFeatures = 0;
      for (const [i, change] of featureChanges(clean, patch, b, t)) {
        const effect = change * alongFeature(dictionary, i, costate_BTD, row);
        features_TF[t * features + i]! += effect / examples;
        inFeatures += effect;
      }
      featureSums_B[b]! += inFeatures;
      errorSums_B[b]! += total - inFeatures;
      errors_T[t]! += (total - inFeatures) / examples;
    }
  }
  return {
    site: dictionary.site,
    cut,
    positions,
    features,
    features_TF: Float32Array.from(features_TF),
    errors_T: Float32Array.from(errors_T),
    featureSums_B,
    errorSums_B,
  };
}

/** f^patch − f^clean of every feature active in either state. */
export function featureChanges(
  clean: FeatureState,
  patch: FeatureState,
  example: number,
  position: number,
): Map<number, number> {
  const changes = activeFeatures(patch, example, position);
  for (const [i, value] of activeFeatures(clean, example, position)) {
    changes.set(i, (changes.get(i) ?? 0) - value);
  }
  return changes;
}

/** p_i = λ·d_i, the momentum of feature i: costate row at `offset` along decoder row i, summed in float64. */
export function alongFeature(
  dictionary: Dictionary,
  feature: number,
  costate: ArrayLike<number>,
  offset: number,
): number {
  const { width, W_dec_FD } = dictionary;
  let sum = 0;
  for (let d = 0; d < width; d++) sum += costate[offset + d]! * W_dec_FD[feature * width + d]!;
  return sum;
}
