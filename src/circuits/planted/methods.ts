/** @file Every method on a planted network: scores of all nodes and edges, and how well they find what is planted. */
import type { Random } from '../../core/random.ts';
import { neurons } from '../../dictionaries/neurons.ts';
import { edgeEffects } from '../clean-edges.ts';
import type { Network } from '../cuts.ts';
import type { EdgeEffects } from '../edge-types.ts';
import type { PlaceEffects } from '../effects.ts';
import { type CodedNodePlace, exactEdges } from '../exact-edges.ts';
import type { Pairs } from '../examples.ts';
import { METRIC } from '../metric.ts';
import { nodeEffects } from '../node-effects.ts';
import { pathWork } from '../path-work.ts';
import type { RunOptions } from '../run-options.ts';
import { compile, sites } from './compile.ts';
import { type Planted, plantedPairs, truthOf } from './planted.ts';
import { auroc } from './score.ts';
import { edgeId, OUTPUT, type Truth } from './truth.ts';

/** A planted network ready to be run. */
export interface PlantedSetting {
  readonly planted: Planted;
  readonly network: Network;
  /** The embedding and what each block writes; nodes are wires there. */
  readonly places: readonly CodedNodePlace[];
  readonly pairs: Pairs;
  readonly truth: Truth;
  readonly run: RunOptions & { readonly threads: number };
}

/** What methods give: effects by place, and edges. */
export interface Found {
  readonly nodes: readonly PlaceEffects[];
  readonly edges: readonly EdgeEffects[];
}

/** Compiles the network with noise and draws prompts, all from `chance`. */
export function openPlanted(
  planted: Planted,
  examples: number,
  chance: Random,
  run: RunOptions & { readonly threads: number },
): PlantedSetting {
  const network = compile(planted.wiring, chance.fork('noise'));
  const pairs = plantedPairs(planted, examples, chance.fork('pairs'));
  const places = network.places
    .filter((place) => place.site === sites.embed || !place.complete)
    .map((place): CodedNodePlace => ({ ...place, dictionary: neurons(place.width, place.site, '') }));
  return { planted, network, places, pairs, truth: truthOf(planted), run };
}

/** Methods of node effects; their edges are the published ones with the method's λ̄, RelP's with its own rules. */
const byGradient = [
  'attribution-patching',
  'left-10',
  'midpoint-10',
  'midpoint-3',
  'gauss-5',
  'adaptive-0.01',
  'relp',
] as const;

/** All methods by name: gradients of every kind, path work, and real interventions one by one. */
export const plantedMethods: readonly string[] = [...byGradient, 'path-work', 'exact'];

/** Effects of all nodes and edges by a method. */
export async function findPlanted(setting: PlantedSetting, method: string): Promise<Found> {
  const { network, places, pairs, run } = setting;
  const dictionaries = places.map((p) => p.dictionary);
  if (method === 'path-work') {
    const { effects, edges } = await pathWork(network, dictionaries, pairs, { rule: 'midpoint-10' }, run);
    return { nodes: effects, edges };
  }
  const found = await nodeEffects(network, dictionaries, pairs, { method }, run);
  if (method === 'exact')
    return { nodes: found.effects, edges: await exactEdges(network, places, pairs, run) };
  return { nodes: found.effects, edges: await edgeEffects(network, found, pairs, {}, run) };
}

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
