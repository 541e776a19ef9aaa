/** @file What a run is given, checked against the graph before onnxruntime sees it. */
import { nearestNames, RuntimeError } from '../core/errors.ts';
import { sizeOf, type Tensor } from '../core/tensor.ts';
import { type Dim, type Graph, type GraphInput, isCarried, type ValueInfo } from '../graph/types.ts';

/**
 * Throws unless `feeds` hold every input, nothing else, in the right types and shapes, and dims of equal
 * name agree.
 */
export function checkFeeds(
  graph: Graph,
  feeds: Readonly<Record<string, Tensor>>,
  into: Readonly<Record<string, Tensor>>,
): void {
  const sizes = new Map<string, { size: number; input: string }>();
  for (const input of graph.inputs) {
    const feed = feeds[input.name];
    if (!feed) {
      throw new RuntimeError('runtime.missing-input', `the run needs "${input.name}", which was not given`, {
        where: input.name,
        hint: `give ${describe(input)}`,
      });
    }
    if (!isCarried(input)) checkTensor(input, feed, sizes);
  }
  if (Object.keys(feeds).length > graph.inputs.length) {
    const names = graph.inputs.map((i) => i.name);
    const extra = Object.keys(feeds).find((name) => !names.includes(name))!;
    throw new RuntimeError('runtime.unknown-input', `the graph has no input named "${extra}"`, {
      where: extra,
      hint: `its inputs are ${nearestNames(extra, names, 12).join(', ')}`,
    });
  }
  for (const name of Object.keys(into)) {
    if (graph.outputs.includes(name)) continue;
    throw new RuntimeError('runtime.unknown-output', `the graph has no output named "${name}"`, {
      where: name,
      hint: `its outputs are ${nearestNames(name, graph.outputs, 12).join(', ')}`,
    });
  }
}

function checkTensor(
  input: ValueInfo,
  feed: Tensor,
  sizes: Map<string, { size: number; input: string }>,
): void {
  if (feed.dtype !== input.dtype) {
    throw new RuntimeError('runtime.dtype', `"${input.name}" is ${feed.dtype}, expected ${input.dtype}`, {
      where: input.name,
      hint: `give ${describe(input)}`,
    });
  }
  if (feed.data.length !== sizeOf(feed.shape)) {
    throw wrongShape(input, feed, `its data hold ${feed.data.length} elements`);
  }
  if (feed.shape.length !== input.shape.length) throw wrongShape(input, feed, 'the rank differs');
  input.shape.forEach((dim: Dim, axis) => {
    const size = feed.shape[axis]!;
    if (typeof dim === 'number') {
      if (dim !== size) throw wrongShape(input, feed, `axis ${axis} must be ${dim}`);
      return;
    }
    // Composite sizes (`2*batch`) are left to onnxruntime.
    if (!/^\w+$/.test(dim)) return;
    const seen = sizes.get(dim);
    if (!seen) sizes.set(dim, { size, input: input.name });
    else if (seen.size !== size) {
      throw wrongShape(input, feed, `${dim} is ${seen.size} in "${seen.input}" and ${size} here`);
    }
  });
}

const describe = (input: GraphInput) =>
  isCarried(input) ? 'what the model asks for' : `a ${input.dtype} tensor [${input.shape.join(', ')}]`;

const wrongShape = (input: ValueInfo, feed: Tensor, why: string) =>
  new RuntimeError('runtime.shape', `"${input.name}" has the shape [${feed.shape.join(', ')}]: ${why}`, {
    where: input.name,
    hint: `give ${describe(input)}`,
  });
