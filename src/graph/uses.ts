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

/** The node reading other values in place of those named, also where its subgraphs take them from outside. */
export function renameReads(node: Node, names: ReadonlyMap<string, string>): Node {
  const inputs = node.inputs.map((name) => names.get(name) ?? name);
  const attributes = Object.fromEntries(
    Object.entries(node.attributes).map(([key, attribute]) => {
      if (!('graph' in attribute)) return [key, attribute];
      const inner = attribute.graph;
      const taken = new Map(
        freeNames(inner).flatMap((name): [string, string][] =>
          names.has(name) ? [[name, names.get(name)!]] : [],
        ),
      );
      if (taken.size === 0) return [key, attribute];
      const nodes = inner.nodes.map((n) => renameReads(n, taken));
      const outputs = inner.outputs.map((name) => taken.get(name) ?? name);
      return [key, { graph: { ...inner, nodes, outputs } }];
    }),
  );
  return { ...node, inputs, attributes };
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
