/** @file Edges by real interventions: what the metric loses when v alone hears that u has its patched value. */
import { throwIfAborted } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import { feedAt, only } from '../graph/interventions.ts';
import { type Graph, isCarried } from '../graph/types.ts';
import type { Session } from '../runtime/session.ts';
import type { Network } from './cuts.ts';
import type { EdgeEffects, NodePlace } from './edge-types.ts';
import { featureChanges, type Moves, movesOf, nodeIndex } from './effects.ts';
import { encodeState } from './encode-state.ts';
import { chunks, exampleFeeds, type Pairs } from './examples.ts';
import type { FeatureState } from './feature-state.ts';
import { floats } from './floats.ts';
import { forwardPairs } from './forward.ts';
import { METRIC, metricGraph } from './metric.ts';
import type { RunOptions } from './run-options.ts';

/** A place whose nodes are features of a dictionary (neurons, if nothing else). */
export type CodedNodePlace = NodePlace & { readonly dictionary: NonNullable<NodePlace['dictionary']> };

/** One place changed in one example. */
interface Change {
  readonly example: number;
  /** The whole place [T, D] as it is then. */
  readonly x_TD: Float64Array;
}

/**
 * Path patching of single edges (Goldowsky-Dill et al. 2023, arXiv:2304.05969; "exact" edges of MIB): u takes its patched
 * value, v is computed from it with every other place clean, and the metric is measured with v alone changed.
 * w(u→v) = m(clean) − m(v so changed), energy direction; means over examples. Edges into the answer: every place
 * clean but u. Nothing is linearised; the cost is one run an edge and example, which is for small networks.
 * @param places by depth
 */
export async function exactEdges(
  network: Network,
  places: readonly CodedNodePlace[],
  pairs: Pairs,
  run: RunOptions & { readonly threads: number },
): Promise<EdgeEffects[]> {
  const sites = places.map((p) => p.site);
  const { clean, patch } = await forwardPairs(network, pairs, sites, run);
  const { examples, positions } = pairs;
  const encode = (place: CodedNodePlace, x_BTD: Float32Array): Promise<FeatureState> =>
    encodeState(
      place.dictionary,
      x_BTD,
      { examples: x_BTD.length / (positions * place.width), positions, width: place.width },
      run.threads,
    );
  const states = new Map<string, FeatureState>();
  const moves = new Map<string, Moves>();
  for (const place of places) {
    const [from, to] = [clean, patch].map((side) => Float32Array.from(side.states[place.site]!));
    const state = await encode(place, from!);
    states.set(place.site, state);
    moves.set(place.site, movesOf(state, await encode(place, to!)));
  }
  const whole = metricGraph(network);
  const cleanOf = (site: string, example: number): ArrayLike<number> => {
    const size = clean.states[site]!.length / examples;
    return clean.states[site]!.subarray(example * size, (example + 1) * size);
  };
  const edges: EdgeEffects[] = [];

  for (const [t, target] of [...places, undefined].entries()) {
    const before = places.slice(0, t);
    if (before.length === 0) continue;
    const into = only(
      feedAt(
        target ? network.graph : whole,
        before.map((p) => p.site),
      ),
      [target?.site ?? METRIC],
    );
    const onwards = target && only(feedAt(whole, sites.slice(0, t + 1)), [METRIC]);
    const first = await run.open(into);
    const second = onwards && (await run.open(onwards));
    try {
      for (const source of before) {
        if (!into.inputs.some((input) => input.name === source.site)) continue;
        const found = new Map<number, number>();
        const add = (u: number, v: number, example: number, m: number) => {
          const edge = v * positions * (source.dictionary.features + 1) + u;
          found.set(edge, (found.get(edge) ?? 0) + (clean.metric_B[example]! - m) / examples);
        };
        const jobs = nodeChanges(source, states.get(source.site)!, moves.get(source.site)!);
        const kit = { pairs, cleanOf, run, positions };
        const heard = await runChanged(first, into, source, jobs, kit);
        if (!target || !second) {
          for (const [j, { node, example }] of jobs.entries()) add(node, 0, example, heard[j]!);
        } else {
          const changed = await downstream(target, states.get(target.site)!, jobs, heard, encode);
          const metric = await runChanged(second, onwards!, target, changed, kit);
          for (const [j, { node, from, example }] of changed.entries()) add(from, node, example, metric[j]!);
        }
        const kept = [...found].filter(([, weight]) => weight !== 0);
        const rows = positions * (source.dictionary.features + 1);
        edges.push({
          ...{ from: source.site, to: target?.site ?? METRIC, method: 'exact' },
          ...{ fromFeatures: source.dictionary.features, toFeatures: target?.dictionary.features ?? 0 },
          source: Int32Array.from(kept, ([edge]) => edge % rows),
          target: Int32Array.from(kept, ([edge]) => Math.floor(edge / rows)),
          weight: Float32Array.from(kept, ([, weight]) => weight),
        });
      }
    } finally {
      await first.release();
      await second?.release();
    }
  }
  return edges;
}

/** Each node that moves, alone at its patched value. */
function nodeChanges(
  { dictionary, width }: CodedNodePlace,
  state: FeatureState,
  moves: Moves,
): (Change & { readonly node: number })[] {
  const { examples, positions } = state;
  const size = positions * width;
  const changes: (Change & { readonly node: number })[] = [];
  for (let row = 0; row < examples * positions; row++) {
    const [example, position] = [Math.floor(row / positions), row % positions];
    const rest = Float64Array.from({ length: width }, (_, d) => moves.x_BTD[row * width + d]!);
    const put = (feature: number, step: (d: number) => number) => {
      const x_TD = Float64Array.from({ length: size }, (_, i) => state.x_BTD[example * size + i]!);
      for (let d = 0; d < width; d++) x_TD[position * width + d]! += step(d);
      changes.push({ example, node: nodeIndex(dictionary.features, position, feature), x_TD });
    };
    for (const [feature, move] of moves.features[row] ?? []) {
      const along = (d: number) => move * dictionary.W_dec_FD[feature * width + d]!;
      for (let d = 0; d < width; d++) rest[d]! -= along(d);
      if (move !== 0) put(feature, along);
    }
    if (rest.some((r) => Math.abs(r) > ROUNDING)) put(-1, (d) => rest[d]!);
  }
  return changes;
}

/** What a node of wires around 1 may be off by in float32. */
const ROUNDING = 1e-6;

/** Each node of `target` that heard of a change upstream, alone at its new value. */
async function downstream(
  target: CodedNodePlace,
  state: FeatureState,
  jobs: readonly (Change & { readonly node: number })[],
  heard: Float32Array,
  encode: (place: CodedNodePlace, x_BTD: Float32Array) => Promise<FeatureState>,
): Promise<(Change & { readonly node: number; readonly from: number })[]> {
  const { width, dictionary } = target;
  const { positions } = state;
  const size = positions * width;
  if (jobs.length === 0) return [];
  const after = await encode(target, heard);
  const changed: (Change & { readonly node: number; readonly from: number })[] = [];
  jobs.forEach(({ example, node: from }, j) => {
    const own = state.x_BTD.subarray(example * size, (example + 1) * size);
    // Both sides as one example each, so that their codes can be compared.
    const one = (s: FeatureState, b: number): FeatureState => ({
      ...s,
      examples: 1,
      x_BTD: s.x_BTD.subarray(b * size, (b + 1) * size),
      indices_BTK: s.indices_BTK.subarray(b * positions * s.k, (b + 1) * positions * s.k),
      values_BTK: s.values_BTK.subarray(b * positions * s.k, (b + 1) * positions * s.k),
    });
    const [before, now] = [one(state, example), one(after, j)];
    for (let position = 0; position < positions; position++) {
      const rest = Float64Array.from({ length: width }, (_, d) => {
        const at = position * width + d;
        return now.x_BTD[at]! - own[at]!;
      });
      if (rest.every((r) => Math.abs(r) <= ROUNDING)) continue;
      const put = (feature: number, step: (d: number) => number) => {
        const x_TD = Float64Array.from(own);
        for (let d = 0; d < width; d++) x_TD[position * width + d]! += step(d);
        changed.push({ example, from, node: nodeIndex(dictionary.features, position, feature), x_TD });
      };
      for (const [feature, move] of featureChanges(before, now, 0, position)) {
        const along = (d: number) => move * dictionary.W_dec_FD[feature * width + d]!;
        for (let d = 0; d < width; d++) rest[d]! -= along(d);
        if (Math.abs(move) > ROUNDING) put(feature, along);
      }
      if (rest.some((r) => Math.abs(r) > ROUNDING)) put(-1, (d) => rest[d]!);
    }
  });
  return changed;
}

interface Kit {
  readonly pairs: Pairs;
  readonly cleanOf: (site: string, example: number) => ArrayLike<number>;
  readonly run: RunOptions;
  readonly positions: number;
}

/** Runs a segment from clean places with one of them changed; its only output, job after job. */
async function runChanged(
  session: Session,
  graph: Graph,
  changedAt: NodePlace,
  jobs: readonly Change[],
  { pairs, cleanOf, run, positions }: Kit,
): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for (const { from, to } of chunks(jobs.length, run.tokensPerRun / positions)) {
    throwIfAborted(run.signal);
    const some = jobs.slice(from, to);
    const rows = some.map((job) => job.example);
    const others: Record<string, Tensor> = exampleFeeds(pairs, 'clean', rows);
    const feeds: Record<string, Tensor> = {};
    for (const input of graph.inputs) {
      if (isCarried(input)) continue;
      const { name, dtype } = input;
      if (others[name]) {
        feeds[name] = others[name];
        continue;
      }
      const size = cleanOf(name, 0).length;
      const values = new Float64Array(some.length * size);
      some.forEach(({ example, x_TD }, j) => {
        const x = name === changedAt.site ? x_TD : cleanOf(name, example);
        for (let i = 0; i < size; i++) values[j * size + i] = x[i]!;
      });
      feeds[name] = floats(dtype, [some.length, positions, size / positions], values);
    }
    const out = await session.run(feeds);
    parts.push(Float32Array.from(out[graph.outputs[0]!]!.data as Float32Array));
  }
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
