/** @file What circuits need of a network: its graph, its complete cuts from the embedding to the last block, its places. */
import { CircuitError, nearestNames } from '../core/errors.ts';
import { type Dictionary, inPlace } from '../dictionaries/types.ts';
import type { Graph } from '../graph/types.ts';
import { residualCuts } from '../models/sites.ts';
import type { Model } from '../models/types.ts';
import { type Place, placesOf } from './places.ts';

/** A network that reads `tokens` and says `logits`, with the values at which nodes may live. */
export interface Network {
  readonly graph: Graph;
  /** cuts[0] is what enters the first block, cuts[l + 1] the residual stream after block l; each is a place too. */
  readonly cuts: readonly string[];
  /** Width of the stream. */
  readonly width: number;
  /** Every value at which a dictionary may sit, by depth. */
  readonly places: readonly Place[];
}

/** The places of a model. */
export const networkOf = (model: Model): Network => ({
  graph: model.graph,
  cuts: residualCuts(model.shape),
  width: model.shape.width,
  places: placesOf(model.shape),
});

/** The place of `site`. @throws CircuitError `circuit.not-a-place` when no dictionary can sit there. */
export function placeOf(network: Network, site: string): Place {
  const place = network.places.find((p) => p.site === site);
  if (place) return place;
  const near = nearestNames(
    site,
    network.places.map((p) => p.site),
  );
  throw new CircuitError('circuit.not-a-place', `"${site}" is not a place of the network`, {
    where: site,
    hint: `dictionaries of a circuit sit on what attention or an MLP writes or on the residual stream, e.g. ${near[0]}`,
  });
}

/** The deepest complete cut that comes before `place` (or is it): a run from its clean state changes nothing else. */
export function cutBefore(network: Network, { depth }: Place): string {
  const cuts = network.cuts.filter((site) => placeOf(network, site).depth <= depth);
  return cuts.at(-1) ?? network.cuts[0]!;
}

/**
 * Dictionaries by depth, each checked against the model.
 * @throws CircuitError `circuit.no-dictionaries`, `circuit.other-model`, `circuit.not-a-place`, `circuit.width`,
 *   `circuit.one-place` when two sit at the same place; DictionaryError `dictionary.not-in-place`
 */
export function dictionariesByDepth(
  model: Pick<Model, 'hash' | 'name'>,
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
  const seen = new Set<string>();
  for (const dictionary of dictionaries) {
    requireWidth(inPlace(dictionary), placeOf(network, dictionary.site).width);
    if (seen.has(dictionary.site)) {
      throw new CircuitError('circuit.one-place', `two dictionaries sit at ${dictionary.site}`, {
        where: dictionary.site,
        hint: 'give one dictionary for each place',
      });
    }
    seen.add(dictionary.site);
  }
  const depth = ({ site }: Dictionary) => placeOf(network, site).depth;
  return [...dictionaries].sort((a, b) => depth(a) - depth(b));
}

/** @throws CircuitError `circuit.width` when the dictionary reads another width than the place has. */
export function requireWidth({ site, width }: Pick<Dictionary, 'site' | 'width'>, has: number): void {
  if (width === has) return;
  throw new CircuitError(
    'circuit.width',
    `the dictionary of ${site} reads ${width} numbers, the place has ${has}`,
    { where: site, hint: 'train or load a dictionary for this model' },
  );
}
