/** @file V of every mask of some features of a network: the loss of texts or prompts with features taken out at one place. */
import { type Network, placeOf } from '../../circuits/cuts.ts';
import { encodeState } from '../../circuits/encode-state.ts';
import { metricWith } from '../../circuits/exact.ts';
import { chunks, pickPairs, range } from '../../circuits/examples.ts';
import { activeFeatures } from '../../circuits/feature-state.ts';
import { forwardPairs } from '../../circuits/forward.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import { type Dictionary, inPlace } from '../../dictionaries/types.ts';
import { type MaskEnergies, maskEnergies } from './masks.ts';

/** Masks in one pass. */
const MASKS = 32;

/**
 * V(s) = −mean metric over the clean prompts (or texts), with x′ = x − Σ_i (1 − s_i) f_i d_i at every position that the
 * dictionary reads. 2ⁿ runs of all prompts; the error of the dictionary stays.
 */
export async function networkMasks(
  network: Network,
  given: Dictionary,
  pairs: Parameters<typeof forwardPairs>[1],
  features: readonly number[],
  run: RunOptions,
): Promise<MaskEnergies> {
  const dictionary = inPlace(given);
  const { site, W_dec_FD } = dictionary;
  const { width } = placeOf(network, site);
  const { examples, positions } = pairs;
  const { clean } = await forwardPairs(network, pairs, [site], run);
  const x_BTD = clean.states[site]!;
  const state = await encodeState(dictionary, x_BTD, { examples, positions, width }, run.threads ?? 1);
  const size = examples * positions * width;
  const masks = 2 ** features.length;
  const V_S = new Float64Array(masks);
  for (const { from, to } of chunks(masks, MASKS)) {
    const all = new Float64Array((to - from) * size);
    for (let s = from; s < to; s++) all.set(x_BTD, (s - from) * size);
    for (let b = 0; b < examples; b++) {
      for (let t = 0; t < positions; t++) {
        const active = activeFeatures(state, b, t);
        features.forEach((feature, i) => {
          const f = active.get(feature);
          if (f === undefined) return;
          for (let s = from; s < to; s++) {
            if (s & (1 << i)) continue;
            const at = (s - from) * size + (b * positions + t) * width;
            for (let d = 0; d < width; d++) all[at + d]! -= f * W_dec_FD[feature * width + d]!;
          }
        });
      }
    }
    const rows = range(from, to).flatMap(() => range(0, examples));
    const metric = await metricWith(network, site, all, pickPairs(pairs, rows), run);
    metric.forEach((m, k) => {
      V_S[from + Math.floor(k / examples)]! -= m / examples;
    });
  }
  return maskEnergies(V_S);
}
