/** @file Interventions on a value, Graph → Graph: replace, add, scale, project out, splice, for some examples and positions. */
import { GraphError } from '../core/errors.ts';
import { type DType, emptyArray, type Tensor, tensor } from '../core/tensor.ts';
import type { GraphBuilder } from './build.ts';
import { checkGraph } from './check-graph.ts';
import { broadcastShapes } from './dims.ts';
import { type Module, replaceAt, requireValues, standingAt } from './interventions.ts';
import { onnxType } from './onnx-values.ts';
import { orthonormalRows } from './orthonormal.ts';
import { inferKnown, type ValueType } from './shapes.ts';
import type { Dim, Graph } from './types.ts';

/**
 * What an intervention is given: numbers that stay in the graph, a value of the graph, or an input that every run
 * feeds (of the site's type unless `shape` says otherwise). It broadcasts to the site.
 */
export type Operand =
  | number
  | Tensor
  | { readonly value: string }
  | { readonly input: string; readonly shape?: readonly Dim[] };

/** A choice: a bool tensor that stays in the graph, or the name of a bool input that every run feeds. */
export type Mask = Tensor<'bool'> | { readonly input: string };

/** Where an intervention acts; everywhere when nothing is said. */
export interface Region {
  /** Which examples: [batch]. */
  readonly examples?: Mask;
  /** Which positions: [position]. */
  readonly positions?: Mask;
  /** The site's axis that counts positions; 1 by default. */
  readonly positionAxis?: number;
  /** Any other choice of elements: a mask that broadcasts to the site. */
  readonly elements?: Mask;
}

/** The value becomes `by`. */
export const replaceValue = (graph: Graph, site: string, by: Operand, where: Region = {}): Graph =>
  intervene(graph, site, where, (b, x, type) => likeSite(b, operand(b, by, site, type), x, type));

/** The value becomes x + δ. */
export const addValue = (graph: Graph, site: string, delta: Operand, where: Region = {}): Graph =>
  intervene(graph, site, where, (b, x, type) => b.op('Add', [x, operand(b, delta, site, type)]));

/** The value becomes factor ∘ x. */
export const scaleValue = (graph: Graph, site: string, factor: Operand, where: Region = {}): Graph =>
  intervene(graph, site, where, (b, x, type) => b.op('Mul', [x, operand(b, factor, site, type)]));

/**
 * Takes directions out of the last axis: x − x·Qᵀ·Q, where the rows of Q [directions, width] are an orthonormal basis
 * of the span of the rows given. A tensor is made orthonormal here (rows that depend on others vanish); an input has to
 * be so already.
 */
export function projectOut(
  graph: Graph,
  site: string,
  directions: Tensor<'float32'> | Tensor<'float64'> | { readonly input: string },
  where: Region = {},
): Graph {
  return intervene(graph, site, where, (b, x, type) => {
    const width = type.shape.at(-1) ?? 1;
    const Q =
      'input' in directions
        ? b.input(directions.input, type.dtype, [`?${directions.input}.0`, width])
        : b.constant(constantOf(type.dtype, orthonormalRows(directions, site)), 'directions');
    const transposed = b.op('Transpose', [Q], { perm: { ints: [1, 0] } });
    return b.op('Sub', [x, b.op('MatMul', [b.op('MatMul', [x, transposed]), Q])]);
  });
}

/** The value becomes what `module` makes of it. */
export const splice = (graph: Graph, site: string, module: Module, where: Region = {}): Graph =>
  intervene(graph, site, where, (b, x) => module(b, x));

/**
 * The value at `to` becomes what `module` makes of the value that stands at `from`, which has to come before it:
 * a transcoder in place of a layer.
 */
export const spliceAcross = (
  graph: Graph,
  from: string,
  to: string,
  module: Module,
  where: Region = {},
): Graph => {
  requireValues(graph, [from]);
  const source = standingAt(graph, from);
  return intervene(graph, to, where, (b) => module(b, source));
};

function intervene(
  graph: Graph,
  site: string,
  where: Region,
  change: (b: GraphBuilder, x: string, type: ValueType) => string,
): Graph {
  requireValues(graph, [site]);
  const type = typeOf(graph, site);
  const made = replaceAt(graph, site, (b, x) => {
    const changed = change(b, x, type);
    const mask = maskOf(b, where, type);
    return mask === undefined ? changed : b.op('Where', [mask, changed, x]);
  });
  // A module or operand may have taken a value that comes after the site.
  checkGraph(made);
  return made;
}

function typeOf(graph: Graph, site: string): ValueType {
  const type = inferKnown(graph).get(site);
  if (type) return type;
  throw new GraphError('graph.no-shape-rule', `the type of "${site}" is not known`, {
    where: site,
    hint: 'intervene at a value whose shape can be inferred, or use replaceAt, which asks for no shape',
  });
}

/** The operand as a value that broadcasts to the site. */
function operand(b: GraphBuilder, given: Operand, site: string, type: ValueType): string {
  if (typeof given === 'number') return b.constant(filled(type.dtype, given));
  if ('value' in given) return given.value;
  if ('input' in given)
    return b.input(given.input, type.dtype, fitting(site, type, given.shape ?? type.shape));
  fitting(site, type, given.shape);
  return b.constant(constantOf(type.dtype, given));
}

/** @throws GraphError `graph.shape` when `shape` does not broadcast to the site's */
function fitting(site: string, { shape: own }: ValueType, shape: readonly Dim[]): readonly Dim[] {
  const together = broadcastShapes(own, shape);
  // A named size of the site may turn out to be the number given: the run will tell.
  const fits =
    together?.length === own.length && own.every((d, i) => typeof d === 'string' || together[i] === d);
  if (fits) return shape;
  throw new GraphError('graph.shape', `[${shape}] does not broadcast to "${site}" [${own}]`, { where: site });
}

/** `value` in the full shape of the site. */
function likeSite(b: GraphBuilder, value: string, x: string, type: ValueType): string {
  return type.shape.length === 0 ? value : b.op('Expand', [value, b.op('Shape', [x])]);
}

function maskOf(b: GraphBuilder, where: Region, { shape }: ValueType): string | undefined {
  const along = (mask: Mask | undefined, axis: number): string[] => {
    if (!mask) return [];
    const value =
      'input' in mask ? b.input(mask.input, 'bool', [shape[axis] ?? '?']) : b.constant(mask, 'mask');
    const others = shape.map((_, i) => i).filter((i) => i !== axis);
    return [others.length === 0 ? value : b.op('Unsqueeze', [value, b.ints(...others)])];
  };
  const elements = where.elements;
  const masks = [
    ...along(where.examples, 0),
    ...along(where.positions, where.positionAxis ?? 1),
    ...(elements === undefined
      ? []
      : ['input' in elements ? b.input(elements.input, 'bool', shape) : b.constant(elements, 'mask')]),
  ];
  return masks.length === 0 ? undefined : masks.reduce((a, m) => b.op('And', [a, m]));
}

function filled(dtype: DType, value: number): Tensor {
  const data = emptyArray(dtype, 1);
  data[0] = dtype === 'int64' ? BigInt(value) : value;
  return tensor(dtype, [], data);
}

/** Numbers in the site's element type. */
function constantOf(dtype: DType, given: Tensor): Tensor {
  if (given.dtype === dtype) return given;
  if (onnxType[dtype] === undefined || (dtype !== 'float32' && dtype !== 'float64')) {
    throw new GraphError('graph.dtype', `a ${given.dtype} tensor was given where the site is ${dtype}`, {
      hint: `give a ${dtype} tensor`,
    });
  }
  const data = emptyArray(dtype, given.data.length);
  for (let i = 0; i < data.length; i++) data[i] = Number(given.data[i]);
  return tensor(dtype, given.shape, data);
}
