/** @file Gradients at many points of a straight line in one run: integrated gradients (Sundararajan et al. 2017, §3). */
import { GraphError } from '../core/errors.ts';
import { type GraphBuilder, graphBuilder } from '../graph/build.ts';
import { feedAt, only } from '../graph/interventions.ts';
import { inferKnown } from '../graph/shapes.ts';
import { type Graph, isCarried } from '../graph/types.ts';
import { renameReads } from '../graph/uses.ts';
import { type VjpOptions, vjp } from './vjp.ts';

export interface LineOptions extends Pick<VjpOptions, 'of' | 'stop' | 'rules'> {
  /** The value that moves from one state to the other; its first axis is the batch. */
  readonly at: string;
}

/** Names of the inputs and outputs that lineGradients adds. */
export const lineNames = (at: string) => ({
  /** State at α = 0 and α = 1, of the shape of `at`. */
  from: `from:${at}`,
  to: `to:${at}`,
  /** α of every point, [points], and weights of every quadrature, [rules, points]. */
  points: 'line:points',
  weights: 'line:weights',
  /** Σ_j w_j ∂of/∂at at point j, [rules, batch, …]. */
  mean: `mean:grad:${at}`,
  /** ∂of/∂at at every point, [points, batch, …]. */
  each: `points:grad:${at}`,
});

/**
 * A graph that differentiates `of` (one number per example) at all points x_α = (1 − α)·from + α·to of the line at
 * once: points and examples lie behind each other in the batch, and what else the graph is fed per example is
 * repeated inside. The run starts at `at`. Integrated gradients are mean ∘ (to − from).
 * @throws GraphError `graph.shape` when the batch of `at` has no name, and what vjp throws
 */
export function lineGradients(graph: Graph, { of, at, ...options }: LineOptions): Graph {
  const batch = inferKnown(graph).get(at)?.shape[0];
  const cut = feedAt(graph, [at]);
  const inner = only(vjp(cut, { of, wrt: [at], ...options }), [`grad:${at}`]);
  if (typeof batch !== 'string') {
    throw new GraphError('graph.shape', `the first axis of "${at}" is ${batch ?? 'not known'}, not a batch`, {
      where: at,
      hint: 'points of the line are laid along the batch: build the graph with a named first axis',
    });
  }
  const names = lineNames(at);
  const fed = inner.inputs.filter((input) => !isCarried(input) && input.shape[0] === batch);
  const moving = cut.inputs.find((input) => input.name === at);
  if (!moving || isCarried(moving)) throw new GraphError('graph.broken', `"${at}" is not fed`, { where: at });
  const { dtype, shape } = moving;

  const b = graphBuilder({ ...inner, inputs: inner.inputs.filter(({ name }) => name !== at), nodes: [] });
  for (const node of inner.nodes) for (const name of node.outputs) if (name !== '') b.reserve(name);
  b.input(names.from, dtype, shape);
  b.input(names.to, dtype, shape);
  b.input(names.points, dtype, ['points']);
  b.input(names.weights, dtype, ['rules', 'points']);
  const axes = shape.map((_, i) => i + 1);
  const alpha = b.op('Unsqueeze', [names.points, b.ints(...axes)]);
  const change = b.op('Mul', [alpha, b.op('Sub', [names.to, names.from])]);
  const renamed = new Map<string, string>();
  if (inner.inputs.some(({ name }) => name === at)) {
    renamed.set(at, flat(b, b.op('Add', [names.from, change])));
  }
  for (const { name } of fed) {
    if (name !== at) renamed.set(name, repeated(b, name, names.points));
  }
  const head = b.finish([]);
  const body = { ...head, nodes: [...head.nodes, ...inner.nodes.map((node) => renameReads(node, renamed))] };
  const e = graphBuilder(body);
  const gradient = `grad:${at}`;
  const count = e.op('Shape', [names.points]);
  const perExample = e.op('Shape', [names.from]);
  const each = e.op(
    'Reshape',
    [gradient, e.op('Concat', [count, perExample], { axis: { int: 0 } })],
    {},
    names.each,
  );
  const rows = e.op('Reshape', [each, e.ints(0, -1)]);
  const means = e.op('MatMul', [names.weights, rows]);
  const rules = e.op('Shape', [names.weights], { end: { int: 1 } });
  e.op('Reshape', [means, e.op('Concat', [rules, perExample], { axis: { int: 0 } })], {}, names.mean);
  return e.finish([names.mean, names.each]);
}

/** [points, batch, …] → [points · batch, …]. */
const flat = (b: GraphBuilder, value: string): string => {
  const rest = b.op('Shape', [value], { start: { int: 2 } });
  return b.op('Reshape', [value, b.op('Concat', [b.ints(-1), rest], { axis: { int: 0 } })]);
};

/** [batch, …] behind itself once per point. */
function repeated(b: GraphBuilder, value: string, points: string): string {
  const size = b.op('Concat', [b.op('Shape', [points]), b.op('Shape', [value])], { axis: { int: 0 } });
  return flat(b, b.op('Expand', [value, size]));
}
