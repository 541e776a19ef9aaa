/** @file Which features an edit changes: the strongest of a circuit, or random ones scaled to move the state as far. */
import type { PlaceEffects } from '../circuits/effects.ts';
import { activeFeatures, type FeatureState } from '../circuits/feature-state.ts';
import type { Random } from '../core/random.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import type { EditedFeature } from './types.ts';

/**
 * The `count` features that serve the behaviour most: the largest energies (−IE), summed over positions, over all
 * dictionaries. Features that work against it are left alone: switching them off would strengthen it. Chosen on
 * train examples only.
 */
export function strongestFeatures(cuts: readonly PlaceEffects[], count: number): EditedFeature[] {
  const serving: EditedFeature[] = [];
  for (const { site, features, positions, features_TF } of cuts) {
    for (let feature = 0; feature < features; feature++) {
      let effect = 0;
      for (let t = 0; t < positions; t++) effect += features_TF[t * features + feature]!;
      if (effect < 0) serving.push({ site, feature, effect });
    }
  }
  return serving.sort((a, b) => a.effect - b.effect).slice(0, count);
}

/** Change at one site: x′ = x − Σ_i scale_i (f_i − base_i) d_i at every position that the dictionary reads. */
export interface SiteEdit {
  readonly site: string;
  readonly scale_F: Float32Array;
  readonly base_F: Float32Array;
}

/** Scales `strength` at the chosen features of one site, 0 elsewhere. */
export function featureEdit(
  dictionary: Dictionary,
  chosen: readonly { readonly feature: number }[],
  strength: number,
  base_F?: Float32Array,
): SiteEdit {
  const scale_F = new Float32Array(dictionary.features);
  for (const { feature } of chosen) scale_F[feature] = strength;
  return { site: dictionary.site, scale_F, base_F: base_F ?? new Float32Array(dictionary.features) };
}

/** Mean ‖Δx‖ of an edit over the positions that the dictionary reads (those after the first), on given states. */
export function meanDeltaX(state: FeatureState, dictionary: Dictionary, edit: SiteEdit): number {
  const { examples, positions, width } = state;
  const delta = new Float64Array(width);
  let sum = 0;
  let count = 0;
  for (let b = 0; b < examples; b++) {
    for (let t = 1; t < positions; t++) {
      delta.fill(0);
      const active = activeFeatures(state, b, t);
      if (active.size === 0) continue;
      edit.scale_F.forEach((scale, i) => {
        if (scale === 0) return;
        const change = scale * ((active.get(i) ?? 0) - edit.base_F[i]!);
        if (change === 0) return;
        for (let d = 0; d < width; d++) delta[d]! += change * dictionary.W_dec_FD[i * width + d]!;
      });
      sum += Math.hypot(...delta);
      count++;
    }
  }
  return count > 0 ? sum / count : 0;
}

/**
 * As many features as were chosen at the site, drawn among those active somewhere in `state` but not chosen, and
 * one common scale so that the mean ‖Δx‖ equals that of `target`: the null of an edit.
 */
export function randomEdit(
  state: FeatureState,
  dictionary: Dictionary,
  chosen: readonly { readonly feature: number }[],
  target: number,
  random: Random,
): SiteEdit {
  const taken = new Set(chosen.map((c) => c.feature));
  const pool = new Set<number>();
  state.values_BTK.forEach((value, j) => {
    if (value !== 0 && !taken.has(state.indices_BTK[j]!)) pool.add(state.indices_BTK[j]!);
  });
  const drawn = random.shuffle([...pool].sort((a, b) => a - b)).slice(0, chosen.length);
  const unit = featureEdit(
    dictionary,
    drawn.map((feature) => ({ feature })),
    1,
  );
  const size = meanDeltaX(state, dictionary, unit);
  const scale = size > 0 ? target / size : 0;
  return { ...unit, scale_F: unit.scale_F.map((s) => s * scale) };
}

/** Mean activation of every feature over the rows that the dictionary reads: [F], for mean ablation. */
export function meanActivation(state: FeatureState): Float32Array {
  const { examples, positions, features } = state;
  const sum = new Float64Array(features);
  let rows = 0;
  for (let b = 0; b < examples; b++) {
    for (let t = 0; t < positions; t++) {
      const active = activeFeatures(state, b, t);
      if (active.size > 0) rows++;
      for (const [i, value] of active) sum[i]! += value;
    }
  }
  return Float32Array.from(sum, (s) => (rows > 0 ? s / rows : 0));
}
