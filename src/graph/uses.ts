/** @file Who makes and who reads each value of a graph. */
import type { Graph, Node } from './types.ts';

/** Names a node reads: its inputs and whatever its subgraphs take from outside. */
export function readsOf(node: Node): string[] {
  const names = node.inputs.filter((name) => name !== '');
  for (const attribute of Object.values(node.attributes)) {
    if ('graph' in attribute) names.push(...freeNames(attribute.graph));
  }
  return names;
}

/** Names that a subgraph uses and does not define. */
export function freeNames(graph: Graph): string[] {
  const own = new Set([
    ...graph.inputs.map((i) => i.name),
    ...graph.weights.keys(),
    ...graph.nodes.flatMap((n) => n.outputs),
  ]);
  return [...graph.nodes.flatMap(readsOf), ...graph.outputs].filter((name) => !own.has(name));
}

/** The node that makes each value. */
export function producers(graph: Graph): ReadonlyMap<string, Node> {
  const map = new Map<string, Node>();
  for (const node of graph.nodes) for (const name of node.outputs) if (name !== '') map.set(name, node);
  return map;
}

/** Every value name: inputs, weights, results of nodes. */
export function* valueNames(graph: Graph): Iterable<string> {
  for (const input of graph.inputs) yield input.name;
  yield* graph.weights.keys();
  for (const node of graph.nodes) for (const name of node.outputs) if (name !== '') yield name;
}

/** Values that `targets` depend on, themselves included. */
export function ancestors(graph: Graph, targets: Iterable<string>): Set<string> {
  const needed = new Set(targets);
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    if (node.outputs.some((name) => needed.has(name))) for (const name of readsOf(node)) needed.add(name);
  }
  return needed;
}
