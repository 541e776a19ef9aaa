/** @file The circuit as a picture is drawn from: nodes with effects and activations, edges between neighbouring cuts. */

import { quadrature } from '../autodiff/quadrature.ts';
import type { Network } from './cuts.ts';
import { type CutNodes, edgeWeights } from './edges.ts';
import type { Pairs } from './examples.ts';
import { lineCostates } from './line.ts';
import type { RunOptions } from './run-options.ts';
import { ERROR, type NodeRef, nodeId, type RankedNode } from './select.ts';
import type { CodedCut, TrainEffects } from './train-effects.ts';
import type { CircuitEdge, CircuitNode } from './types.ts';

export const OUTPUT_ID = 'output';
const tokenId = (position: number): string => `0:${position}:token`;

/** Mean activation of the train examples, [T, F]. */
export function meanActivations(cut: CodedCut, side: 'clean' | 'patch'): Float32Array {
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
export function circuitNodes(nodes: readonly RankedNode[], cuts: readonly CodedCut[]): CircuitNode[] {
  const byCut = new Map(
    cuts.map((cut) => [
      cut.cut,
      { ...cut, clean_TF: meanActivations(cut, 'clean'), patch_TF: meanActivations(cut, 'patch') },
    ]),
  );
  return nodes.map((node) => {
    const cut = byCut.get(node.cut)!;
    const { features_TF, errors_T, features } = cut.attributionPatching;
    const common = { id: nodeId(node), site: cut.site, cut: node.cut, position: node.position };
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
  const [line_BTD, atClean_BTD] = (await lineCostates(
    network,
    site,
    pairs,
    clean_BTD,
    patch_BTD,
    [quadrature(rule), quadrature('attribution-patching')],
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
 * All edges of the circuit: tokens → first dictionary's cut → … → last one → output. Edges into the output are the
 * energies (−IE) of the last cut's nodes, as published.
 */
export async function circuitEdges(
  network: Network,
  train: TrainEffects,
  circuit: readonly NodeRef[],
  tokens: readonly CircuitNode[],
  examples: number,
  options: RunOptions,
): Promise<CircuitEdge[]> {
  const { embedding } = train;
  let upstream: CutNodes & { ids: readonly string[] } = {
    ...embedding,
    nodes: tokens.map(({ cut, position }) => ({ cut, position, feature: ERROR })),
    ids: tokens.map((t) => t.id),
  };
  const edges: CircuitEdge[] = [];
  for (const coded of train.cuts) {
    const nodes = circuit.filter((n) => n.cut === coded.cut);
    const downstream = {
      site: coded.site,
      nodes,
      ids: nodes.map(nodeId),
      clean_BTD: coded.clean.x_BTD,
      patch_BTD: coded.patch.x_BTD,
      coded,
    };
    const weights = await edgeWeights(network, upstream, downstream, coded.costate_BTD, examples, options);
    for (const [v, row] of weights.entries()) {
      for (const [u, weight] of row.entries()) {
        if (weight !== 0) edges.push({ source: upstream.ids[u]!, target: downstream.ids[v]!, weight });
      }
    }
    upstream = downstream;
  }
  const last = train.cuts.at(-1)!;
  for (const node of circuit) {
    if (node.cut !== last.cut) continue;
    const { features_TF, errors_T, features } = last.effects;
    const effect =
      node.feature === ERROR
        ? errors_T[node.position]!
        : features_TF[node.position * features + node.feature]!;
    edges.push({ source: nodeId(node), target: OUTPUT_ID, weight: -effect });
  }
  return edges;
}
