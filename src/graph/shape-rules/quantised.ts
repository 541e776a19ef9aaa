/** @file Shapes of operators on whole numbers that stand for real ones: quantise, dequantise, integer products. */
import type { DType } from '../../core/tensor.ts';
import { intAttribute } from '../attributes.ts';
import { dtypeOfNumber } from '../onnx-values.ts';
import { linearShapes } from './linear.ts';
import type { ShapeContext, ShapeRule } from './rule.ts';
import { windowShapes } from './window.ts';

const zeroPointType = (c: ShapeContext, i: number): DType => {
  const given = intAttribute(c.node, 'output_dtype', 0);
  if (given !== 0) return dtypeOfNumber(given, c.node.outputs[0]!);
  return c.has(i) ? c.type(i).dtype : 'uint8';
};

/** The first result of `rule` with another element type. */
const typed =
  (rule: ShapeRule, dtype: (c: ShapeContext) => DType): ShapeRule =>
  (c) => [{ dtype: dtype(c), shape: rule(c)[0]!.shape }];

/** `c` as if its inputs `from` stood first. */
const reading = (c: ShapeContext, from: readonly number[]): ShapeContext => ({
  ...c,
  type: (i) => c.type(from[i]!),
  has: (i) => from[i] !== undefined && c.has(from[i]!),
  ints: (i) => c.ints(from[i]!),
});

const same: ShapeRule = (c) => [c.type(0)];

export const quantisedShapes: Readonly<Record<string, ShapeRule>> = {
  BitShift: same,
  BitwiseAnd: same,
  QuantizeLinear: (c) => [{ dtype: zeroPointType(c, 2), shape: c.type(0).shape }],
  DequantizeLinear: (c) => [{ dtype: c.type(1).dtype, shape: c.type(0).shape }],
  DynamicQuantizeLinear: (c) => [
    { dtype: 'uint8', shape: c.type(0).shape },
    { dtype: 'float32', shape: [] },
    { dtype: 'uint8', shape: [] },
  ],
  MatMulInteger: typed(linearShapes.MatMul!, () => 'int32'),
  ConvInteger: typed(windowShapes.Conv!, () => 'int32'),
  QLinearMatMul: (c) => typed(linearShapes.MatMul!, () => c.type(7).dtype)(reading(c, [0, 3])),
  QLinearConv: (c) => typed(windowShapes.Conv!, () => c.type(7).dtype)(reading(c, [0, 3])),
  'com.microsoft:DynamicQuantizeMatMul': typed(linearShapes.MatMul!, () => 'float32'),
  'com.microsoft:MatMulIntegerToFloat': typed(linearShapes.MatMul!, () => 'float32'),
};
