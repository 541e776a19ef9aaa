/** @file Effects of every node at every dictionary's place over the train examples: states, costates, products. */

import type { WorkContext } from '../core/progress.ts';
import { track } from '../core/progress.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import { ablationStart } from './ablation.ts';
import { type Baseline, baselineState } from './baselines.ts';
import { costatesAt } from './costates.ts';
import { type Network, placeOf } from './cuts.ts';
import { movesOf, type PlaceEffects, placeEffects } from './effects.ts';
import { exactEffects, metricWith, placeChange } from './exact.ts';
import type { Pairs } from './examples.ts';
import type { FeatureState } from './feature-state.ts';
import { effectMethod, lineCostatesBy, readPlaces } from './node-effects.ts';
import type { RunOptions } from './run-options.ts';

/** All that is known about one dictionary's place over the train examples. */
export interface CodedPlace {
  readonly site: string;
  /** Of the place (places.ts). */
  readonly depth: number;
  readonly dictionary: Dictionary;
  readonly clean: FeatureState;
  readonly patch: FeatureState;
  /** What clean is compared with: `patch`, or another baseline. */
  readonly baseline: FeatureState;
  /** λ̄ of the circuit's rule, [B, T, D]. */
  readonly costate_BTD: Float32Array;
  readonly effects: PlaceEffects;
  readonly attributionPatching: PlaceEffects;
}

export interface TrainEffects {
  /** By depth. */
  readonly places: readonly CodedPlace[];
  /** The embedding's states. */
  readonly embedding: {
    readonly site: string;
    readonly clean_BTD: Float32Array;
    readonly patch_BTD: Float32Array;
  };
  /** Clean states at the cut where ablation runs start, [B, T, D]. */
  readonly start_BTD: Float32Array;
  readonly clean_B: Float64Array;
  readonly patch_B: Float64Array;
}

/** How effects are taken: see effectMethod() and Baseline. */
export interface EffectChoice {
  readonly method: string;
  readonly baseline: Baseline;
}

/** Runs both sides of all pairs, reads them in the dictionaries, and takes effects by `method` and by attribution patching. */
export async function trainEffects(
  network: Network,
  dictionaries: readonly Dictionary[],
  pairs: Pairs,
  { method, baseline }: EffectChoice,
  label: { readonly task: string; readonly title: string },
  options: RunOptions & { readonly threads: number },
  { progress }: WorkContext,
): Promise<TrainEffects> {
  const by = effectMethod(method);
  const embed = network.cuts[0]!;
  const sites = dictionaries.map((d) => d.site);
  const start = ablationStart(network, dictionaries);
  const task = { task: 'effects', label: `Effects: ${label.title}`, unit: 'runs' };
  return track(progress, task, async (advance) => {
    let done = 0;
    const counted: RunOptions = {
      ...options,
      advance: (rows) => {
        done += rows;
        advance(done);
      },
    };
    const read = await readPlaces(network, dictionaries, pairs, counted, [embed, start]);
    const { clean, patch } = read;
    const atClean = await costatesAt(network, sites, pairs, counted);
    const relevance =
      by.kind === 'clean' && by.rules === 'relp'
        ? await costatesAt(network, sites, pairs, counted, by.rules)
        : atClean;
    const places: CodedPlace[] = [];
    for (const place of read.places) {
      const { dictionary } = place;
      const { site } = dictionary;
      const { depth, width } = placeOf(network, site);
      const shape = { site, depth, examples: pairs.examples, positions: pairs.positions, width };
      const compared = baselineState(baseline, place.patch, dictionary);
      const change_B =
        baseline === 'counterfactual'
          ? await placeChange(network, site, pairs, read, counted, place.start)
          : (await metricWith(network, site, compared.x_BTD, pairs, counted, place.start)).map(
              (m, b) => m - clean.metric_B[b]!,
            );
      const moves = movesOf(place.clean, compared);
      const effectsBy = (costate: Float32Array) => placeEffects(shape, dictionary, moves, costate, change_B);
      const costate_BTD =
        by.kind === 'line' || by.kind === 'adaptive'
          ? (await lineCostatesBy(by, network, place, compared, pairs, change_B, counted)).costate_BTD
          : relevance[site]!;
      const exactly = { clean_B: clean.metric_B, change_B };
      places.push({
        ...{
          site,
          depth,
          dictionary,
          clean: place.clean,
          patch: place.patch,
          baseline: compared,
          costate_BTD,
        },
        effects:
          by.kind === 'exact'
            ? await exactEffects(
                network,
                dictionary,
                { clean: place.clean, patch: compared },
                pairs,
                exactly,
                counted,
                { start: place.start },
              )
            : effectsBy(costate_BTD),
        attributionPatching: effectsBy(atClean[site]!),
      });
    }
    return {
      places,
      embedding: { site: embed, clean_BTD: clean.states[embed]!, patch_BTD: patch.states[embed]! },
      start_BTD: clean.states[start]!,
      clean_B: clean.metric_B,
      patch_B: patch.metric_B,
    };
  });
}
