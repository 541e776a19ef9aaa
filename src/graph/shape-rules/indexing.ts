/** @file Shapes of operators that look up, scatter, sort, count and generate. */
import { intAttribute } from '../attributes.ts';
import { positiveAxis, subtractDims } from '../dims.ts';
import { equationOf, letterSizes } from '../einsum.ts';
import { dtypeOfNumber } from '../onnx-values.ts';
import type { Dim } from '../types.ts';
import { badShape, type ShapeContext, type ShapeRule, unknownShape } from './rule.ts';

const keep = (c: ShapeContext, shape: readonly Dim[]) => [{ dtype: c.type(0).dtype, shape }];
const same: ShapeRule = (c) => [c.type(0)];

const einsum: ShapeRule = (c) => {
  const shapes = c.node.inputs.map((_, i) => c.type(i).shape);
  const equation = equationOf(
    c.node,
    shapes.map((shape) => shape.length),
  );
  const sizes = letterSizes(equation, shapes);
  if (!sizes) throw badShape(c.node, 'two axes of one letter differ in size');
  return keep(
    c,
    equation.result.map((letter) => sizes.get(letter)!),
  );
};

export const indexingShapes: Readonly<Record<string, ShapeRule>> = {
  Einsum: einsum,
  Gather: (c) => {
    const [data, indices] = [c.type(0).shape, c.type(1).shape];
    const axis = positiveAxis(intAttribute(c.node, 'axis', 0), data.length);
    return keep(c, [...data.slice(0, axis), ...indices, ...data.slice(axis + 1)]);
  },
  GatherElements: (c) => keep(c, c.type(1).shape),
  GatherND: (c) => {
    const [data, indices] = [c.type(0).shape, c.type(1).shape];
    const depth = indices.at(-1);
    const batch = intAttribute(c.node, 'batch_dims', 0);
    if (typeof depth !== 'number') throw badShape(c.node, 'the last axis of the indices must be known');
    return keep(c, [...indices.slice(0, -1), ...data.slice(batch + depth)]);
  },
  ScatterElements: same,
  ScatterND: same,
  TopK: (c) => {
    const { dtype, shape } = c.type(0);
    const axis = positiveAxis(intAttribute(c.node, 'axis', -1), shape.length);
    const chosen = shape.map((d, i) => (i === axis ? (c.ints(1)?.[0] ?? c.unknown(axis)) : d));
    return [
      { dtype, shape: chosen },
      { dtype: 'int64', shape: chosen },
    ];
  },
  OneHot: (c) => {
    const { shape } = c.type(0);
    const axis = positiveAxis(intAttribute(c.node, 'axis', -1), shape.length + 1);
    const depth = c.ints(1)?.[0] ?? c.unknown(axis);
    return [{ dtype: c.type(2).dtype, shape: [...shape.slice(0, axis), depth, ...shape.slice(axis)] }];
  },
  NonZero: (c) => [{ dtype: 'int64', shape: [c.type(0).shape.length, c.unknown(1)] }],
  Shape: (c) => {
    const rank = c.type(0).shape.length;
    const start = positiveAxis(intAttribute(c.node, 'start', 0), rank);
    const end = positiveAxis(intAttribute(c.node, 'end', rank), rank);
    return [{ dtype: 'int64', shape: [Math.max(0, Math.min(end, rank) - start)] }];
  },
  Size: () => [{ dtype: 'int64', shape: [] }],
  ConstantOfShape: (c) => {
    const value = c.node.attributes.value;
    const dtype = value && 'tensor' in value ? value.tensor.dtype : 'float32';
    const length = c.type(0).shape[0];
    if (typeof length !== 'number') throw badShape(c.node, 'the rank of the result cannot be known');
    return [{ dtype, shape: c.ints(0) ?? unknownShape(c, length) }];
  },
  EyeLike: (c) => [
    {
      ...c.type(0),
      ...(c.node.attributes.dtype
        ? { dtype: dtypeOfNumber(intAttribute(c.node, 'dtype', 1), c.node.outputs[0]!) }
        : {}),
    },
  ],
  Range: (c) => {
    const [start, limit, delta] = [c.ints(0)?.[0], c.ints(1)?.[0], c.ints(2)?.[0]];
    const known = start !== undefined && limit !== undefined && delta === 1;
    return keep(c, [known ? subtractDims(limit, start) : c.unknown(0)]);
  },
  Constant: (c) => {
    const value = c.node.attributes.value;
    if (!value || !('tensor' in value)) throw badShape(c.node, 'only tensor constants are known');
    return [{ dtype: value.tensor.dtype, shape: value.tensor.shape }];
  },
  Compress: (c) => keep(c, unknownShape(c, 'axis' in c.node.attributes ? c.type(0).shape.length : 1)),
};
