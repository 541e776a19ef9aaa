/** @file What nodes are compared with: the counterfactual prompt, zero, or their mean. */
import { decode, rowFrame } from '../dictionaries/encoder.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import { activeFeatures, type FeatureState } from './feature-state.ts';

/**
 * `counterfactual`: the value in the patched run of the same example. `zero`: no feature and no error, as the published
 * code does without a pair (Marks et al. 2024); what is left is the decoder's bias, at the scale and mean of the patched
 * row where the dictionary has a row norm. `mean`: position by position the mean over all patched runs.
 */
export type Baseline = 'counterfactual' | 'zero' | 'mean';

/** The state that the clean one is compared with, example by example. */
export function baselineState(baseline: Baseline, patch: FeatureState, dictionary: Dictionary): FeatureState {
  if (baseline === 'counterfactual') return patch;
  const { examples, positions, width } = patch;
  if (baseline === 'zero') {
    const rows = examples * positions;
    const none = { slots: 1, indices_BK: new Int32Array(rows), values_BK: new Float32Array(rows) };
    return {
      ...patch,
      x_BTD: decode(dictionary, { ...none, ...rowFrame(dictionary, patch.x_BTD) }, patch.x_BTD),
      values_BTK: new Float32Array(patch.values_BTK.length),
    };
  }
  const x_TD = new Float64Array(positions * width);
  patch.x_BTD.forEach((x, i) => {
    x_TD[i % x_TD.length]! += x / examples;
  });
  const means = Array.from({ length: positions }, (_, t) => {
    const sums = new Map<number, number>();
    for (let b = 0; b < examples; b++) {
      for (const [i, value] of activeFeatures(patch, b, t)) {
        sums.set(i, (sums.get(i) ?? 0) + value / examples);
      }
    }
    return [...sums].sort(([a], [b]) => a - b);
  });
  const k = Math.max(1, ...means.map((m) => m.length));
  const x_BTD = new Float32Array(examples * x_TD.length);
  const indices_BTK = new Int32Array(examples * positions * k);
  const values_BTK = new Float32Array(examples * positions * k);
  for (let b = 0; b < examples; b++) {
    x_BTD.set(x_TD, b * x_TD.length);
    means.forEach((mean, t) => {
      const from = (b * positions + t) * k;
      for (const [j, [i, value]] of mean.entries()) {
        indices_BTK[from + j] = i;
        values_BTK[from + j] = value;
      }
    });
  }
  return { ...patch, k, x_BTD, indices_BTK, values_BTK };
}
