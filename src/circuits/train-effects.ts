/** @file Effects of every node at every dictionary's place over the train examples: states, costates, products. */

import { joinRules, quadrature } from '../autodiff/quadrature.ts';
import type { WorkContext } from '../core/progress.ts';
import { track } from '../core/progress.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import { ablationStart } from './ablation.ts';
import { type Network, placeOf } from './cuts.ts';
import { movesOf, type PlaceEffects, placeEffects } from './effects.ts';
import { encodeState } from './encode-state.ts';
import { placeChange } from './exact.ts';
import type { Pairs } from './examples.ts';
import type { FeatureState } from './feature-state.ts';
import { forwardPairs } from './forward.ts';
import { lineCostates } from './line.ts';
import type { RunOptions } from './run-options.ts';

/** All that is known about one dictionary's place over the train examples. */
export interface CodedPlace {
  readonly site: string;
  /** Of the place (places.ts). */
  readonly depth: number;
  readonly dictionary: Dictionary;
  readonly clean: FeatureState;
  readonly patch: FeatureState;
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

/** Runs both sides of all pairs, reads them in the dictionaries, and takes effects by `rule` and by attribution patching. */
export async function trainEffects(
  network: Network,
  dictionaries: readonly Dictionary[],
  pairs: Pairs,
  rule: string,
  label: { readonly task: string; readonly title: string },
  options: RunOptions & { readonly threads: number },
  { progress }: WorkContext,
): Promise<TrainEffects> {
  const rules = [quadrature(rule), quadrature('attribution-patching')];
  const { points } = joinRules(rules);
  const embed = network.cuts[0]!;
  const sites = dictionaries.map((d) => d.site);
  const start = ablationStart(network, dictionaries);
  const total = pairs.examples * (2 + points.length * sites.length);
  const task = { task: 'effects', label: `Effects: ${label.title}`, total, unit: 'runs' };
  return track(progress, task, async (advance) => {
    let done = 0;
    const counted: RunOptions = {
      ...options,
      advance: (rows) => {
        done += rows;
        advance(done);
      },
    };
    const { clean, patch } = await forwardPairs(
      network,
      pairs,
      [...new Set([embed, start, ...sites])],
      counted,
    );
    const places: CodedPlace[] = [];
    for (const dictionary of dictionaries) {
      const { site } = dictionary;
      const { depth, width } = placeOf(network, site);
      const shape = { examples: pairs.examples, positions: pairs.positions, width };
      const place = { site, depth, ...shape };
      const states = {
        clean: await encodeState(dictionary, clean.states[site]!, shape, options.threads),
        patch: await encodeState(dictionary, patch.states[site]!, shape, options.threads),
      };
      const from = { site: start, x_BTD: clean.states[start]! };
      const change_B = await placeChange(network, site, pairs, { clean, patch }, counted, from);
      const [costate_BTD, atClean_BTD] = (await lineCostates(
        network,
        site,
        pairs,
        states.clean.x_BTD,
        states.patch.x_BTD,
        rules,
        counted,
        from,
      )) as [Float32Array, Float32Array];
      const moves = movesOf(states.clean, states.patch);
      const effectsBy = (costate: Float32Array) => placeEffects(place, dictionary, moves, costate, change_B);
      places.push({
        site,
        depth,
        dictionary,
        ...states,
        costate_BTD,
        effects: effectsBy(costate_BTD),
        attributionPatching: effectsBy(atClean_BTD),
      });
    }
    return {
      places,
      embedding: {
        site: embed,
        clean_BTD: clean.states[embed]!,
        patch_BTD: patch.states[embed]!,
      },
      start_BTD: clean.states[start]!,
      clean_B: clean.metric_B,
      patch_B: patch.metric_B,
    };
  });
}
