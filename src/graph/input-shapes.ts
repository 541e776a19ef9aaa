/** @file A graph with the shapes of its inputs filled in: what is known of its values grows with it. */
import { type Dim, type Graph, type GraphInput, isCarried } from './types.ts';

/**
 * The graph in which the inputs named in `shapes` have those sizes, and dims of the same name elsewhere too. For
 * what needs to know lengths before the run: unrolled loops, derivatives of free-form networks.
 */
export function withInputShapes(graph: Graph, shapes: Readonly<Record<string, readonly number[]>>): Graph {
  const sizes = new Map<Dim, number>();
  for (const input of graph.inputs) {
    const given = shapes[input.name];
    if (!given || isCarried(input)) continue;
    input.shape.forEach((dim, axis) => {
      if (typeof dim === 'string') sizes.set(dim, given[axis]!);
    });
  }
  const filled = (input: GraphInput): GraphInput =>
    isCarried(input) ? input : { ...input, shape: input.shape.map((dim) => sizes.get(dim) ?? dim) };
  return { ...graph, inputs: graph.inputs.map(filled) };
}
