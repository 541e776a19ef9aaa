/** @file Shapes of reductions. */
import { intAttribute } from '../attributes.ts';
import { positiveAxis } from '../dims.ts';
import type { Dim } from '../types.ts';
import { axesOf, badShape, type ShapeRule } from './rule.ts';

/** Axes reduced, or all; `noop_with_empty_axes` honoured. */
const reduce: ShapeRule = (c) => {
  const { dtype, shape } = c.type(0);
  const keepdims = intAttribute(c.node, 'keepdims', 1) === 1;
  const axes = axesOf(c, 1);
  if (axes === 'unknown') {
    if (!keepdims) throw badShape(c.node, 'axes known only at run time need keepdims');
    return [{ dtype, shape: shape.map((_, i) => c.unknown(i)) }];
  }
  const empty = axes === 'absent' || axes.length === 0;
  if (empty && intAttribute(c.node, 'noop_with_empty_axes', 0) === 1) return [{ dtype, shape }];
  const gone = new Set(
    empty ? shape.map((_, i) => i) : (axes as number[]).map((a) => positiveAxis(a, shape.length)),
  );
  return [{ dtype, shape: dropAxes(shape, gone, keepdims) }];
};

const argument: ShapeRule = (c) => {
  const { shape } = c.type(0);
  const axis = positiveAxis(intAttribute(c.node, 'axis', 0), shape.length);
  return [
    { dtype: 'int64', shape: dropAxes(shape, new Set([axis]), intAttribute(c.node, 'keepdims', 1) === 1) },
  ];
};

const dropAxes = (shape: readonly Dim[], gone: ReadonlySet<number>, keepdims: boolean): Dim[] =>
  keepdims ? shape.map((d, i) => (gone.has(i) ? 1 : d)) : shape.filter((_, i) => !gone.has(i));

export const reductionShapes: Readonly<Record<string, ShapeRule>> = {
  ...Object.fromEntries(
    'Sum Mean Max Min Prod L1 L2 LogSum LogSumExp SumSquare'
      .split(' ')
      .map((name) => [`Reduce${name}`, reduce]),
  ),
  ArgMax: argument,
  ArgMin: argument,
};
