/** @file Edges: what a node passes to another by the direct path, w(u→v) = p_v (∂v/∂u) Δu; one vjp per downstream node. */
import { throwIfAborted } from '../core/errors.ts';
import type { Network } from './cuts.ts';
import { jobsInto, openSegment, type Segment, segmentFeeds } from './edge-segment.ts';
import type { EdgeEffects, EdgeOptions, EdgeTotal, NodePlace, PlacePoint } from './edge-types.ts';
import { alongFeature, type Moves, nodeIndex } from './effects.ts';
import { chunks, type Pairs } from './examples.ts';
import { METRIC } from './metric.ts';
import type { RunOptions } from './run-options.ts';

/** Edges summed over points of a line, then given out. */
export interface EdgeSum {
  /**
   * Adds the edges at one point. p_v ∂v/∂u is taken at the point's states; moves of u are those of the point.
   * @param examples which examples of `pairs` the rows are
   */
  add(
    at: ReadonlyMap<string, PlacePoint>,
    examples: { readonly from: number; readonly to: number },
    weight: number,
  ): Promise<void>;
  /** All edges that are not 0. */
  edges(): EdgeEffects[];
  /** The same one by one, in full precision. */
  totals(): EdgeTotal[];
  release(): Promise<void>;
}

/**
 * Direct edges between places. A segment of the network is fed at all other places and ends at the downstream one: so its
 * derivatives are those of the direct path, with a stop-gradient at every node in between, whatever the architecture; a
 * place that the segment does not read has no edge (an MLP beside parallel attention). A feature v that is active passes
 * p_v back through its encoder row, the error node what is left of λ at its position, λ − Σ_active W_enc_i (λ·d_i): the
 * nodes of a position together pass λ back. An error node sends like a feature: Δu is then what the features do not
 * explain (Marks et al. 2024, §3; the published code zeroes that gradient at a moment that depends on its hooks).
 * Edges into the answer are p·Δu of what reads on to the metric directly.
 * @param places by depth; the first is the embedding
 */
export function openEdges(
  network: Network,
  places: readonly NodePlace[],
  pairs: Pairs,
  options: EdgeOptions,
  run: RunOptions,
): EdgeSum {
  const sums = new Map<string, Map<number, number>>();
  const sessions = new Map<string, Promise<Segment>>();
  const bySite = new Map(places.map((place) => [place.site, place]));
  const segmentInto = (target: string) => {
    const known = sessions.get(target) ?? openSegment(network, places, target, options, run);
    sessions.set(target, known);
    return known;
  };
  const featuresAt = (site: string) => bySite.get(site)?.dictionary?.features ?? 0;

  return {
    async add(at, examples, weight) {
      for (const target of [...places.slice(1).map((p) => p.site), METRIC]) {
        const { session, graph, parents } = await segmentInto(target);
        if (parents.length === 0) continue;
        const put = (parent: string, node: number, example: number, gradient_TD: ArrayLike<number>) => {
          const key = `${parent}\n${target}`;
          const into = sums.get(key) ?? new Map<number, number>();
          sums.set(key, into);
          const rows = pairs.positions * (featuresAt(parent) + 1);
          const { moves } = at.get(parent)!;
          const row = example - examples.from;
          addUpstream(gradient_TD, bySite.get(parent)!, moves, row, pairs.positions, (u, value) => {
            const edge = node * rows + (options.group?.(parent, u) ?? u);
            into.set(edge, (into.get(edge) ?? 0) - (weight / pairs.examples) * value);
          });
        };
        if (target === METRIC && parents.length === 1) {
          // Nothing goes around it: what it sends to the answer is its effect, as published.
          const [parent] = parents as [string];
          const size = pairs.positions * bySite.get(parent)!.width;
          const costate = Array.from(at.get(parent)!.costate_BTD);
          for (let example = examples.from; example < examples.to; example++) {
            const from = (example - examples.from) * size;
            put(parent, 0, example, costate.slice(from, from + size));
          }
          continue;
        }
        const jobs = jobsInto(target, bySite.get(target), at, examples, pairs, options);
        const { positions } = pairs;
        for (const { from, to } of chunks(jobs.length, run.tokensPerRun / positions)) {
          throwIfAborted(run.signal);
          const some = jobs.slice(from, to);
          const out = await session.run(segmentFeeds(graph, some, { at, bySite, pairs, target, examples }));
          for (const parent of parents) {
            const gradient = out[`grad:${parent}`]!.data as Float32Array;
            const size = positions * bySite.get(parent)!.width;
            some.forEach(({ example, node }, j) => {
              put(parent, node, example, gradient.subarray(j * size, (j + 1) * size));
            });
          }
          run.advance?.(to - from);
        }
      }
    },
    edges: () =>
      [...sums].map(([key, into]) => {
        const [from, to] = key.split('\n') as [string, string];
        const rows = pairs.positions * (featuresAt(from) + 1);
        const found = [...into].filter(([, weight]) => weight !== 0);
        return {
          ...{ from, to, method: options.method },
          fromFeatures: featuresAt(from),
          toFeatures: featuresAt(to),
          source: Int32Array.from(found, ([edge]) => edge % rows),
          target: Int32Array.from(found, ([edge]) => Math.floor(edge / rows)),
          weight: Float32Array.from(found, ([, weight]) => weight),
        };
      }),
    totals: () =>
      [...sums].flatMap(([key, into]) => {
        const [from, to] = key.split('\n') as [string, string];
        const rows = pairs.positions * (featuresAt(from) + 1);
        return Array.from(into, ([edge, weight]) => ({
          ...{ from, to, weight },
          source: edge % rows,
          target: Math.floor(edge / rows),
        }));
      }),
    async release() {
      for (const opened of sessions.values()) await (await opened).session.release();
    },
  };
}

/** gradient · move of every upstream node of one example. */
function addUpstream(
  gradient_TD: ArrayLike<number>,
  { dictionary, width }: NodePlace,
  moves: Moves,
  example: number,
  positions: number,
  put: (node: number, value: number) => void,
): void {
  const features = dictionary?.features ?? 0;
  for (let position = 0; position < positions; position++) {
    const row = example * positions + position;
    let left = 0;
    let any = false;
    for (let d = 0; d < width; d++) {
      const g = gradient_TD[position * width + d]!;
      if (g !== 0) any = true;
      left += g * moves.x_BTD[row * width + d]!;
    }
    if (!any) continue;
    for (const [i, move] of moves.features[row] ?? []) {
      if (!dictionary) continue;
      const value = move * alongFeature(dictionary, i, gradient_TD, position * width);
      left -= value;
      if (value !== 0) put(nodeIndex(features, position, i), value);
    }
    if (left !== 0) put(nodeIndex(features, position, -1), left);
  }
}

/** The same edges with positions added up at both ends (the published `sum`). */
export function sumEdgePositions(edges: EdgeEffects): EdgeEffects {
  const [fromNodes, toNodes] = [edges.fromFeatures + 1, edges.toFeatures + 1];
  const sums = new Map<number, number>();
  edges.weight.forEach((weight, j) => {
    const key = (edges.target[j]! % toNodes) * fromNodes + (edges.source[j]! % fromNodes);
    sums.set(key, (sums.get(key) ?? 0) + weight);
  });
  return {
    ...edges,
    source: Int32Array.from(sums.keys(), (key) => key % fromNodes),
    target: Int32Array.from(sums.keys(), (key) => Math.floor(key / fromNodes)),
    weight: Float32Array.from(sums.values()),
  };
}
