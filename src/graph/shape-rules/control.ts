/** @file Shapes of control flow: branches that are chosen or agree, loops whose steps keep their shapes. */
import { intAttribute, intsAttribute } from '../attributes.ts';
import { positiveAxis } from '../dims.ts';
import type { Dim, Graph, Node } from '../types.ts';
import { badShape, type ShapeContext, type ShapeRule, type ValueType } from './rule.ts';

/** The subgraph under an attribute. @throws GraphError `graph.shape` when it is missing. */
export function subgraphOf(node: Node, name: string): Graph {
  const attribute = node.attributes[name];
  if (attribute && 'graph' in attribute) return attribute.graph;
  throw badShape(node, `the subgraph "${name}" is missing`);
}

/** One type for a value that comes from either of two places. */
function joined(c: ShapeContext, a: ValueType, b: ValueType, output: number): ValueType {
  if (a.dtype !== b.dtype || a.shape.length !== b.shape.length) {
    throw badShape(c.node, `result ${output} is [${a.shape}] in one case and [${b.shape}] in another`);
  }
  const shape = a.shape.map((d, axis) => (d === b.shape[axis] ? d : c.unknown(axis, output)));
  return { dtype: a.dtype, shape };
}

const branch: ShapeRule = (c) => {
  const condition = c.ints(0)?.[0];
  const names = condition === undefined ? ['then_branch', 'else_branch'] : [branchName(condition)];
  const found = names.map((name) => c.inner(subgraphOf(c.node, name), []));
  return found.reduce((a, b) => a.map((type, i) => joined(c, type, b[i]!, i)));
};

/** The branch that a known condition takes. */
export const branchName = (condition: Dim): string => (condition === 0 ? 'else_branch' : 'then_branch');

const loop: ShapeRule = (c) => {
  const body = subgraphOf(c.node, 'body');
  const carried = c.node.inputs.slice(2).map((_, i) => c.type(i + 2));
  const types = c.inner(body, [{ dtype: 'int64', shape: [] }, { dtype: 'bool', shape: [] }, ...carried]);
  const steps = c.has(0) ? c.ints(0)?.[0] : undefined;
  return c.node.outputs.map((_, i) => {
    const type = types[i + 1]!;
    if (i < carried.length) return joined(c, carried[i]!, type, i);
    return { dtype: type.dtype, shape: [steps ?? c.unknown(0, i), ...type.shape] };
  });
};

/** Which axis each scanned input and result runs along, how many values are carried, and which run backwards. */
export function scanPlan(node: Node, ranks: readonly number[]) {
  const scanned = intAttribute(node, 'num_scan_inputs', 1);
  const carried = node.inputs.length - scanned;
  const results = node.outputs.length - carried;
  const list = (name: string, length: number) => intsAttribute(node, name) ?? Array<number>(length).fill(0);
  return {
    carried,
    axes: list('scan_input_axes', scanned).map((a, i) => positiveAxis(a, ranks[carried + i]!)),
    backward: list('scan_input_directions', scanned).map((d) => d === 1),
    resultAxes: list('scan_output_axes', results),
    resultBackward: list('scan_output_directions', results).map((d) => d === 1),
  };
}

const scan: ShapeRule = (c) => {
  const inputs = c.node.inputs.map((_, i) => c.type(i));
  const plan = scanPlan(
    c.node,
    inputs.map(({ shape }) => shape.length),
  );
  const bound = inputs.map((type, i) => {
    const axis = plan.axes[i - plan.carried];
    return axis === undefined ? type : { ...type, shape: type.shape.filter((_, a) => a !== axis) };
  });
  const steps = inputs[plan.carried]!.shape[plan.axes[0]!]!;
  return c.inner(subgraphOf(c.node, 'body'), bound).map((type, i) => {
    if (i < plan.carried) return joined(c, inputs[i]!, type, i);
    const axis = positiveAxis(plan.resultAxes[i - plan.carried]!, type.shape.length + 1);
    return { dtype: type.dtype, shape: [...type.shape.slice(0, axis), steps, ...type.shape.slice(axis)] };
  });
};

export const controlShapes: Readonly<Record<string, ShapeRule>> = { If: branch, Loop: loop, Scan: scan };
