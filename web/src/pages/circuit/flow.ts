/** @file Paths of greatest flow through one node: its strong edges, then the strongest way on in both directions. */
import type { GraphEdge } from '../../../../src/pictures/circuit-layout.ts';

/** Edges of the first step that count: at least this share of the strongest one. */
const strong = 0.2;

export const edgeKey = (edge: Pick<GraphEdge, 'source' | 'target'>): string =>
  `${edge.source}→${edge.target}`;

/** Adjacency both ways, each list strongest first. */
export interface Neighbours {
  readonly into: ReadonlyMap<string, readonly GraphEdge[]>;
  readonly from: ReadonlyMap<string, readonly GraphEdge[]>;
}

/** Lists of edges by target and by source. */
export function neighbours(edges: readonly GraphEdge[]): Neighbours {
  const into = new Map<string, GraphEdge[]>();
  const from = new Map<string, GraphEdge[]>();
  const sorted = [...edges].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
  for (const edge of sorted) {
    into.set(edge.target, [...(into.get(edge.target) ?? []), edge]);
    from.set(edge.source, [...(from.get(edge.source) ?? []), edge]);
  }
  return { into, from };
}

/** Keys of the edges that glow when the node `id` is pointed at. */
export function flowThrough(id: string, { into, from }: Neighbours): Set<string> {
  const keys = new Set<string>();
  const walk = (lists: ReadonlyMap<string, readonly GraphEdge[]>, next: 'source' | 'target') => {
    const first = lists.get(id) ?? [];
    const most = Math.abs(first[0]?.weight ?? 0);
    for (const edge of first.filter((one) => Math.abs(one.weight) >= strong * most)) {
      let step: GraphEdge | undefined = edge;
      while (step && !keys.has(edgeKey(step))) {
        keys.add(edgeKey(step));
        step = lists.get(step[next])?.[0];
      }
    }
  };
  walk(into, 'source');
  walk(from, 'target');
  return keys;
}
