/** @file A network with dictionaries spliced in, in which any node can be set to its mean: how circuits are run alone. */
import { f32, type Tensor, tensor } from '../core/tensor.ts';
import { decoderWeight, encodeInGraph, positionsRead } from '../dictionaries/fragment.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import type { GraphBuilder } from '../graph/build.ts';
import { replaceAt } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import type { MeanState } from './feature-state.ts';
import type { Masks } from './select.ts';

/** Names of the inputs that say what is kept at a site: features float32 [position, F], errors float32 [position, 1]. */
export const keepFeatures = (site: string): string => `keep-features:${site}`;
export const keepErrors = (site: string): string => `keep-errors:${site}`;

/**
 * The graph with a dictionary at its site, position by position:
 * x′ = Σ_i (M_i f_i + (1 − M_i) f̄_i) d_i + M_e r + (1 − M_e) r̄, with r = x − Σ f_i d_i the rest (error and bias), M the
 * masks that are fed, and f̄, r̄ the means. With every mask 1 it returns x itself; positions that pass the dictionary by
 * have f = 0, r = x.
 */
export function spliceMasked(graph: Graph, dictionary: Dictionary, means: MeanState): Graph {
  const { site, width, features } = dictionary;
  const positions = means.rest_TD.length / width;
  return replaceAt(graph, site, (b, x) => {
    const keep = b.input(keepFeatures(site), 'float32', [positions, features]);
    const keepRest = b.input(keepErrors(site), 'float32', [positions, 1]);
    const one = b.constant(f32([], [1]), 'one');
    const f = readFeatures(b, x, dictionary);
    const meanFeatures = b.constant(
      tensor('float32', [positions, features], means.features_TF),
      'mean-features',
    );
    const meanRest = b.constant(tensor('float32', [positions, width], means.rest_TD), 'mean-rest');
    const own = b.op('Mul', [b.op('Sub', [keep, keepRest]), f]);
    const filled = b.op('Mul', [b.op('Sub', [one, keep]), meanFeatures]);
    const decoded = b.op('MatMul', [b.op('Add', [own, filled]), decoderWeight(b, dictionary)]);
    const rest = b.op('Add', [
      b.op('Mul', [keepRest, x]),
      b.op('Mul', [b.op('Sub', [one, keepRest]), meanRest]),
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
