/** @file What a concept may look at: states, costates and features of a task's examples, at every cut. */
import { costatesAt } from '../../circuits/costates.ts';
import { type Network, placeOf } from '../../circuits/cuts.ts';
import { alongFeature } from '../../circuits/effects.ts';
import type { Pairs } from '../../circuits/examples.ts';
import { activeFeatures, type FeatureState, passesBy } from '../../circuits/feature-state.ts';
import { readPlaces } from '../../circuits/node-effects.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import type { Random } from '../../core/random.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import type { ConceptCut, ConceptData, ConceptFeatures } from './types.ts';

/** Runs both sides of the pairs and takes costates at every complete cut and every dictionary's place. */
export async function conceptData(
  network: Network,
  dictionaries: readonly Dictionary[],
  pairs: Pairs,
  about: { readonly task: string; readonly token: (id: number) => string; readonly random: Random },
  run: RunOptions,
): Promise<ConceptData> {
  const read = await readPlaces(network, dictionaries, pairs, run, network.cuts);
  const sites = [...new Set([...network.cuts, ...dictionaries.map((d) => d.site)])];
  const costates = await costatesAt(network, sites, pairs, run);
  const { examples, positions } = pairs;
  const tokens = (ids_BT: Int32Array) =>
    Array.from({ length: examples }, (_, b) =>
      Array.from(ids_BT.subarray(b * positions, (b + 1) * positions), about.token),
    );
  return {
    ...{ task: about.task, examples, positions },
    tokens_BT: tokens(pairs.clean_BT),
    patchTokens_BT: tokens(pairs.patch_BT),
    clean_B: read.clean.metric_B,
    patch_B: read.patch.metric_B,
    cuts: network.cuts.map((site): ConceptCut => {
      const { depth, width } = placeOf(network, site);
      return {
        ...{ site, depth, width, costate_BTD: costates[site]! },
        clean_BTD: read.clean.states[site]!,
        patch_BTD: read.patch.states[site]!,
      };
    }),
    dictionaries: read.places.map(({ dictionary, clean, patch }) =>
      featuresOf(
        dictionary,
        placeOf(network, dictionary.site).depth,
        clean,
        patch,
        costates[dictionary.site]!,
      ),
    ),
    random: () => about.random.uniform(),
  };
}

function featuresOf(
  dictionary: Dictionary,
  depth: number,
  clean: FeatureState,
  patch: FeatureState,
  costate_BTD: Float32Array,
): ConceptFeatures {
  const { site, features, width, W_dec_FD } = dictionary;
  return {
    ...{ site, depth, features, width, W_dec_FD },
    reads: (example, position) => {
      const row = (example * clean.positions + position) * width;
      return !passesBy(dictionary, position, clean.x_BTD.subarray(row, row + width));
    },
    active: (example, position) => activeFeatures(clean, example, position),
    activePatch: (example, position) => activeFeatures(patch, example, position),
    momentum: (example, position, feature) =>
      alongFeature(dictionary, feature, costate_BTD, (example * clean.positions + position) * width),
  };
}
