/** @file Cuts: the residual stream at all positions, from the embedding (0) to after the last block; complete, so every influence passes. */
import { CircuitError } from '../core/errors.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import type { Graph } from '../graph/types.ts';
import { residualCuts } from '../models/sites.ts';
import type { Model } from '../models/types.ts';

/** What circuits need of a model: its graph, the site of every cut by depth, and the width of the stream. */
export interface Network {
  readonly graph: Graph;
  /** cuts[0] is what enters the first block, cuts[l + 1] the residual stream after block l. */
  readonly cuts: readonly string[];
  readonly width: number;
}

/** The cuts of a model. */
export const networkOf = (model: Model): Network => ({
  graph: model.graph,
  cuts: residualCuts(model.shape),
  width: model.shape.width,
});

/** The cut of `site`. @throws CircuitError `circuit.not-a-cut` when the site is not the whole residual stream. */
export function cutOf(network: Network, site: string): number {
  const cut = network.cuts.indexOf(site);
  if (cut < 0) {
    throw new CircuitError('circuit.not-a-cut', `"${site}" is not a complete cut of the network`, {
      where: site,
      hint: `dictionaries of a circuit sit on the residual stream, e.g. ${network.cuts.at(-1)}`,
    });
  }
  return cut;
}

/**
 * Dictionaries by depth, each checked against the model.
 * @throws CircuitError `circuit.no-dictionaries`, `circuit.other-model`, `circuit.not-a-cut`
 */
export function dictionariesByDepth(
  model: Model,
  network: Network,
  dictionaries: readonly Dictionary[],
): readonly Dictionary[] {
  if (dictionaries.length === 0) {
    throw new CircuitError('circuit.no-dictionaries', 'a circuit needs at least one dictionary', {
      hint: 'list a site under "dictionaries" in the study',
    });
  }
  for (const dictionary of dictionaries) {
    if (dictionary.modelHash === model.hash) continue;
    throw new CircuitError(
      'circuit.other-model',
      `the dictionary of ${dictionary.site} was trained on another model than ${model.name}`,
      { where: dictionary.site, hint: 'train it again on this model' },
    );
  }
  return [...dictionaries].sort((a, b) => cutOf(network, a.site) - cutOf(network, b.site));
}
