/** @file Circuits by flow: nodes ranked by the work of the best path through them, from path work along one line. */
import type { Dictionary } from '../dictionaries/types.ts';
import type { Network } from './cuts.ts';
import type { EdgeEffects } from './edge-types.ts';
import { nodeIndex, type PlaceEffects } from './effects.ts';
import type { Pairs } from './examples.ts';
import type { Flow, FlowEdge } from './flow/network.ts';
import { rankByPaths } from './flow/paths.ts';
import { METRIC } from './metric.ts';
import type { PathBalance } from './path-balance.ts';
import { pathWork } from './path-work.ts';
import type { RunOptions } from './run-options.ts';
import { ERROR, nodeId, type RankedNode, rankNodes } from './select.ts';

/** Ids of what frames a circuit: tokens and the answer. */
export const OUTPUT_ID = 'output';
export const tokenId = (position: number): string => `0:${position}:token`;

export interface FlowRanking {
  /** Candidates in the order of their best paths, then every other node by the size of its work. */
  readonly ranked: readonly RankedNode[];
  /** Work of the token nodes, by position; the sign of IE. */
  readonly tokens_T: Float64Array;
  /** The flow between tokens, candidates and the answer. */
  readonly flow: Flow;
  /** All edges into the candidates and the answer, unthresholded. */
  readonly edges: readonly EdgeEffects[];
  readonly balance: PathBalance;
}

/**
 * Ranks nodes by the work that the best single path through them carries (rankByPaths, proportional rule), so that a circuit
 * of any size hangs together from the tokens to the answer. Work of all nodes first, then edges into the `candidates`
 * largest ones alone.
 */
export async function rankByFlow(
  network: Network,
  dictionaries: readonly Dictionary[],
  pairs: Pairs,
  { rule, candidates }: { readonly rule: string; readonly candidates: number },
  run: RunOptions,
): Promise<FlowRanking> {
  const all = await pathWork(network, dictionaries, pairs, { rule, wanted: 'none' }, run);
  const embed = network.cuts[0]!;
  const coded = all.effects.filter((e) => e.features > 0);
  const bySize = rankNodes(coded);
  const some = bySize.slice(0, candidates);
  const ids = nodeIds(coded, some);
  const tokens = all.effects.find((e) => e.site === embed && e.features === 0);
  tokens?.errors_T.forEach((_, t) => {
    ids.set(`${embed}/${nodeIndex(0, t, ERROR)}`, tokenId(t));
  });
  const wanted = (site: string, node: number) => ids.has(`${site}/${node}`);
  const { edges, balance } = await pathWork(network, dictionaries, pairs, { rule, wanted }, run);
  const flow = flowOf(embed, some, tokens, edgesBetween(edges, ids));
  const nodes = new Map(some.map((node) => [nodeId(node), node]));
  const byPath = rankByPaths(flow).flatMap(({ id, carried }) => (carried === 0 ? [] : (nodes.get(id) ?? [])));
  const first = new Set(byPath);
  return {
    ranked: [...byPath, ...bySize.filter((node) => !first.has(node))],
    tokens_T: Float64Array.from(tokens?.errors_T ?? []),
    flow,
    edges,
    balance,
  };
}

/** Names of nodes by site and number. */
function nodeIds(effects: readonly PlaceEffects[], nodes: readonly RankedNode[]): Map<string, string> {
  const features = new Map(effects.map((e) => [e.site, e.features]));
  return new Map(
    nodes.map((node) => {
      const index = nodeIndex(features.get(node.site)!, node.position, node.feature);
      return [`${node.site}/${index}`, nodeId(node)];
    }),
  );
}

/** Edges whose ends both have names; the metric is the answer. @param ids by `${site}/${node}` */
export function edgesBetween(edges: readonly EdgeEffects[], ids: ReadonlyMap<string, string>): FlowEdge[] {
  const found: FlowEdge[] = [];
  for (const { from, to, source, target, weight } of edges) {
    weight.forEach((w, j) => {
      const u = ids.get(`${from}/${source[j]!}`);
      const v = to === METRIC ? OUTPUT_ID : ids.get(`${to}/${target[j]!}`);
      if (u !== undefined && v !== undefined) found.push({ source: u, target: v, weight: w });
    });
  }
  return found;
}

/** Energies −IE as a flow from the tokens to the answer. */
function flowOf(
  embed: string,
  nodes: readonly RankedNode[],
  tokens: PlaceEffects | undefined,
  edges: FlowEdge[],
): Flow {
  const starts = Array.from(tokens?.errors_T ?? [], (effect, t) => ({ id: tokenId(t), work: -effect }));
  // With a dictionary on the embedding its nodes are where energy comes in.
  const sources = tokens ? starts.map((s) => s.id) : nodes.filter((n) => n.site === embed).map(nodeId);
  const whole = edges.reduce((sum, e) => sum + (e.target === OUTPUT_ID ? e.weight : 0), 0);
  return {
    nodes: [
      ...starts,
      ...nodes.map((n) => ({ id: nodeId(n), work: -n.effect })),
      { id: OUTPUT_ID, work: whole },
    ],
    edges,
    ends: { sources, sinks: [OUTPUT_ID] },
  };
}
