/** @file An edit as a rewrite: strengths are inputs, so one session serves every edit of a family. */
import { f32, type Tensor } from '../core/tensor.ts';
import { decoderWeight, encodeInGraph, positionsRead } from '../dictionaries/fragment.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import { replaceAt } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import { positionsBefore } from '../models/build/cache.ts';
import type { SiteEdit } from './choose.ts';

const scaleInput = (site: string) => `edit-scale:${site}`;
const baseInput = (site: string) => `edit-base:${site}`;

/**
 * The graph with x′ = x − Σ_i scale_i (f_i − base_i) d_i at the dictionary's site, at every position that the
 * dictionary reads (not the first, not attention sinks); the reconstruction error is kept. Inputs: scale and base, [F].
 * With scale 0 the graph computes what it did before. In the step graph of generation the first position is that of the
 * whole text.
 */
export const editableAt = (graph: Graph, dictionary: Dictionary): Graph =>
  replaceAt(graph, dictionary.site, (b, x) => {
    const before = positionsBefore(b, graph);
    const scale = b.input(scaleInput(dictionary.site), 'float32', [dictionary.features]);
    const base = b.input(baseInput(dictionary.site), 'float32', [dictionary.features]);
    const change = b.op('Mul', [b.op('Sub', [encodeInGraph(b, x, dictionary), base]), scale]);
    const removed = b.op('MatMul', [change, decoderWeight(b, dictionary)]);
    return b.op('Sub', [x, b.op('Mul', [removed, positionsRead(b, x, dictionary, before)])]);
  });

/** Feeds of an edit. */
export const editFeeds = (edits: readonly SiteEdit[]): Record<string, Tensor<'float32'>> =>
  Object.fromEntries(
    edits.flatMap(({ site, scale_F, base_F }) => [
      [scaleInput(site), f32([scale_F.length], scale_F)],
      [baseInput(site), f32([base_F.length], base_F)],
    ]),
  );
