/** @file A network with dictionaries spliced in, in which any node can be set to its mean: how circuits are run alone. */
import { f32, type Tensor } from '../core/tensor.ts';
import { decoderWeight, encodeInGraph, positionsRead } from '../dictionaries/fragment.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import type { GraphBuilder } from '../graph/build.ts';
import { replaceAt } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import type { DenseState } from './feature-state.ts';
import type { Masks } from './select.ts';

/** Names of the inputs at a site: what is kept, float32 [position, F] and [position, 1]. */
export const keepFeatures = (site: string): string => `keep-features:${site}`;
export const keepErrors = (site: string): string => `keep-errors:${site}`;
/** What stands in for nodes that are not kept: float32 [batch, position, F] and [batch, position, D]. */
const fillFeatures = (site: string): string => `fill-features:${site}`;
const fillRest = (site: string): string => `fill-rest:${site}`;

/**
 * The graph with a dictionary at its site, position by position:
 * x′ = Σ_i (M_i f_i + (1 − M_i) f̄_i) d_i + M_e r + (1 − M_e) r̄, with r = x − Σ f_i d_i the rest (error and bias), M the
 * masks and f̄, r̄ the stand-ins, all of them fed. With every mask 1 it returns x itself; positions that pass the
 * dictionary by have f = 0, r = x.
 */
export function spliceMasked(graph: Graph, dictionary: Dictionary): Graph {
  const { site, width, features } = dictionary;
  return replaceAt(graph, site, (b, x) => {
    const keep = b.input(keepFeatures(site), 'float32', ['position', features]);
    const keepRest = b.input(keepErrors(site), 'float32', ['position', 1]);
    const otherFeatures = b.input(fillFeatures(site), 'float32', ['batch', 'position', features]);
    const otherRest = b.input(fillRest(site), 'float32', ['batch', 'position', width]);
    const one = b.constant(f32([], [1]), 'one');
    const f = readFeatures(b, x, dictionary);
    const own = b.op('Mul', [b.op('Sub', [keep, keepRest]), f]);
    const filled = b.op('Mul', [b.op('Sub', [one, keep]), otherFeatures]);
    const decoded = b.op('MatMul', [b.op('Add', [own, filled]), decoderWeight(b, dictionary)]);
    const rest = b.op('Add', [
      b.op('Mul', [keepRest, x]),
      b.op('Mul', [b.op('Sub', [one, keepRest]), otherRest]),
    ]);
    return b.op('Add', [decoded, rest]);
  });
}

/** Features of `x` [batch, position, D] → [batch, position, F], 0 at positions that pass by (first position, sinks). */
function readFeatures(b: GraphBuilder, x: string, dictionary: Dictionary): string {
  return b.op('Mul', [encodeInGraph(b, x, dictionary), positionsRead(b, x, dictionary)]);
}

/** Masks as feeds. */
export function maskFeeds(site: string, masks: Masks): Record<string, Tensor<'float32'>> {
  const positions = masks.errors_T.length;
  return {
    [keepFeatures(site)]: f32([positions, masks.features_TF.length / positions], masks.features_TF),
    [keepErrors(site)]: f32([positions, 1], masks.errors_T),
  };
}

/** Stand-ins as feeds, from states of the same examples. */
export const fillFeeds = (site: string, { features_BTF, rest_BTD }: DenseState): Record<string, Tensor> => ({
  [fillFeatures(site)]: features_BTF,
  [fillRest(site)]: rest_BTD,
});
