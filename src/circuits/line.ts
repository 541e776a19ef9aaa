/** @file Gradients along the straight line from the clean to the patched state of one place, everything else clean. */
import { lineGradients, lineNames } from '../autodiff/line.ts';
import { joinRules, type Quadrature } from '../autodiff/quadrature.ts';
import { throwIfAborted } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import { feedAt, only } from '../graph/interventions.ts';
import type { Graph } from '../graph/types.ts';
import { type Network, placeOf } from './cuts.ts';
import { chunks, exampleFeeds, type Pairs, range } from './examples.ts';
import { dtypeAt, floats } from './floats.ts';
import { longLineCostates } from './long-prompts.ts';
import { METRIC, metricGraph } from './metric.ts';
import type { RunOptions } from './run-options.ts';

/** λ̄ of every rule, [B, T, D] each, in the order of the rules. */
export type LineCostates = readonly Float32Array[];

/** Clean states of a complete cut before a place: runs start there. */
export interface Start {
  readonly site: string;
  readonly x_BTD: ArrayLike<number>;
}

/** The network from `start` on; from its inputs without one. Where `site` is a complete cut, feeding it says enough. */
export const graphFrom = (network: Network, site: string, start?: Start): Graph => {
  const graph = metricGraph(network);
  return start && !placeOf(network, site).complete ? feedAt(graph, [start.site]) : graph;
};

/**
 * What a session that runs from a start needs beside the states at the place itself.
 * @param names inputs of the session
 */
export function contextFeeds(
  network: Network,
  names: readonly string[],
  pairs: Pairs,
  rows: readonly number[],
  start?: Start,
): Record<string, Tensor> {
  const feeds = exampleFeeds(pairs, 'clean', rows);
  if (start) {
    const { width } = placeOf(network, start.site);
    const size = pairs.positions * width;
    const values = new Float64Array(rows.length * size);
    rows.forEach((b, j) => {
      for (let i = 0; i < size; i++) values[j * size + i] = start.x_BTD[b * size + i]!;
    });
    feeds[start.site] = floats(
      dtypeAt(network.graph, start.site),
      [rows.length, pairs.positions, width],
      values,
    );
  }
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => names.includes(name)));
}

/**
 * λ̄ = Σ_j w_j ∂m/∂x at x_α = (1 − α) x_clean + α x_patch, for several rules at once (points they share are run once).
 * The run starts at a complete cut itself, at other places from `start` or else from the clean prompts. Points and
 * examples share batches of at most `options.tokensPerRun` tokens; a prompt longer than that goes block by block.
 */
export async function lineCostates(
  network: Network,
  site: string,
  pairs: Pairs,
  clean_BTD: Float32Array,
  patch_BTD: Float32Array,
  rules: readonly Quadrature[],
  options: RunOptions,
  start?: Start,
): Promise<LineCostates> {
  const { width, complete } = placeOf(network, site);
  if (complete && pairs.positions > options.tokensPerRun) {
    return longLineCostates(network, site, pairs, clean_BTD, patch_BTD, rules, options);
  }
  const { points, weights } = joinRules(rules);
  const { examples, positions } = pairs;
  const size = positions * width;
  const sums = rules.map(() => new Float32Array(examples * size));
  const names = lineNames(site);
  const dtype = dtypeAt(network.graph, site);
  const graph = lineGradients(graphFrom(network, site, start), { of: METRIC, at: site });
  const session = await options.open(only(graph, [names.mean]));
  try {
    const rows = Math.max(1, Math.floor(options.tokensPerRun / positions));
    const pointsPerRun = Math.min(points.length, rows);
    for (const { from, to } of chunks(examples, rows / pointsPerRun)) {
      const shape = [to - from, positions, width];
      const state = (x_BTD: Float32Array) => floats(dtype, shape, x_BTD.subarray(from * size, to * size));
      const feeds = {
        [names.from]: state(clean_BTD),
        [names.to]: state(patch_BTD),
        ...contextFeeds(network, session.inputs, pairs, range(from, to), start),
      };
      for (const part of chunks(points.length, pointsPerRun)) {
        throwIfAborted(options.signal);
        const some = weights.map((w) => w.slice(part.from, part.to));
        const out = await session.run({
          ...feeds,
          [names.points]: floats(dtype, [part.to - part.from], points.slice(part.from, part.to)),
          [names.weights]: floats(dtype, [rules.length, part.to - part.from], some.flat()),
        });
        const means = out[names.mean]!.data as Float32Array;
        const length = (to - from) * size;
        sums.forEach((sum, k) => {
          for (let i = 0; i < length; i++) sum[from * size + i]! += means[k * length + i]!;
        });
        options.advance?.((to - from) * (part.to - part.from));
      }
    }
  } finally {
    await session.release();
  }
  return sums;
}
