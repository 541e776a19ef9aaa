/** @file The circuit as a picture is drawn from: nodes with effects and activations, edges between places. */

import { DEFAULT_RULE, quadrature } from '../autodiff/quadrature.ts';
import { cleanPoints } from './clean-edges.ts';
import { type Network, placeOf } from './cuts.ts';
import { openEdges } from './edge-effects.ts';
import type { EdgeEffects, NodePlace } from './edge-types.ts';
import { nodeIndex } from './effects.ts';
import type { Pairs } from './examples.ts';
import { edgesBetween, OUTPUT_ID, tokenId } from './flow-circuit.ts';
import { lineCostates } from './line.ts';
import { effectMethod } from './node-effects.ts';
import type { RunOptions } from './run-options.ts';
import { ERROR, type NodeRef, nodeId, type RankedNode } from './select.ts';
import type { CodedPlace, TrainEffects } from './train-effects.ts';
import type { CircuitEdge, CircuitNode } from './types.ts';

/** Mean activation of the train examples, [T, F]. */
export function meanActivations(cut: CodedPlace, side: 'clean' | 'patch'): Float32Array {
  const { examples, positions, features, k, indices_BTK, values_BTK } = cut[side];
  const mean = new Float32Array(positions * features);
  for (let row = 0; row < examples * positions; row++) {
    for (let j = row * k; j < (row + 1) * k; j++) {
      mean[(row % positions) * features + indices_BTK[j]!]! += values_BTK[j]! / examples;
    }
  }
  return mean;
}

/** Feature and error nodes of a circuit. */
export function circuitNodes(nodes: readonly RankedNode[], cuts: readonly CodedPlace[]): CircuitNode[] {
  const bySite = new Map(
    cuts.map((cut) => [
      cut.site,
      { ...cut, clean_TF: meanActivations(cut, 'clean'), patch_TF: meanActivations(cut, 'patch') },
    ]),
  );
  return nodes.map((node) => {
    const cut = bySite.get(node.site)!;
    const { features_TF, errors_T, features } = cut.attributionPatching;
    const common = { id: nodeId(node), site: cut.site, cut: cut.depth, position: node.position };
    if (node.feature === ERROR) {
      return {
        ...common,
        kind: 'error',
        effect: node.effect,
        attributionPatching: errors_T[node.position]!,
      };
    }
    const at = node.position * features + node.feature;
    return {
      ...common,
      kind: 'feature',
      feature: node.feature,
      effect: node.effect,
      attributionPatching: features_TF[at]!,
      activationClean: cut.clean_TF[at]!,
      activationPatch: cut.patch_TF[at]!,
    };
  });
}

/** Token nodes, one per position whose embedding differs: effects by integrated gradients at the embedding. */
export async function tokenNodes(
  network: Network,
  train: TrainEffects,
  pairs: Pairs,
  rule: string,
  options: RunOptions,
): Promise<CircuitNode[]> {
  const { site, clean_BTD, patch_BTD } = train.embedding;
  const line = effectMethod(rule).kind === 'line' ? rule : DEFAULT_RULE;
  const [line_BTD, atClean_BTD] = (await lineCostates(
    network,
    site,
    pairs,
    clean_BTD,
    patch_BTD,
    [quadrature(line), quadrature('attribution-patching')],
    options,
  )) as [Float32Array, Float32Array];
  const { examples, positions } = pairs;
  const effect = (costate: Float32Array, position: number) => {
    let sum = 0;
    for (let b = 0; b < examples; b++) {
      const row = (b * positions + position) * network.width;
      for (let d = row; d < row + network.width; d++) sum += costate[d]! * (patch_BTD[d]! - clean_BTD[d]!);
    }
    return sum / examples;
  };
  return Array.from({ length: positions }, (_, position) => ({
    id: tokenId(position),
    kind: 'token' as const,
    site,
    cut: 0,
    position,
    effect: effect(line_BTD, position),
    attributionPatching: effect(atClean_BTD, position),
  })).filter((node) => node.effect !== 0);
}

/** The answer: its energy is the whole change of the metric. */
export const outputNode = (network: Network, train: TrainEffects, positions: number): CircuitNode => {
  const mean = (values: Float64Array) => values.reduce((sum, v) => sum + v, 0) / values.length;
  const effect = mean(train.patch_B) - mean(train.clean_B);
  return {
    id: OUTPUT_ID,
    kind: 'output',
    cut: network.cuts.length,
    position: positions - 1,
    effect,
    attributionPatching: effect,
  };
};

/**
 * All edges of the circuit: between its nodes (token nodes among them), and from those that the metric reads directly
 * into the output, as published. Derivatives at the clean run, Δ = clean − patch, by rules of relevance where nodes were
 * measured by it. `all` are the edges into these nodes from every node, unthresholded.
 * @param method of the nodes
 */
export async function circuitEdges(
  network: Network,
  train: TrainEffects,
  circuit: readonly NodeRef[],
  tokens: readonly CircuitNode[],
  pairs: Pairs,
  method: string,
  options: RunOptions,
): Promise<{ readonly edges: CircuitEdge[]; readonly all: readonly EdgeEffects[] }> {
  const embed = placeOf(network, train.embedding.site);
  const places: NodePlace[] = train.places.map(({ site, dictionary }) => ({
    ...placeOf(network, site),
    dictionary,
  }));
  if (places[0]?.site !== embed.site) places.unshift(embed);
  const ids = new Map<string, string>();
  const features = new Map(places.map((p) => [p.site, p.dictionary?.features ?? 0]));
  const key = (site: string, node: number) => `${site}/${node}`;
  for (const { position } of tokens)
    ids.set(key(embed.site, nodeIndex(0, position, ERROR)), tokenId(position));
  for (const node of circuit) {
    const index = nodeIndex(features.get(node.site)!, node.position, node.feature);
    ids.set(key(node.site, index), nodeId(node));
  }
  const sum = openEdges(
    network,
    places,
    pairs,
    {
      method,
      rules: method === 'relp' ? 'relp' : 'gradient',
      wanted: (site, node) => ids.has(key(site, node)),
    },
    options,
  );
  try {
    await sum.add(
      cleanPoints(train.embedding, train.places, pairs.examples),
      { from: 0, to: pairs.examples },
      1,
    );
    const all = sum.edges();
    return { edges: edgesBetween(all, ids), all };
  } finally {
    await sum.release();
  }
}
