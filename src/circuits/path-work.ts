/** @file Path work: effects and edges along one line in the embeddings, carried through the whole network; a flow that balances. */
import { jvp } from '../autodiff/jvp.ts';
import { quadrature } from '../autodiff/quadrature.ts';
import { vjp } from '../autodiff/vjp.ts';
import { throwIfAborted } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import { type Encoder, encoder } from '../dictionaries/encoder.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import { feedAt, only } from '../graph/interventions.ts';
import { type Network, placeOf } from './cuts.ts';
import { openEdges } from './edge-effects.ts';
import type { EdgeEffects, Grouping, NodePlace, PlacePoint, Wanted } from './edge-types.ts';
import { alongFeature, collectEffects, type Moves, nodeIndex, type PlaceEffects } from './effects.ts';
import { encoderRow } from './encode-state.ts';
import { chunks, exampleFeeds, type Pairs, range } from './examples.ts';
import { activeFeatures, type FeatureState, featureState } from './feature-state.ts';
import { dtypeAt, floats } from './floats.ts';
import { forwardPairs } from './forward.ts';
import { METRIC, metricGraph } from './metric.ts';
import { flowBalance, leaks, type PathBalance, totals, type Works } from './path-balance.ts';
import type { RunOptions } from './run-options.ts';

export interface PathWorkOptions {
  /** Quadrature of the line; the embedding needs the most points of all cuts. */
  readonly rule: string;
  /** Downstream nodes of edges; `none` leaves edges out. All by default. */
  readonly wanted?: Wanted | 'none';
  /** Nodes that are taken together: their works and edges are added up, and stand under the number of one of them. */
  readonly group?: Grouping;
}

export interface PathWork {
  readonly rule: string;
  /**
   * By depth, the embedding first (without a dictionary one node a position). change_B is the change of the metric at complete
   * cuts; elsewhere a place carries only a part, and change_B is that part.
   */
  readonly effects: readonly PlaceEffects[];
  readonly edges: readonly EdgeEffects[];
  readonly balance: PathBalance;
}

/**
 * e_v = ∫ p_v q̇_v ds and e_{u→v} = ∫ p_v (∂v/∂u) q̇_u ds, with the embeddings going straight from clean to patched, all
 * states following, q̇ by jvp and p by vjp at every point (mechanics.md §2). Inflow and outflow of every node balance at
 * every point; Σe is the same at every complete cut, so that all miss Δm by the same leak. Effects have the sign of IE,
 * edges that of energy, as elsewhere. Features move with their encoder while the set of active ones stays.
 * @throws CircuitError `circuit.no-derivative`, `circuit.unknown-rule`
 */
export async function pathWork(
  network: Network,
  dictionaries: readonly Dictionary[],
  pairs: Pairs,
  { rule: name, wanted, group }: PathWorkOptions,
  options: RunOptions,
): Promise<PathWork> {
  const rule = quadrature(name);
  const embed = placeOf(network, network.cuts[0]!);
  const places: NodePlace[] = dictionaries.map((dictionary) => ({
    ...placeOf(network, dictionary.site),
    dictionary,
  }));
  if (places[0]?.site !== embed.site) places.unshift(embed);
  const { clean, patch } = await forwardPairs(network, pairs, [embed.site], options);
  const walker = await openWalk(
    network,
    places,
    pairs,
    clean.states[embed.site]!,
    patch.states[embed.site]!,
    options,
  );
  const sum =
    wanted === 'none'
      ? undefined
      : openEdges(
          network,
          places,
          pairs,
          { method: `path-${name}`, ...(wanted ? { wanted } : {}), ...(group ? { group } : {}) },
          options,
        );
  const works = new Map<string, Map<number, number>[]>(
    places.map((p) => [p.site, Array.from({ length: pairs.examples }, () => new Map())]),
  );
  try {
    for (const { from, to } of chunks(pairs.examples, options.tokensPerRun / pairs.positions)) {
      for (const [j, s] of rule.points.entries()) {
        throwIfAborted(options.signal);
        const at = await walker.at(from, to, s);
        for (const place of places) {
          addWorks(
            works.get(place.site)!,
            place,
            at.get(place.site)!,
            pairs.positions,
            from,
            to,
            rule.weights[j]!,
            group,
          );
        }
        await sum?.add(at, { from, to }, rule.weights[j]!);
        options.advance?.(to - from);
      }
    }
    const change_B = patch.metric_B.map((m, b) => m - clean.metric_B[b]!);
    const effects = places.map((place) => {
      const all = works.get(place.site)!;
      const { complete } = placeOf(network, place.site);
      return workEffects(place, all, pairs, complete ? change_B : totals(all));
    });
    const edges = sum?.edges() ?? [];
    const complete = places.filter((p) => placeOf(network, p.site).complete).map((p) => works.get(p.site)!);
    return {
      ...{ rule: name, effects, edges },
      balance: {
        ...flowBalance(places, works, sum?.totals() ?? [], pairs.examples, wanted === undefined),
        ...leaks(complete, change_B),
      },
    };
  } finally {
    await walker.release();
    await sum?.release();
  }
}

interface Walk {
  /** States, momenta and moves of examples `from` … `to` at the point s of the line. */
  at(from: number, to: number, s: number): Promise<Map<string, PlacePoint>>;
  release(): Promise<void>;
}

async function openWalk(
  network: Network,
  places: readonly NodePlace[],
  pairs: Pairs,
  clean_BTD: Float32Array,
  patch_BTD: Float32Array,
  options: RunOptions,
): Promise<Walk> {
  const sites = places.map((p) => p.site);
  const [embed] = network.cuts as [string];
  const later = sites.filter((site) => site !== embed);
  const fed = feedAt(metricGraph(network), [embed]);
  const back = vjp(fed, { of: METRIC, wrt: sites });
  const both = jvp(back, { of: later, wrt: [embed] });
  const wanted = [...later, ...later.map((s) => `tangent:${s}`), ...sites.map((s) => `grad:${s}`)];
  const session = await options.open(only(both, wanted));
  const encoders = new Map<string, Encoder>();
  for (const { site, dictionary } of places) {
    if (dictionary) encoders.set(site, await encoder(dictionary, options.threads ?? 1));
  }
  const dtype = dtypeAt(network.graph, embed);
  const { width } = placeOf(network, embed);
  const { positions } = pairs;
  const size = positions * width;
  return {
    async at(from, to, s) {
      const shape = [to - from, positions, width];
      const line = (f: (clean: number, patch: number) => number) =>
        floats(
          dtype,
          shape,
          Float64Array.from({ length: (to - from) * size }, (_, i) =>
            f(clean_BTD[from * size + i]!, patch_BTD[from * size + i]!),
          ),
        );
      const rows = range(from, to);
      const state = line((c, p) => c + s * (p - c));
      const tangent = line((c, p) => p - c);
      const all: Record<string, Tensor> = {
        ...exampleFeeds(pairs, 'clean', rows),
        [embed]: state,
        [`tangent:${embed}`]: tangent,
      };
      const feeds = Object.fromEntries(session.inputs.map((name) => [name, all[name]!]));
      const out: Record<string, Tensor> = { ...all, ...(await session.run(feeds)) };
      const points = new Map<string, PlacePoint>();
      for (const place of places) {
        const { site, dictionary } = place;
        const x_BTD = out[site]!.data as Float32Array;
        const move_BTD = out[`tangent:${site}`]!.data as Float32Array;
        const shape = { examples: to - from, positions, width: place.width };
        const code = await encoders.get(site)?.encode(Float32Array.from(x_BTD));
        const read =
          dictionary && code ? featureState(dictionary, Float32Array.from(x_BTD), code, shape) : undefined;
        points.set(site, {
          x_BTD,
          costate_BTD: out[`grad:${site}`]!.data as Float32Array,
          moves: tangentMoves(place, read, move_BTD, shape.examples * positions),
          ...(read ? { state: read } : {}),
        });
      }
      return points;
    },
    async release() {
      await session.release();
      for (const opened of encoders.values()) await opened.release();
    },
  };
}

/** How nodes move with a state that moves by `move_BTD`: ḟ_i = ∂f_i/∂x · ẋ of the active features, and ẋ. */
function tangentMoves(
  { dictionary, width }: NodePlace,
  state: FeatureState | undefined,
  move_BTD: ArrayLike<number>,
  rows: number,
): Moves {
  const features = Array.from({ length: rows }, (_, row) => {
    const moves = new Map<number, number>();
    if (!dictionary || !state) return moves;
    for (const i of activeFeatures(state, Math.floor(row / state.positions), row % state.positions).keys()) {
      const { row_D, scale } = encoderRow(dictionary, i);
      let sum = 0;
      for (let d = 0; d < width; d++) sum += row_D[d]! * move_BTD[row * width + d]!;
      moves.set(i, scale * sum);
    }
    return moves;
  });
  return { features, x_BTD: move_BTD };
}

/** Adds weight · p q̇ of every node. */
function addWorks(
  into: Map<number, number>[],
  { site, dictionary, width }: NodePlace,
  { costate_BTD, moves }: PlacePoint,
  positions: number,
  from: number,
  to: number,
  weight: number,
  group: Grouping = (_, node) => node,
): void {
  const features = dictionary?.features ?? 0;
  for (let b = from; b < to; b++) {
    const works = into[b]!;
    const add = (single: number, work: number) => {
      const node = group(site, single);
      works.set(node, (works.get(node) ?? 0) + weight * work);
    };
    for (let t = 0; t < positions; t++) {
      const row = (b - from) * positions + t;
      let left = 0;
      for (let d = row * width; d < (row + 1) * width; d++) left += costate_BTD[d]! * moves.x_BTD[d]!;
      for (const [i, move] of moves.features[row]!) {
        if (!dictionary) continue;
        const work = move * alongFeature(dictionary, i, costate_BTD, row * width);
        left -= work;
        add(nodeIndex(features, t, i), work);
      }
      add(nodeIndex(features, t, -1), left);
    }
  }
}

function workEffects(
  { site, depth, dictionary }: NodePlace,
  works: Works,
  { examples, positions }: Pairs,
  change_B: Float64Array,
): PlaceEffects {
  const features = dictionary?.features ?? 0;
  return collectEffects({ site, depth, examples, positions, features }, change_B, (b, t, put) => {
    for (const [node, work] of works[b]!) {
      if (Math.floor(node / (features + 1)) !== t) continue;
      const feature = node % (features + 1);
      put(feature === features ? -1 : feature, work);
    }
  });
}
