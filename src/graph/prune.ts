/** @file Pruning: keep only what the outputs need, so that a run goes no deeper than it must. */
import type { Graph } from './types.ts';
import { ancestors } from './uses.ts';

/** The graph without nodes, weights and inputs that its outputs do not need. */
export function prune(graph: Graph): Graph {
  const needed = ancestors(graph, graph.outputs);
  return {
    ...graph,
    inputs: graph.inputs.filter((input) => needed.has(input.name)),
    nodes: graph.nodes.filter((node) => node.outputs.some((name) => needed.has(name))),
    weights: new Map([...graph.weights].filter(([name]) => needed.has(name))),
  };
}
