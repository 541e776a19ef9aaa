/** @file What every graph must satisfy: names are unique, and nothing is read before it is made. */
import { GraphError } from '../core/errors.ts';
import type { Graph } from './types.ts';
import { readsOf } from './uses.ts';

/** @throws GraphError `graph.broken` naming the value that is defined twice, missing, or read too early. */
export function checkGraph(graph: Graph): void {
  const known = new Set<string>();
  const define = (name: string) => {
    if (known.has(name)) throw broken(name, `"${name}" is defined twice`);
    known.add(name);
  };
  for (const input of graph.inputs) define(input.name);
  for (const name of graph.weights.keys()) define(name);
  for (const node of graph.nodes) {
    for (const name of readsOf(node)) {
      if (!known.has(name)) {
        const reader = `${node.op} "${node.outputs[0] ?? ''}"`;
        throw broken(name, `${reader} reads "${name}", which nothing before it makes`);
      }
    }
    for (const name of node.outputs) if (name !== '') define(name);
  }
  for (const name of graph.outputs) {
    if (!known.has(name)) throw broken(name, `the output "${name}" is made by no node`);
  }
}

const broken = (where: string, message: string) =>
  new GraphError('graph.broken', message, {
    where,
    hint: 'the graph contradicts itself: a rewrite or the file it came from is faulty',
  });
