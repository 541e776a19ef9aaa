/** @file Every method on a planted network: scores of all nodes and edges, and how well they find what is planted. */
import { quadrature } from '../../autodiff/quadrature.ts';
import type { Random } from '../../core/random.ts';
import { neurons } from '../../dictionaries/neurons.ts';
import { costatesAt } from '../costates.ts';
import type { Network } from '../cuts.ts';
import { type EdgeEffects, openEdges, type PlacePoint } from '../edge-effects.ts';
import { type Moves, movesOf, type PlaceEffects, placeEffects } from '../effects.ts';
import { encodeState } from '../encode-state.ts';
import { exactEffects, placeChange } from '../exact.ts';
import { type CodedNodePlace, exactEdges } from '../exact-edges.ts';
import type { Pairs } from '../examples.ts';
import type { FeatureState } from '../feature-state.ts';
import { type ForwardResult, forwardPairs } from '../forward.ts';
import { lineCostates } from '../line.ts';
import { METRIC } from '../metric.ts';
import type { RunOptions } from '../run-options.ts';
import { compile, sites } from './compile.ts';
import { type Planted, plantedPairs, truthOf } from './networks.ts';
import { auroc } from './score.ts';
import { edgeId, OUTPUT, type Truth } from './truth.ts';

/** A planted network with its runs. */
export interface PlantedSetting {
  readonly planted: Planted;
  readonly network: Network;
  readonly places: readonly CodedNodePlace[];
  readonly pairs: Pairs;
  readonly truth: Truth;
  readonly forward: { readonly clean: ForwardResult; readonly patch: ForwardResult };
  readonly states: ReadonlyMap<string, { readonly clean: FeatureState; readonly patch: FeatureState }>;
  readonly moves: ReadonlyMap<string, Moves>;
  readonly run: RunOptions & { readonly threads: number };
}

/** What methods give: effects by place, and edges. */
export interface Found {
  readonly nodes: readonly PlaceEffects[];
  readonly edges: readonly EdgeEffects[];
}

/** Compiles the network, draws prompts and reads all its nodes: the wires of the embedding and of what each block writes. */
export async function openPlanted(
  planted: Planted,
  examples: number,
  chance: Random,
  run: RunOptions & { readonly threads: number },
): Promise<PlantedSetting> {
  const network = compile(planted.wiring, chance.fork('noise'));
  const pairs = plantedPairs(planted, examples, chance.fork('pairs'));
  const places = network.places
    .filter((place) => place.site === sites.embed || !place.complete)
    .map((place): CodedNodePlace => ({ ...place, dictionary: neurons(place.width, place.site, '') }));
  const forward = await forwardPairs(
    network,
    pairs,
    places.map((p) => p.site),
    run,
  );
  const states = new Map<string, { clean: FeatureState; patch: FeatureState }>();
  for (const { site, width, dictionary } of places) {
    const shape = { examples, positions: pairs.positions, width };
    const side = (x_BTD: Float32Array) => encodeState(dictionary, x_BTD, shape, run.threads);
    states.set(site, {
      clean: await side(forward.clean.states[site]!),
      patch: await side(forward.patch.states[site]!),
    });
  }
  const moves = new Map([...states].map(([site, { clean, patch }]) => [site, movesOf(clean, patch)]));
  return { planted, network, places, pairs, truth: truthOf(planted), forward, states, moves, run };
}

type Costates = Readonly<Record<string, ArrayLike<number>>>;

/** Effects and published edge weights from λ̄ at every place. */
async function fromCostates(
  setting: PlantedSetting,
  costates: Costates,
  method: string,
  rules: 'gradient' | 'relp',
): Promise<Found> {
  const { network, places, pairs, states, moves, run } = setting;
  const { examples, positions } = pairs;
  const nodes = places.map(({ site, depth, width, dictionary }) =>
    placeEffects(
      { site, depth, examples, positions, width },
      dictionary,
      moves.get(site)!,
      costates[site]!,
      new Float64Array(examples),
    ),
  );
  const at = new Map(
    places.map(({ site }): [string, PlacePoint] => {
      const state = states.get(site)!.clean;
      return [site, { x_BTD: state.x_BTD, costate_BTD: costates[site]!, moves: moves.get(site)!, state }];
    }),
  );
  const sum = openEdges(network, places, pairs, { method, rules }, run);
  try {
    await sum.add(at, { from: 0, to: examples }, 1);
    return { nodes, edges: sum.edges() };
  } finally {
    await sum.release();
  }
}

/** λ̄ by a quadrature rule at every place. */
async function lineAt(
  { network, places, pairs, forward, run }: PlantedSetting,
  rule: string,
): Promise<Costates> {
  const found: Record<string, Float32Array> = {};
  for (const { site } of places) {
    const [from, to] = [forward.clean.states[site]!, forward.patch.states[site]!];
    [found[site]] = (await lineCostates(network, site, pairs, from, to, [quadrature(rule)], run)) as [
      Float32Array,
    ];
  }
  return found;
}

/** Every node and every edge run for itself. */
async function byPatching(setting: PlantedSetting): Promise<Found> {
  const { network, places, pairs, forward, states, run } = setting;
  const nodes: PlaceEffects[] = [];
  for (const { site, dictionary } of places) {
    const change_B = await placeChange(network, site, pairs, forward, run);
    const metric = { clean_B: forward.clean.metric_B, change_B };
    nodes.push(await exactEffects(network, dictionary, states.get(site)!, pairs, metric, run));
  }
  return { nodes, edges: await exactEdges(network, places, pairs, run) };
}

/** All methods by name. */
export const plantedMethods: Readonly<Record<string, (setting: PlantedSetting) => Promise<Found>>> = {
  'attribution-patching': async (s) =>
    fromCostates(
      s,
      await costatesAt(
        s.network,
        s.places.map((p) => p.site),
        s.pairs,
        s.run,
      ),
      'attribution-patching',
      'gradient',
    ),
  'left-10': async (s) => fromCostates(s, await lineAt(s, 'left-10'), 'left-10', 'gradient'),
  'midpoint-10': async (s) => fromCostates(s, await lineAt(s, 'midpoint-10'), 'midpoint-10', 'gradient'),
  relp: async (s) =>
    fromCostates(
      s,
      await costatesAt(
        s.network,
        s.places.map((p) => p.site),
        s.pairs,
        s.run,
        'relp',
      ),
      'relp',
      'relp',
    ),
  'exact patching': byPatching,
};

/** Area under the ROC curve over all nodes and over all edges, by |mean effect|. */
export interface PlantedScore {
  readonly nodeAuroc: number;
  readonly edgeAuroc: number;
}

/** How well effects find the planted circuit. Candidates: every wire of every place, and every edge forward and onward. */
export function scorePlanted({ places, pairs, truth }: PlantedSetting, found: Found): PlantedScore {
  const { positions } = pairs;
  const effects = new Map(found.nodes.map((e) => [e.site, e]));
  const id = (site: string, position: number, feature: number) => `${site}:${position}:f${feature}`;
  const nodes = places.flatMap(({ site, width }) =>
    // Dictionaries do not read the first position, where every prompt starts alike.
    Array.from({ length: (positions - 1) * width }, (_, i) => {
      const [position, feature] = [1 + Math.floor(i / width), i % width];
      const effect = effects.get(site)?.features_TF[position * width + feature] ?? 0;
      return { site, position, feature, id: id(site, position, feature), score: Math.abs(effect) };
    }),
  );
  const weights = new Map<string, number>();
  for (const { from, to, fromFeatures, toFeatures, source, target, weight } of found.edges) {
    weight.forEach((w, i) => {
      const name = (site: string, node: number, features: number) =>
        id(site, Math.floor(node / (features + 1)), node % (features + 1));
      const end = to === METRIC ? OUTPUT : name(to, target[i]!, toFeatures);
      weights.set(edgeId(name(from, source[i]!, fromFeatures), end), Math.abs(w));
    });
  }
  const depth = new Map(places.map((p) => [p.site, p.depth]));
  const heads = (site: string) => site.endsWith('hook_attn_out');
  const candidates = nodes.flatMap((u) => [
    ...nodes
      .filter((v) => {
        const onward = depth.get(v.site)! > depth.get(u.site)!;
        // Only heads move between positions.
        return onward && (heads(v.site) ? v.position >= u.position : v.position === u.position);
      })
      .map((v) => edgeId(u.id, v.id)),
    ...(u.position === positions - 1 ? [edgeId(u.id, OUTPUT)] : []),
  ]);
  return {
    nodeAuroc: auroc(
      nodes.map((n) => n.score),
      nodes.map((n) => truth.nodes.has(n.id)),
    ),
    edgeAuroc: auroc(
      candidates.map((edge) => weights.get(edge) ?? 0),
      candidates.map((edge) => truth.edges.has(edge)),
    ),
  };
}
