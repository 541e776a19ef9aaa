/** @file The energy budget of a cut: how much of Δm its features and its error nodes carry, and what leaks, by rule. */

import type { Network } from '../circuits/cuts.ts';
import type { PlaceRecord } from '../circuits/effects-file.ts';
import type { Pairs } from '../circuits/examples.ts';
import type { RunOptions } from '../circuits/run-options.ts';
import { costatesByRule, type LineEnds } from './depth/cut-rules.ts';
import { leak, lineEnergies } from './leak.ts';
import type { CutBudget, FeatureEnergy } from './types.ts';

/** Shares and leak at one place from the effects a circuit was found with (all train examples). */
export function budgetOf({ effects }: PlaceRecord, leakByRule: Readonly<Record<string, number>>): CutBudget {
  const { depth: cut, site, featureSums_B, errorSums_B } = effects;
  const deltaM_B = effects.change_B.map((change) => -change);
  const mean = (values: Float64Array) => values.reduce((sum, v) => sum + v, 0) / values.length;
  return {
    cut,
    site,
    deltaM: mean(deltaM_B),
    features: 0 - mean(featureSums_B),
    errors: 0 - mean(errorSums_B),
    leak: leak(
      featureSums_B.map((f, b) => -(f + errorSums_B[b]!)),
      deltaM_B,
    ),
    leakByRule,
  };
}

/**
 * Leak of each rule at one cut. Features and errors of an example add up to λ̄·(x^patch − x^clean), so no dictionary
 * is needed: this works at every cut. @param rules quadratures, or `adaptive-TOLERANCE`
 */
export async function leaksByRule(
  network: Network,
  site: string,
  pairs: Pairs,
  ends: LineEnds,
  rules: readonly string[],
  options: RunOptions,
): Promise<Record<string, number>> {
  const found = await costatesByRule(network, site, pairs, ends, rules, options);
  const { clean_BTD, patch_BTD, deltaM_B } = ends;
  return Object.fromEntries(
    found.map(({ rule, costate_BTD }) => [
      rule,
      leak(lineEnergies(costate_BTD, clean_BTD, patch_BTD, pairs), deltaM_B),
    ]),
  );
}

/** The `count` features with the largest |energy|, position by position. */
export function topFeatures(cuts: readonly PlaceRecord[], count: number): FeatureEnergy[] {
  const all: FeatureEnergy[] = [];
  for (const { effects } of cuts) {
    effects.features_TF.forEach((effect, at) => {
      if (effect === 0) return;
      const feature = at % effects.features;
      const position = Math.floor(at / effects.features);
      all.push({ site: effects.site, feature, position, energy: -effect });
    });
  }
  return all.sort((a, b) => Math.abs(b.energy) - Math.abs(a.energy)).slice(0, count);
}
