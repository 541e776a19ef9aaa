/** @file Several graphs as one: values get a prefix each, so that nothing clashes, and shared inputs stay one. */
import { GraphError } from '../core/errors.ts';
import type { Graph, GraphInput, Node } from './types.ts';
import { renameReads, valueNames } from './uses.ts';

/** The graph with `prefix` before every value but those of `keep`; outputs are renamed with them. */
export function prefixed(graph: Graph, prefix: string, keep: ReadonlySet<string>): Graph {
  const names = new Map(
    [...valueNames(graph)].filter((name) => !keep.has(name)).map((name) => [name, `${prefix}${name}`]),
  );
  return renamed(graph, names);
}

/** The graph with some of its values called otherwise. */
export function renamed(graph: Graph, names: ReadonlyMap<string, string>): Graph {
  const to = (name: string) => names.get(name) ?? name;
  const named = <T extends GraphInput>(input: T): T => ({ ...input, name: to(input.name) });
  return {
    ...graph,
    inputs: graph.inputs.map(named),
    outputs: graph.outputs.map(to),
    nodes: graph.nodes.map((node): Node => ({ ...renameReads(node, names), outputs: node.outputs.map(to) })),
    weights: new Map([...graph.weights].map(([name, weight]) => [to(name), weight])),
    ...(graph.frozen ? { frozen: graph.frozen.map(to) } : {}),
    ...(graph.declared ? { declared: graph.declared.map(named) } : {}),
  };
}

/**
 * Graphs one after the other as one, with the outputs of all: an input that two of them have is one input, and an input that
 * an earlier graph computes is what that one computes.
 * @throws GraphError `graph.name-taken` when two of them compute a value of the same name
 */
export function merged(graphs: readonly [Graph, ...Graph[]]): Graph {
  const made = new Set<string>();
  const inputs = new Map<string, GraphInput>();
  const weights = new Map<string, NonNullable<ReturnType<Graph['weights']['get']>>>();
  for (const graph of graphs) {
    for (const input of graph.inputs) if (!made.has(input.name)) inputs.set(input.name, input);
    const own = [...graph.nodes.flatMap((node) => node.outputs), ...graph.weights.keys()];
    for (const name of own) {
      if (name === '') continue;
      if (made.has(name) || inputs.has(name)) {
        throw new GraphError('graph.name-taken', `two graphs that were put together have a value "${name}"`, {
          where: name,
          hint: 'give the values of one of them a prefix first',
        });
      }
      made.add(name);
    }
    for (const [name, weight] of graph.weights) weights.set(name, weight);
  }
  const frozen = graphs.flatMap((graph) => graph.frozen ?? []);
  return {
    ...graphs[0],
    inputs: [...inputs.values()],
    outputs: [...new Set(graphs.flatMap((graph) => graph.outputs))],
    nodes: graphs.flatMap((graph) => graph.nodes),
    weights,
    ...(frozen.length > 0 ? { frozen } : {}),
  };
}
