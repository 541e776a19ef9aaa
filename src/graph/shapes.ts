/** @file Symbolic shape inference: element type and shape of every value, before anything runs. */
import { GraphError } from '../core/errors.ts';
import { intsOfNode, intsOfWeight, numbersOfWeight } from './known-ints.ts';
import { controlShapes } from './shape-rules/control.ts';
import { elementwiseShapes } from './shape-rules/elementwise.ts';
import { fusedShapes, recurrentShapes } from './shape-rules/fused.ts';
import { indexingShapes } from './shape-rules/indexing.ts';
import { linearShapes } from './shape-rules/linear.ts';
import { movementShapes } from './shape-rules/movement.ts';
import { quantisedShapes } from './shape-rules/quantised.ts';
import { reductionShapes } from './shape-rules/reduction.ts';
import { badShape, type ShapeContext, type ShapeRule, type ValueType } from './shape-rules/rule.ts';
import { windowShapes } from './shape-rules/window.ts';
import { type Dim, type Graph, isCarried, type Node } from './types.ts';

export type { ValueType } from './shape-rules/rule.ts';

/** Rules by operator; operators of another domain are named `domain:Operator`. */
const rules: Readonly<Record<string, ShapeRule>> = {
  ...elementwiseShapes,
  ...linearShapes,
  ...movementShapes,
  ...reductionShapes,
  ...indexingShapes,
  ...fusedShapes,
  ...recurrentShapes,
  ...quantisedShapes,
  ...windowShapes,
  ...controlShapes,
};

/** What inference knows while it goes through a graph; a builder may go on with it node by node. */
export interface ShapeState {
  readonly types: Map<string, ValueType>;
  /** Contents of integer values, where known. */
  readonly ints: Map<string, readonly Dim[]>;
  /** Contents of small floating-point constants. */
  readonly numbers: Map<string, readonly number[]>;
  /** Why the type of a value cannot be known. */
  readonly unknown: Map<string, GraphError>;
}

/**
 * Types of all values. Sizes are numbers, the names that inputs use, sums and products of those
 * (`batch*position`), or `?value.axis` where only the run can tell.
 * @throws GraphError `graph.no-shape-rule` for an operator without a rule, `graph.shape` for shapes that
 * cannot go together.
 */
export function inferShapes(graph: Graph): ReadonlyMap<string, ValueType> {
  const { types, unknown } = inferState(graph);
  for (const error of unknown.values()) throw error;
  return types;
}

/**
 * Types of those values whose types can be known: operators without a rule, or fed with something unknown, are
 * passed over. For looking at a network that nobody means to differentiate.
 */
export const inferKnown = (graph: Graph): ReadonlyMap<string, ValueType> => inferState(graph).types;

/** Types, integers and small constants of all values that can be known, and why the others cannot. */
export function inferState(graph: Graph): ShapeState {
  const state: ShapeState = { types: new Map(), ints: new Map(), numbers: new Map(), unknown: new Map() };
  for (const input of graph.inputs) {
    if (!isCarried(input)) state.types.set(input.name, { dtype: input.dtype, shape: input.shape });
  }
  for (const [name, weight] of graph.weights) inferWeight(state, name, weight);
  for (const node of graph.nodes) {
    try {
      inferNode(state, node);
    } catch (error) {
      if (!(error instanceof GraphError)) throw error;
      for (const name of node.outputs) state.unknown.set(name, error);
    }
  }
  return state;
}

/** Adds a weight to the state. */
export function inferWeight(
  state: ShapeState,
  name: string,
  weight: Parameters<typeof intsOfWeight>[0],
): void {
  state.types.set(name, { dtype: weight.dtype, shape: weight.shape });
  const ints = intsOfWeight(weight);
  if (ints) state.ints.set(name, ints);
  const numbers = numbersOfWeight(weight);
  if (numbers) state.numbers.set(name, numbers);
}

/** Adds a node's outputs to the state. */
export function inferNode(state: ShapeState, node: Node): void {
  const key = node.domain === '' ? node.op : `${node.domain}:${node.op}`;
  const rule = rules[key];
  if (!rule) {
    throw new GraphError('graph.no-shape-rule', `the shape of ${key} "${node.outputs[0]}" is not known`, {
      where: node.outputs[0],
      hint: 'simplify the model on export, or add a rule in src/graph/shape-rules/',
    });
  }
  const context = shapeContext(state, node);
  const types = rule(context);
  node.outputs.forEach((name, i) => {
    if (name !== '' && types[i]) state.types.set(name, types[i]);
  });
  const [first] = node.outputs;
  if (first && types[0] && types[0].shape.length <= 1 && isInteger(types[0])) {
    const ints = intsOfNode(context);
    if (ints) state.ints.set(first, ints);
  }
}

const isInteger = ({ dtype }: ValueType) => dtype === 'int64' || dtype === 'int32' || dtype === 'bool';

function shapeContext(state: ShapeState, node: Node): ShapeContext {
  return {
    node,
    type(i) {
      const name = node.inputs[i];
      const type = name === undefined ? undefined : state.types.get(name);
      if (!type) {
        throw state.unknown.get(name ?? '') ?? badShape(node, `input ${i} ("${name ?? ''}") is missing`);
      }
      return type;
    },
    has: (i) => (node.inputs[i] ?? '') !== '',
    ints: (i) => state.ints.get(node.inputs[i] ?? ''),
    numbers: (i) => state.numbers.get(node.inputs[i] ?? ''),
    inner: (graph, inputs) => inferInner(state, graph, inputs),
    unknown: (axis, output = 0) => `?${node.outputs[output] ?? ''}.${axis}`,
  };
}

/** Types of a subgraph's outputs; it sees the values around it. */
function inferInner(state: ShapeState, graph: Graph, inputs: readonly ValueType[]): ValueType[] {
  const own: ShapeState = {
    types: new Map(state.types),
    ints: new Map(state.ints),
    numbers: new Map(state.numbers),
    unknown: new Map(state.unknown),
  };
  graph.inputs.forEach(({ name }, i) => {
    if (inputs[i]) own.types.set(name, inputs[i]);
  });
  for (const [name, weight] of graph.weights) inferWeight(own, name, weight);
  for (const node of graph.nodes) inferNode(own, node);
  return graph.outputs.map((name) => own.types.get(name)!);
}
