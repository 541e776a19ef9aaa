/** @file Energy flow: path work from the tokens through the dictionaries' cuts to the answer, in groups that can be drawn. */
import { type Network, placeOf } from '../../circuits/cuts.ts';
import type { Grouping } from '../../circuits/edge-types.ts';
import { nodeIndex, type PlaceEffects } from '../../circuits/effects.ts';
import type { Pairs } from '../../circuits/examples.ts';
import type { Flow } from '../../circuits/flow/network.ts';
import { efficientPaths } from '../../circuits/flow/paths.ts';
import { OUTPUT_ID, tokenId } from '../../circuits/flow-circuit.ts';
import { METRIC } from '../../circuits/metric.ts';
import { pathWork } from '../../circuits/path-work.ts';
import type { RunOptions } from '../../circuits/run-options.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import type { EnergyFlow, EnergyPath, FlowCut, FlowGroup, FlowLink } from './types.ts';

export interface EnergyFlowOptions {
  /** Quadrature of the line in the embeddings; it needs as many points as the first cut does. */
  readonly rule?: string;
  /** Features shown at each cut, those with the largest work over all positions; the rest are one node (8). */
  readonly perCut?: number;
  /** Features shown by site, where they are known already: it saves the pass that looks for the largest. */
  readonly chosen?: ReadonlyMap<string, readonly number[]>;
  /** Paths listed in each order (10). */
  readonly paths?: number;
}

/**
 * Energy from the tokens to the answer (mechanics.md §2, Path work): the embeddings go straight from clean to patched and
 * the whole network follows. At each cut the largest features stand by themselves with their positions together, all other
 * features are one node and all error nodes one; a flow between two nodes is the sum of the edges between their parts. So
 * inflow, work and outflow are one number at every node, whatever the groups, and Σ over a complete cut is Δm less one leak.
 * @param dictionaries by depth; a few at some cuts are enough
 * @throws CircuitError `circuit.no-derivative`, `circuit.unknown-rule`
 */
export async function energyFlow(
  network: Network,
  dictionaries: readonly Dictionary[],
  pairs: Pairs,
  { rule = 'midpoint-30', perCut = 8, chosen, paths = 10 }: EnergyFlowOptions,
  run: RunOptions,
): Promise<EnergyFlow> {
  const shown = chosen
    ? new Map(dictionaries.map(({ site }) => [site, new Set(chosen.get(site))]))
    : await largestOf(network, dictionaries, pairs, { rule, perCut }, run);
  const groups = new Map(dictionaries.map((d) => [d.site, groupsOf(d.features, shown.get(d.site)!)]));
  const group: Grouping = (site, node) => groups.get(site)?.(node) ?? node;
  const whole = await pathWork(network, dictionaries, pairs, { rule, group }, run);

  const ids = new Map<string, string>();
  const places = whole.effects.map((effects) => {
    const nodes = groupNodes(network, effects, shown.get(effects.site) ?? new Set());
    for (const { node, id } of nodes) ids.set(`${effects.site}/${node}`, id);
    return { effects, nodes };
  });
  const flows = whole.edges.flatMap(({ from, to, source, target, weight }) =>
    Array.from(weight).flatMap((energy, j): FlowLink[] => {
      const start = ids.get(`${from}/${source[j]!}`);
      const end = to === METRIC ? OUTPUT_ID : ids.get(`${to}/${target[j]!}`);
      return start === undefined || end === undefined ? [] : [{ source: start, target: end, energy }];
    }),
  );
  const sum = (side: 'source' | 'target', id: string) =>
    flows.reduce((total, flow) => total + (flow[side] === id ? flow.energy : 0), 0);
  const cuts = places.map(({ effects, nodes }, l) => cutOf(network, effects, nodes, l > 0, sum));
  const arrives = sum('target', OUTPUT_ID);
  const answer: FlowGroup = { id: OUTPUT_ID, kind: 'answer', energy: arrives, inflow: arrives };
  const flow: Flow = {
    nodes: [...cuts.flatMap((cut) => cut.nodes), answer].map(({ id, energy }) => ({ id, work: energy })),
    edges: flows.map(({ source, target, energy }) => ({ source, target, weight: energy })),
    ends: { sources: cuts[0]!.nodes.map((node) => node.id), sinks: [OUTPUT_ID] },
  };
  const ranked = (by: 'efficiency' | 'carried') =>
    efficientPaths(flow, { count: paths, by }).map(
      ({ nodes, efficiency, carried }): EnergyPath => ({ nodes, value: efficiency, carried }),
    );
  const change_B = whole.effects[0]!.change_B;
  return {
    rule,
    examples: pairs.examples,
    deltaM: -change_B.reduce((total, change) => total + change, 0) / pairs.examples,
    cuts: [
      ...cuts,
      { depth: network.cuts.length, site: METRIC, complete: true, energy: arrives, nodes: [answer] },
    ],
    flows,
    imbalance: whole.balance.imbalance,
    leak: whole.balance.leak,
    leakSpread: whole.balance.leakSpread,
    pathRule: 'proportional',
    efficient: ranked('efficiency'),
    carrying: ranked('carried'),
  };
}

/** A cut with what flows into its groups (not into the first one's) and out of them. */
function cutOf(
  network: Network,
  { depth, site }: PlaceEffects,
  nodes: ReturnType<typeof groupNodes>,
  fed: boolean,
  sum: (side: 'source' | 'target', id: string) => number,
): FlowCut {
  const groups = nodes.map(
    ({ node: _, ...shownAs }): FlowGroup => ({
      ...shownAs,
      ...(fed ? { inflow: sum('target', shownAs.id) } : {}),
      outflow: sum('source', shownAs.id),
    }),
  );
  return {
    depth,
    site,
    complete: placeOf(network, site).complete,
    energy: groups.reduce((total, { energy }) => total + energy, 0),
    nodes: groups,
  };
}

/** The features of each dictionary with the largest |Σ_t work|, by site. */
async function largestOf(
  network: Network,
  dictionaries: readonly Dictionary[],
  pairs: Pairs,
  { rule, perCut }: { readonly rule: string; readonly perCut: number },
  run: RunOptions,
): Promise<Map<string, ReadonlySet<number>>> {
  const { effects } = await pathWork(network, dictionaries, pairs, { rule, wanted: 'none' }, run);
  return new Map(effects.map((one) => [one.site, largest(one, perCut)]));
}

/** The features of a place with the largest |Σ_t work|. */
export function largest(
  { features, features_TF }: Pick<PlaceEffects, 'features' | 'features_TF'>,
  count: number,
): ReadonlySet<number> {
  const work_F = new Float64Array(features);
  features_TF.forEach((work, i) => {
    work_F[i % features]! += work;
  });
  const order = Array.from(work_F, (work, i) => ({ size: Math.abs(work), i }))
    .filter(({ size }) => size > 0)
    .sort((a, b) => b.size - a.size);
  return new Set(order.slice(0, count).map(({ i }) => i));
}

/** The node that stands for all features that are not shown: the first of them. */
const otherOf = (features: number, shown: ReadonlySet<number>): number => {
  for (let i = 0; i < features; i++) if (!shown.has(i)) return i;
  return features;
};

/** Features with their positions together, the rest as one, all error nodes as one. */
function groupsOf(features: number, shown: ReadonlySet<number>): (node: number) => number {
  const other = otherOf(features, shown);
  return (node) => {
    const feature = node % (features + 1);
    return feature === features || shown.has(feature) ? feature : other;
  };
}

type Numbered = Omit<FlowGroup, 'inflow' | 'outflow'> & { readonly node: number };

/** The groups of a place as they are called and drawn, by energy; those that carry nothing are left out. */
function groupNodes(network: Network, effects: PlaceEffects, shown: ReadonlySet<number>): Numbered[] {
  const { site, features, features_TF, errors_T } = effects;
  if (features === 0) {
    const embed = site === network.cuts[0];
    return Array.from(
      errors_T,
      (effect, position): Numbered => ({
        id: embed ? tokenId(position) : `${site}:${position}`,
        kind: embed ? 'token' : 'state',
        ...{ energy: -effect, position, node: nodeIndex(0, position, -1) },
      }),
    ).filter(({ energy }) => energy !== 0);
  }
  const other = otherOf(features, shown);
  const energyOf = (feature: number) => 0 - features_TF[feature]!;
  const listed = [...shown].map(
    (feature): Numbered => ({
      id: `${site}:f${feature}`,
      kind: 'feature',
      ...{ energy: energyOf(feature), feature, node: feature },
    }),
  );
  return [
    ...listed.sort((a, b) => b.energy - a.energy),
    ...(other < features
      ? [{ id: `${site}:other`, kind: 'other' as const, energy: energyOf(other), node: other }]
      : []),
    { id: `${site}:errors`, kind: 'errors', energy: -errors_T[0]!, node: features },
  ];
}
