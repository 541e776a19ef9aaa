/** @file Energy on its way through the circuit: the paths that carry most of it, over all and through one part. */
import { circuitFlow } from '../../../../src/circuits/flow/of-circuit.ts';
import { type FlowPath, type PathFinder, pathFinder } from '../../../../src/circuits/flow/paths.ts';
import type { GraphEdge } from '../../../../src/pictures/circuit-layout.ts';
import type { CircuitResult } from '../../api/types.ts';

export type { FlowPath };

/** Paths that are found, over all and through each part. */
const most = 24;

export const edgeKey = (edge: Pick<GraphEdge, 'source' | 'target'>): string =>
  `${edge.source}→${edge.target}`;

/** Finds paths by the work they carry; a circuit without edges has none. */
export const pathsOf = (circuit: CircuitResult): PathFinder =>
  pathFinder(circuitFlow(circuit), { count: most, by: 'carried' });

/** Share of the whole change of the answer that a path carries. */
export const shareOf = (path: FlowPath, circuit: CircuitResult): number => {
  const whole = circuit.nodes.find((node) => node.kind === 'output')?.effect ?? 0;
  return whole === 0 ? 0 : -path.carried / whole;
};

/** Keys of edges on paths, with how strongly they glow: 1 on the path that carries most. */
export function glowOf(paths: readonly FlowPath[]): Map<string, number> {
  const glow = new Map<string, number>();
  const largest = Math.abs(paths[0]?.carried ?? 0);
  for (const { nodes, carried } of paths) {
    const strength = largest === 0 ? 0 : Math.sqrt(Math.abs(carried) / largest);
    for (let i = 1; i < nodes.length; i++) {
      const key = edgeKey({ source: nodes[i - 1]!, target: nodes[i]! });
      glow.set(key, Math.max(strength, glow.get(key) ?? 0));
    }
  }
  return glow;
}

/** The strongest edges of a part that no path passes through: they glow in place of paths. */
export function glowAround(id: string, edges: readonly GraphEdge[]): Map<string, number> {
  const own = edges.filter((edge) => edge.source === id || edge.target === id);
  const largest = Math.max(0, ...own.map((edge) => Math.abs(edge.weight)));
  return new Map(
    own
      .filter((edge) => Math.abs(edge.weight) >= 0.2 * largest)
      .map((edge) => [edgeKey(edge), Math.abs(edge.weight) / (largest || 1)]),
  );
}
