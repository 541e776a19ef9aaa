/** @file The edits that are compared: chosen features, random ones that move the state as far, mean ablation, and none. */
import type { FeatureState } from '../circuits/feature-state.ts';
import type { Random } from '../core/random.ts';
import { mean } from '../core/statistics.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import { featureEdit, meanActivation, meanDeltaX, randomEdit, type SiteEdit } from './choose.ts';
import type { EditedFeature, EditMethod } from './types.ts';

/** A dictionary with features to edit. */
export interface EditedSite {
  readonly dictionary: Dictionary;
  readonly features: readonly EditedFeature[];
  /** Train prompts of the task, both sides: where ‖Δx‖ is matched and random features are drawn. */
  readonly prompts: FeatureState;
  /** Plain train text: its mean activations are what mean ablation sets features to. */
  readonly plain: FeatureState;
}

export interface Condition {
  /** `none` leaves everything as it was: the baseline comes from the same code path. */
  readonly method: EditMethod | 'none';
  readonly strength: number;
  readonly draw: number;
  readonly edits: readonly SiteEdit[];
  /** Mean over sites of the mean ‖Δx‖ per position on the train prompts. */
  readonly deltaX: number;
  /** The same on plain train text. */
  readonly deltaXText: number;
}

/** Baseline first, then features and random draws per strength, then mean ablation at strength 1. */
export function conditions(
  sites: readonly EditedSite[],
  strengths: readonly number[],
  draws: number,
  random: Random,
): Condition[] {
  const condition = (
    method: Condition['method'],
    strength: number,
    draw: number,
    edit: (site: EditedSite) => SiteEdit,
  ): Condition => {
    const edits = sites.map(edit);
    const size = (on: 'prompts' | 'plain') =>
      mean(sites.map((s, i) => meanDeltaX(s[on], s.dictionary, edits[i]!)));
    return { method, strength, draw, edits, deltaX: size('prompts'), deltaXText: size('plain') };
  };
  const features = (strength: number) => (s: EditedSite) => featureEdit(s.dictionary, s.features, strength);
  const all = [condition('none', 0, 0, features(0))];
  for (const strength of strengths) {
    all.push(condition('features', strength, 0, features(strength)));
    for (let draw = 0; draw < draws; draw++) {
      all.push(
        condition('random', strength, draw, (s) => {
          const target = meanDeltaX(s.prompts, s.dictionary, features(strength)(s));
          // The same draw at every strength: only the size grows.
          const stream = random.fork(`random/${draw}/${s.dictionary.site}`);
          return randomEdit(s.prompts, s.dictionary, s.features, target, stream);
        }),
      );
    }
  }
  all.push(
    condition('mean-ablation', 1, 0, (s) =>
      featureEdit(s.dictionary, s.features, 1, meanActivation(s.plain)),
    ),
  );
  return all;
}
