/** @file Shapes of matrix products and normalisations. */
import { intAttribute } from '../attributes.ts';
import { broadcastDim, broadcastShapes, positiveAxis } from '../dims.ts';
import type { Dim } from '../types.ts';
import { badShape, type ShapeContext, type ShapeRule } from './rule.ts';

/** MatMul as numpy's: batch axes broadcast; a vector counts as a row (left) or a column (right). */
function matmul(c: ShapeContext, transA: boolean, transB: boolean): Dim[] {
  const { shape: a } = c.type(0);
  const { shape: b } = c.type(1);
  if (a.length === 0 || b.length === 0) throw badShape(c.node, 'a scalar has no matrix product');
  const left = a.length === 1 ? [1, ...a] : [...a];
  const right = b.length === 1 ? [...b, 1] : [...b];
  const [m, ka] = lastTwo(left, transA);
  const [kb, n] = lastTwo(right, transB);
  if (broadcastDim(ka, kb) === undefined || (ka === 1) !== (kb === 1)) {
    throw badShape(c.node, `inner sizes differ: [${a}] × [${b}]`);
  }
  const batch = broadcastShapes(left.slice(0, -2), right.slice(0, -2));
  if (!batch) throw badShape(c.node, `batch axes do not broadcast: [${a}] × [${b}]`);
  return [...batch, ...(a.length === 1 ? [] : [m]), ...(b.length === 1 ? [] : [n])];
}

function lastTwo(shape: readonly Dim[], transposed: boolean): [Dim, Dim] {
  const [x, y] = [shape.at(-2)!, shape.at(-1)!];
  return transposed ? [y, x] : [x, y];
}

/** Layer normalisations: output like the input, then mean and inverse deviation with normalised axes at 1. */
const normalisation: ShapeRule = (c) => {
  const x = c.type(0);
  const axis = positiveAxis(intAttribute(c.node, 'axis', -1), x.shape.length);
  const statistics = { dtype: 'float32' as const, shape: x.shape.map((d, i) => (i < axis ? d : 1)) };
  return [x, statistics, statistics];
};

export const linearShapes: Readonly<Record<string, ShapeRule>> = {
  MatMul: (c) => [{ dtype: c.type(0).dtype, shape: matmul(c, false, false) }],
  'com.microsoft:FusedMatMul': (c) => [
    {
      dtype: c.type(0).dtype,
      shape: matmul(c, intAttribute(c.node, 'transA', 0) === 1, intAttribute(c.node, 'transB', 0) === 1),
    },
  ],
  Gemm: (c) => {
    const [a, b] = [c.type(0).shape, c.type(1).shape];
    if (a.length !== 2 || b.length !== 2) throw badShape(c.node, `needs two matrices, got [${a}] and [${b}]`);
    const [m, ka] = lastTwo(a, intAttribute(c.node, 'transA', 0) === 1);
    const [kb, n] = lastTwo(b, intAttribute(c.node, 'transB', 0) === 1);
    if (broadcastDim(ka, kb) === undefined) throw badShape(c.node, `inner sizes differ: [${a}] × [${b}]`);
    return [{ dtype: c.type(0).dtype, shape: [m, n] }];
  },
  LayerNormalization: normalisation,
  RMSNormalization: normalisation,
  SimplifiedLayerNormalization: normalisation,
};
