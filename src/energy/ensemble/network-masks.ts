/** @file V of every mask of some features of a network: the loss of texts or prompts with features taken out at one place. */
import { type Network, placeOf } from '../../circuits/cuts.ts';
import { encodeState } from '../../circuits/encode-state.ts';
import { featureMove, type Move, metricMoved } from '../../circuits/exact.ts';
import { range } from '../../circuits/examples.ts';
import { activeFeatures } from '../../circuits/feature-state.ts';
import { forwardPairs } from '../../circuits/forward.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import { type Dictionary, inPlace } from '../../dictionaries/types.ts';
import { type MaskEnergies, maskEnergies } from './masks.ts';

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
  const { site } = dictionary;
  const { width } = placeOf(network, site);
  const { examples, positions } = pairs;
  const { clean } = await forwardPairs(network, pairs, [site], run);
  const x_BTD = clean.states[site]!;
  const state = await encodeState(dictionary, x_BTD, { examples, positions, width }, run.threads ?? 1);
  /** What takes feature i out of an example. */
  const out_BI = range(0, examples).map(() => features.map((): Move[] => []));
  for (let b = 0; b < examples; b++) {
    for (let t = 0; t < positions; t++) {
      const active = activeFeatures(state, b, t);
      features.forEach((feature, i) => {
        const f = active.get(feature);
        if (f !== undefined) out_BI[b]![i]!.push(featureMove(dictionary, feature, t, -f));
      });
    }
  }
  const masks = 2 ** features.length;
  const rows = range(0, masks).flatMap(() => range(0, examples));
  const moves = (k: number) => {
    const s = Math.floor(k / examples);
    return out_BI[rows[k]!]!.flatMap((own, i) => (s & (1 << i) ? [] : own));
  };
  const metric = await metricMoved(network, site, x_BTD, pairs, { rows, moves }, run);
  const V_S = new Float64Array(masks);
  metric.forEach((m, k) => {
    V_S[Math.floor(k / examples)]! -= m / examples;
  });
  return maskEnergies(V_S);
}
