/** @file Edges as published: derivatives at the clean run, momenta of any method, changes to any baseline. */
import type { Dictionary } from '../dictionaries/types.ts';
import { type Baseline, baselineState } from './baselines.ts';
import { type Network, placeOf } from './cuts.ts';
import { openEdges } from './edge-effects.ts';
import type { EdgeEffects, PlacePoint, Wanted } from './edge-types.ts';
import { movesOf, type PlaceEffects } from './effects.ts';
import type { Pairs } from './examples.ts';
import { type FeatureState, firstExamples } from './feature-state.ts';
import type { NodeEffects } from './node-effects.ts';
import type { RunOptions } from './run-options.ts';

/** A dictionary's place in the clean runs, and what it is compared with. */
export interface CleanPlace {
  readonly dictionary: Dictionary;
  readonly clean: FeatureState;
  readonly patch: FeatureState;
  /** λ̄, [B, T, D]. */
  readonly costate_BTD: ArrayLike<number>;
}

/** The embedding as one node a position. */
export interface CleanEmbedding {
  readonly site: string;
  readonly clean_BTD: Float32Array;
  readonly patch_BTD: Float32Array;
}

/** The clean run as a point of openEdges(): states, momenta and moves of the first examples. */
export function cleanPoints(
  { site, clean_BTD, patch_BTD }: CleanEmbedding,
  places: readonly CleanPlace[],
  examples: number,
): Map<string, PlacePoint> {
  const embed: PlacePoint = {
    x_BTD: clean_BTD,
    costate_BTD: new Float32Array(clean_BTD.length),
    moves: { features: [], x_BTD: clean_BTD.map((x, i) => patch_BTD[i]! - x) },
  };
  const coded = places.map(({ dictionary, clean, patch, costate_BTD }): [string, PlacePoint] => {
    const some = { clean: firstExamples(clean, examples), patch: firstExamples(patch, examples) };
    const moves = movesOf(some.clean, some.patch);
    return [dictionary.site, { x_BTD: clean.x_BTD, costate_BTD, moves, state: some.clean }];
  });
  return new Map([[site, embed], ...coded]);
}

export interface EdgeEffectsOptions {
  /** Downstream nodes; all by default. See wantedAbove() for the published choice. */
  readonly wanted?: Wanted;
}

/**
 * All edges between the places of `found` and from the embedding: w(u→v) = p_v (∂v/∂u) Δu with p_v and Δu as the nodes were
 * measured, derivatives at the clean run (Marks et al. 2024), by rules of relevance where the nodes were measured so.
 * Upstream nodes are never thresholded.
 */
export async function edgeEffects(
  network: Network,
  found: NodeEffects,
  pairs: Pairs,
  { wanted }: EdgeEffectsOptions,
  options: RunOptions,
): Promise<EdgeEffects[]> {
  const embed = placeOf(network, network.cuts[0]!);
  const places = found.places.map(({ dictionary, clean, patch }) => ({
    dictionary,
    clean,
    patch: baselineState(found.baseline, patch, dictionary),
    costate_BTD: found.costates[dictionary.site]!,
  }));
  const at = cleanPoints(
    {
      site: embed.site,
      clean_BTD: found.clean.states[embed.site]!,
      patch_BTD: embeddingBaseline(found.baseline, found.patch.states[embed.site]!, pairs.examples),
    },
    places,
    pairs.examples,
  );
  const nodes = places.map(({ dictionary }) => ({ ...placeOf(network, dictionary.site), dictionary }));
  const sum = openEdges(
    network,
    nodes[0]?.site === embed.site ? nodes : [embed, ...nodes],
    pairs,
    {
      method: found.method,
      rules: found.method === 'relp' ? 'relp' : 'gradient',
      ...(wanted ? { wanted } : {}),
    },
    options,
  );
  try {
    await sum.add(at, { from: 0, to: pairs.examples }, 1);
    return sum.edges();
  } finally {
    await sum.release();
  }
}

function embeddingBaseline(baseline: Baseline, patch_BTD: Float32Array, examples: number): Float32Array {
  if (baseline === 'counterfactual') return patch_BTD;
  if (baseline === 'zero') return new Float32Array(patch_BTD.length);
  const size = patch_BTD.length / examples;
  const mean = new Float64Array(size);
  patch_BTD.forEach((x, i) => {
    mean[i % size]! += x / examples;
  });
  return patch_BTD.map((_, i) => mean[i % size]!);
}

/** Nodes whose |effect| in that example is above the threshold, as the published code chooses downstream nodes. */
export function wantedAbove(effects: readonly PlaceEffects[], threshold: number): Wanted {
  const chosen = new Map(
    effects.map(({ site, nodes_B }) => [
      site,
      nodes_B.map(({ nodes, values }) => new Set(nodes.filter((_, j) => Math.abs(values[j]!) > threshold))),
    ]),
  );
  return (site, node, example) => chosen.get(site)?.[example]?.has(node) ?? false;
}
