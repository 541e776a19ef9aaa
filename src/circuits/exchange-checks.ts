/** @file Self-check of exchange and clusters: a graph comes back as it was, planted groups are found. */
import { type CheckRow, checkRow } from '../core/check.ts';
import { random } from '../core/random.ts';
import { assignClusters } from './clusters/cluster.ts';
import { adjustedRand } from './clusters/scores.ts';
import { sparseRows } from './clusters/sparse-rows.ts';
import { graphml, readGraphml } from './exchange/graphml.ts';
import type { PortableGraph, PortableNode } from './exchange/portable.ts';
import { readAttributionGraph } from './exchange/read-graph.ts';
import { attributionGraph } from './exchange/write-graph.ts';

/** A graph with features and error nodes whose old ids would collide. */
function manyNodes(): PortableGraph {
  const sites = [0, 1, 2, 3].map((l) => `blocks.${l}.hook_resid_post`);
  const nodes = sites.flatMap((site, l) =>
    [0, 1, 2].flatMap((position): PortableNode[] => [
      {
        id: `${site}:${position}:err`,
        kind: 'error',
        site,
        cut: l + 1,
        position,
        effect: 0.1 * (l - position),
      },
      ...[0, 1, 2, 3].map((feature) => ({
        ...{ id: `${site}:${position}:f${feature}`, kind: 'feature' as const, site, cut: l + 1 },
        ...{ position, feature, effect: -0.01 * (feature + 1), activation: feature / 3 },
      })),
    ]),
  );
  const edges = nodes.flatMap((a) =>
    nodes
      .filter((b) => b.cut === a.cut + 1 && b.position >= a.position)
      .map((b) => ({ source: a.id, target: b.id, weight: a.effect * b.effect })),
  );
  const tokens = ['The', ' keys', ' are'];
  return {
    name: 'check',
    model: 'none',
    prompt: tokens.join(''),
    tokens,
    positions: tokens,
    sites,
    nodes,
    edges,
  };
}

/** Contexts of four groups with five features of their own each, among noise: adjusted Rand of what is found. */
function plantedGroups(): number {
  const stream = random(1);
  const truth = Array.from({ length: 80 }, (_, i) => i % 4);
  const rows = truth.map(
    (group) =>
      new Map([
        ...Array.from({ length: 8 }, () => [stream.integer(100), 0.3 * stream.normal()] as const),
        ...Array.from({ length: 5 }, (_, j) => [100 + 5 * group + j, 1 + 0.2 * stream.normal()] as const),
      ]),
  );
  const effects = sparseRows(rows, 120);
  const vectors = { sites: ['x'], offsets: [0, 120], effects, activations: effects, dense: [] };
  return adjustedRand(assignClusters(vectors, 'spectral-effects', 4, random(2)), truth);
}

/** Rows for the area's checks. */
export function exchangeRows(area: string): CheckRow[] {
  const graph = manyNodes();
  const expected = JSON.stringify(graph);
  const back = readAttributionGraph(JSON.parse(JSON.stringify(attributionGraph(graph)))).graph;
  const differs = (other: PortableGraph) =>
    JSON.stringify({ ...other, nodes: sorted(other.nodes) }) ===
    JSON.stringify({ ...(JSON.parse(expected) as PortableGraph), nodes: sorted(graph.nodes) })
      ? 0
      : 1;
  return [
    checkRow(area, 'attribution-graph JSON: graphs that come back changed', differs(back), 0),
    checkRow(area, 'GraphML: graphs that come back changed', differs(readGraphml(graphml(graph))), 0),
    checkRow(
      area,
      'clusters: planted groups that spectral clustering misses (1 − adjusted Rand)',
      1 - plantedGroups(),
      0.05,
    ),
  ];
}

/** Nodes with their fields in one order. */
const sorted = (nodes: readonly PortableNode[]) =>
  nodes.map((node) => Object.fromEntries(Object.entries(node).sort(([a], [b]) => (a < b ? -1 : 1))));
