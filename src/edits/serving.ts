/** @file Which features serve a behaviour on its train pairs, and the edit that takes them away. */
import type { Network } from '../circuits/cuts.ts';
import type { Pairs } from '../circuits/examples.ts';
import { nodeEffects } from '../circuits/node-effects.ts';
import type { RunOptions } from '../circuits/run-options.ts';
import { CircuitError } from '../core/errors.ts';
import { neurons } from '../dictionaries/neurons.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import { strongestFeatures } from './choose.ts';
import type { Change } from './kinds/registry.ts';
import type { EditedFeature } from './types.ts';

export interface ServingOptions {
  /** How many features. */
  readonly count: number;
  /** How effects are taken (effectMethod()). */
  readonly method: string;
}

/**
 * The features with the largest energy, summed over positions, among those that serve the answer.
 * @throws CircuitError `circuit.nothing-to-edit`, and what nodeEffects() throws
 */
export async function servingFeatures(
  network: Network,
  dictionaries: readonly Dictionary[],
  pairs: Pairs,
  { count, method }: ServingOptions,
  run: RunOptions,
): Promise<EditedFeature[]> {
  const { effects } = await nodeEffects(network, dictionaries, pairs, { method }, run);
  const chosen = strongestFeatures(effects, count);
  if (chosen.length > 0) return chosen;
  const sites = dictionaries.map((d) => d.site).join(', ');
  throw new CircuitError('circuit.nothing-to-edit', `no feature at ${sites} serves the answer`, {
    where: sites,
    hint: 'take other dictionaries, or more train examples',
  });
}

/** Features of one dictionary that serve a behaviour, taken away. */
export async function withoutFeatures(
  network: Network,
  dictionary: Dictionary,
  pairs: Pairs,
  options: ServingOptions,
  run: RunOptions,
): Promise<Change> {
  const chosen = await servingFeatures(network, [dictionary], pairs, options, run);
  return { kind: 'zero', dictionary: { dictionary }, features: chosen.map((f) => f.feature), strength: 1 };
}

/** Coordinates of a site that serve a behaviour, taken away. */
export async function withoutNeurons(
  network: Network,
  site: { readonly name: string; readonly width: number },
  pairs: Pairs,
  options: ServingOptions,
  run: RunOptions,
): Promise<Change> {
  const dictionary = neurons(site.width, site.name, '');
  const chosen = await servingFeatures(network, [dictionary], pairs, options, run);
  const where = { skipFirst: true } as const;
  return {
    kind: 'zero',
    site: site.name,
    neurons: chosen.map((f) => f.feature),
    strength: 1,
    positions: where,
  };
}
