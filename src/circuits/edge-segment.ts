/** @file The segment of a network that direct edges run through: fed at all places but one, and pulled back from that one. */
import { vjp } from '../autodiff/vjp.ts';
import { CircuitError } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import { feedAt, only } from '../graph/interventions.ts';
import { type Graph, isCarried } from '../graph/types.ts';
import type { Session } from '../runtime/session.ts';
import type { Network } from './cuts.ts';
import type { EdgeOptions, NodePlace, PlacePoint } from './edge-types.ts';
import { alongFeature, nodeIndex } from './effects.ts';
import { encoderRow } from './encode-state.ts';
import { exampleFeeds, type Pairs } from './examples.ts';
import { activeFeatures } from './feature-state.ts';
import { floats } from './floats.ts';
import { METRIC, metricGraph } from './metric.ts';
import type { RunOptions } from './run-options.ts';

/** The network from all places to one, and back. */
export interface Segment {
  readonly session: Session;
  readonly graph: Graph;
  /** Places that the segment reads, by depth. */
  readonly parents: readonly string[];
}

/** Opens the segment that ends at `target`. */
export async function openSegment(
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

/** A downstream node of one example, with ∂L/∂x at the positions of its place where L = Σ p_v·v. */
export interface Job {
  readonly example: number;
  readonly node: number;
  readonly cotangents: readonly { readonly position: number; readonly cotangent_D: Float64Array }[];
}

/** The downstream nodes of one place that edges are wanted into, example by example. */
export function jobsInto(
  target: string,
  place: NodePlace | undefined,
  at: ReadonlyMap<string, PlacePoint>,
  { from, to }: { readonly from: number; readonly to: number },
  { positions }: Pairs,
  { wanted = () => true, group }: Pick<EdgeOptions, 'wanted' | 'group'>,
): Job[] {
  const jobs: Job[] = [];
  for (let example = from; example < to; example++) {
    if (!place) {
      jobs.push({ example, node: 0, cotangents: [] });
      continue;
    }
    const point = at.get(target)!;
    const features = place.dictionary?.features ?? 0;
    const found = new Map<number, Job['cotangents'][number][]>();
    for (let position = 0; position < positions; position++) {
      const active = point.state ? [...activeFeatures(point.state, example - from, position).keys()] : [];
      const row = (example - from) * positions + position;
      for (const feature of [...active, -1]) {
        const node = nodeIndex(features, position, feature);
        if (!wanted(target, node, example)) continue;
        const cotangent_D = cotangentOf(place, feature, active, point.costate_BTD, row);
        const key = group?.(target, node) ?? node;
        found.set(key, [...(found.get(key) ?? []), { position, cotangent_D }]);
      }
    }
    for (const [node, cotangents] of found) jobs.push({ example, node, cotangents });
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
export function segmentFeeds(
  graph: Graph,
  jobs: readonly Job[],
  { at, bySite, pairs, target, examples }: FeedContext,
): Record<string, Tensor> {
  const { positions } = pairs;
  const rows = jobs.map((job) => job.example);
  const others: Record<string, Tensor> = exampleFeeds(pairs, 'clean', rows);
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
    jobs.forEach(({ example, cotangents }, j) => {
      if (isCotangent)
        for (const { position, cotangent_D } of cotangents) {
          const from = j * size + position * width;
          for (let d = 0; d < width; d++) values[from + d]! += cotangent_D[d]!;
        }
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
