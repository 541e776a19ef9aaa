/** @file What a shape rule is given and gives. */
import { GraphError } from '../../core/errors.ts';
import type { DType } from '../../core/tensor.ts';
import { intsAttribute } from '../attributes.ts';
import type { Dim, Graph, Node } from '../types.ts';

/** Element type and symbolic shape of a value. */
export interface ValueType {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

export interface ShapeContext {
  readonly node: Node;
  /** Type of input `i`. */
  type(i: number): ValueType;
  /** Whether optional input `i` is there. */
  has(i: number): boolean;
  /** Content of an integer input when it is known (a constant, or made from shapes); scalars have length 1. */
  ints(i: number): readonly Dim[] | undefined;
  /** Content of a small floating-point constant. */
  numbers(i: number): readonly number[] | undefined;
  /** Types of the outputs of a subgraph whose inputs have these types. */
  inner(graph: Graph, inputs: readonly ValueType[]): ValueType[];
  /** A size that cannot be known before the run. */
  unknown(axis: number, output?: number): Dim;
}

/** Types of a node's outputs. */
export type ShapeRule = (c: ShapeContext) => ValueType[];

/** A shape that contradicts the operator. */
export const badShape = (node: Node, message: string): GraphError =>
  new GraphError('graph.shape', `${node.op} "${node.outputs[0] ?? ''}": ${message}`, {
    where: node.outputs[0],
  });

/** Numbers of an integer input, or undefined when some are symbolic or unknown. */
export function knownInts(c: ShapeContext, i: number): number[] | undefined {
  const values = c.has(i) ? c.ints(i) : undefined;
  return values?.every((v) => typeof v === 'number') ? [...(values as number[])] : undefined;
}

/** Axes given as attribute (older opsets) or as input `i`. `absent` when neither is there. */
export function axesOf(c: ShapeContext, i: number): number[] | 'absent' | 'unknown' {
  const attribute = intsAttribute(c.node, 'axes');
  if (attribute) return [...attribute];
  if (!c.has(i)) return 'absent';
  return knownInts(c, i) ?? 'unknown';
}

/** All-unknown shape of a given rank. */
export const unknownShape = (c: ShapeContext, rank: number): Dim[] =>
  Array.from({ length: rank }, (_, axis) => c.unknown(axis));
