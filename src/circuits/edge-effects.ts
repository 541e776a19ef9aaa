/** @file Edges: what a node passes to another by the direct path, w(u→v) = p_v (∂v/∂u) Δu; one vjp per downstream node. */
import { vjp } from '../autodiff/vjp.ts';
import { CircuitError, throwIfAborted } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import { feedAt, only } from '../graph/interventions.ts';
import { type Graph, isCarried } from '../graph/types.ts';
import type { Session } from '../runtime/session.ts';
import type { Network } from './cuts.ts';
import { alongFeature, type Moves, nodeIndex } from './effects.ts';
import { encoderRow } from './encode-state.ts';
import { answerFeeds, chunks, type Pairs, promptFeeds } from './examples.ts';
import { activeFeatures, type FeatureState } from './feature-state.ts';
import { floats } from './floats.ts';
import { METRIC, metricGraph } from './metric.ts';
import type { RunOptions } from './run-options.ts';

/**
 * All edges from one place to another, unthresholded, means over examples in energy direction: positive where the clean
 * run sends what the patched one does not. Nodes are numbered as `nodeIndex` says.
 */
export interface EdgeEffects {
  /** Sites; `to` is `metric` for edges into the answer, whose only node is 0. */
  readonly from: string;
  readonly to: string;
  readonly method: string;
  /** F at both ends; 0 where the whole state of a position is one node. */
  readonly fromFeatures: number;
  readonly toFeatures: number;
  readonly source: Int32Array;
  readonly target: Int32Array;
  readonly weight: Float32Array;
}

/** A place at which nodes live: features and error of a dictionary, or without one the whole state of each position. */
export interface NodePlace {
  readonly site: string;
  readonly depth: number;
  readonly width: number;
  readonly dictionary?: Dictionary;
}

/** A place at one point of the line (or in the clean run): [B, T, D] each. */
export interface PlacePoint {
  readonly x_BTD: ArrayLike<number>;
  /** p at this place: ∂m/∂x, averaged or not. */
  readonly costate_BTD: ArrayLike<number>;
  /** How its nodes move, clean → patched. */
  readonly moves: Moves;
  /** Which features are active at x; absent without a dictionary. */
  readonly state?: FeatureState;
}

/** Whether edges into a node are wanted, in this example. */
export type Wanted = (site: string, node: number, example: number) => boolean;

export interface EdgeOptions {
  /** Recorded with the edges, e.g. `midpoint-10`. */
  readonly method: string;
  /** Rules of the derivative on the way from u to v; `gradient` by default. */
  readonly rules?: 'gradient' | 'relp';
  /** Downstream nodes; all by default. */
  readonly wanted?: Wanted;
}

/** One edge: nodes as `nodeIndex` numbers them. */
export interface EdgeTotal {
  readonly from: string;
  readonly to: string;
  readonly source: number;
  readonly target: number;
  readonly weight: number;
}

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
            const edge = node * rows + u;
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
        const jobs = jobsInto(target, bySite.get(target), at, examples, pairs, options.wanted);
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

interface Segment {
  readonly session: Session;
  readonly graph: Graph;
  /** Places that the segment reads, by depth. */
  readonly parents: readonly string[];
}

/** The graph from all places to `target`, and back. */
async function openSegment(
  network: Network,
  places: readonly NodePlace[],
  target: string,
  options: EdgeOptions,
  run: RunOptions,
): Promise<Segment> {
  const whole = target === METRIC ? metricGraph(network) : network.graph;
  const depth = places.find((p) => p.site === target)?.depth ?? Number.POSITIVE_INFINITY;
  const others = places.filter((p) => p.depth < depth).map((p) => p.site);
  const segment = only(feedAt(whole, others), [target]);
  const read = new Set(segment.inputs.map((input) => input.name));
  const parents = others.filter((site) => read.has(site));
  const back = vjp(segment, { of: target, wrt: parents, rules: options.rules ?? 'gradient' });
  const graph = only(
    back,
    parents.map((site) => `grad:${site}`),
  );
  return { session: await run.open(graph), graph, parents };
}

/** A downstream node of one example, with ∂L/∂x at its place where L = p_v·v. */
interface Job {
  readonly example: number;
  readonly node: number;
  readonly position: number;
  readonly cotangent_D?: Float64Array;
}

function jobsInto(
  target: string,
  place: NodePlace | undefined,
  at: ReadonlyMap<string, PlacePoint>,
  { from, to }: { readonly from: number; readonly to: number },
  { positions }: Pairs,
  wanted: Wanted = () => true,
): Job[] {
  const jobs: Job[] = [];
  for (let example = from; example < to; example++) {
    if (!place) {
      jobs.push({ example, node: 0, position: positions - 1 });
      continue;
    }
    const point = at.get(target)!;
    const features = place.dictionary?.features ?? 0;
    for (let position = 0; position < positions; position++) {
      const active = point.state ? [...activeFeatures(point.state, example - from, position).keys()] : [];
      const row = (example - from) * positions + position;
      for (const feature of [...active, -1]) {
        const node = nodeIndex(features, position, feature);
        if (!wanted(target, node, example)) continue;
        const cotangent_D = cotangentOf(place, feature, active, point.costate_BTD, row);
        jobs.push({ example, node, position, cotangent_D });
      }
    }
  }
  return jobs;
}

function cotangentOf(
  { dictionary, width }: NodePlace,
  feature: number,
  active: readonly number[],
  costate_BTD: ArrayLike<number>,
  row: number,
): Float64Array {
  const offset = row * width;
  const cotangent_D = new Float64Array(width);
  const through = (i: number, sign: number) => {
    if (!dictionary) return;
    const { row_D, scale } = encoderRow(dictionary, i);
    const p = sign * scale * alongFeature(dictionary, i, costate_BTD, offset);
    for (let d = 0; d < width; d++) cotangent_D[d]! += p * row_D[d]!;
  };
  if (feature >= 0) through(feature, 1);
  else {
    for (let d = 0; d < width; d++) cotangent_D[d] = costate_BTD[offset + d]!;
    for (const i of active) through(i, -1);
  }
  return cotangent_D;
}

interface FeedContext {
  readonly at: ReadonlyMap<string, PlacePoint>;
  readonly bySite: ReadonlyMap<string, NodePlace>;
  readonly pairs: Pairs;
  readonly target: string;
  readonly examples: { readonly from: number };
}

/** What the segment reads for each job: states of its example, answers, and the cotangent at the node's position. */
function segmentFeeds(
  graph: Graph,
  jobs: readonly Job[],
  { at, bySite, pairs, target, examples }: FeedContext,
): Record<string, Tensor> {
  const { positions } = pairs;
  const rows = jobs.map((job) => job.example);
  const others: Record<string, Tensor> = {
    ...promptFeeds(pairs, 'clean', rows),
    ...answerFeeds(pairs, rows),
  };
  const feeds: Record<string, Tensor> = {};
  for (const input of graph.inputs) {
    if (isCarried(input)) continue;
    const { name, dtype } = input;
    const place = bySite.get(name);
    const isCotangent = name === `cotangent:${target}`;
    if (!place && !isCotangent) {
      const fed = others[name];
      if (!fed)
        throw new CircuitError('circuit.unknown-input', `nothing is known to feed "${name}" with`, {
          where: name,
          hint: 'a network of circuits reads tokens, or the inputs that its pairs bring',
        });
      feeds[name] = fed;
      continue;
    }
    const width = place?.width ?? bySite.get(target)!.width;
    const size = positions * width;
    const values = new Float64Array(jobs.length * size);
    jobs.forEach(({ example, position, cotangent_D }, j) => {
      if (isCotangent) values.set(cotangent_D!, j * size + position * width);
      else {
        const from = (example - examples.from) * size;
        const { x_BTD } = at.get(name)!;
        for (let i = 0; i < size; i++) values[j * size + i] = x_BTD[from + i]!;
      }
    });
    feeds[name] = floats(dtype, [jobs.length, positions, width], values);
  }
  return feeds;
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
