/** @file Exact effects of whole features: one run for each feature and example, in which it takes its other value everywhere. */
import type { Network } from '../../circuits/cuts.ts';
import { featureChanges } from '../../circuits/effects.ts';
import { featureMove, type Move, metricMoved } from '../../circuits/exact.ts';
import type { Pairs } from '../../circuits/examples.ts';
import type { FeatureState } from '../../circuits/feature-state.ts';
import type { Start } from '../../circuits/line.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import type { Dictionary } from '../../dictionaries/types.ts';

/**
 * m(do f_i = f_i′ at all positions) − m(clean) for each feature and example; f′ is the other state's value (0 for ablation).
 * Only examples in which the feature changes are run.
 * @returns by feature, one number an example
 */
export async function exactFeatureEffects(
  network: Network,
  dictionary: Dictionary,
  { clean, other }: { readonly clean: FeatureState; readonly other: FeatureState },
  pairs: Pairs,
  clean_B: ArrayLike<number>,
  features: readonly number[],
  run: RunOptions,
  start?: Start,
): Promise<Map<number, Float64Array>> {
  const { examples, positions } = clean;
  const wanted = new Set(features);
  const jobs = new Map<string, { feature: number; example: number; moves: Move[] }>();
  for (let example = 0; example < examples; example++) {
    for (let position = 0; position < positions; position++) {
      for (const [feature, by] of featureChanges(clean, other, example, position)) {
        if (by === 0 || !wanted.has(feature)) continue;
        const key = `${feature}/${example}`;
        const job = jobs.get(key) ?? { feature, example, moves: [] };
        job.moves.push(featureMove(dictionary, feature, position, by));
        jobs.set(key, job);
      }
    }
  }
  const all = [...jobs.values()];
  const runs = { rows: all.map((job) => job.example), moves: (j: number) => all[j]!.moves };
  const metric_J = await metricMoved(network, dictionary.site, clean.x_BTD, pairs, runs, run, start);
  const effects = new Map(features.map((feature) => [feature, new Float64Array(examples)]));
  all.forEach(({ feature, example }, j) => {
    effects.get(feature)![example] = metric_J[j]! - clean_B[example]!;
  });
  return effects;
}
