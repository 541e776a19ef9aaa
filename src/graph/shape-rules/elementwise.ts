/** @file Shapes of elementwise operators. */
import { intAttribute } from '../attributes.ts';
import { broadcastShapes } from '../dims.ts';
import { dtypeOfNumber } from '../onnx-values.ts';
import type { Dim } from '../types.ts';
import { badShape, type ShapeContext, type ShapeRule } from './rule.ts';

const same: ShapeRule = (c) => [c.type(0)];
const sameAsBool: ShapeRule = (c) => [{ dtype: 'bool', shape: c.type(0).shape }];

/** Shape of several inputs broadcast together. */
function broadcastInputs(c: ShapeContext, from = 0): Dim[] {
  let shape: readonly Dim[] = c.type(from).shape;
  for (let i = from + 1; i < c.node.inputs.length; i++) {
    const joined = broadcastShapes(shape, c.type(i).shape);
    if (!joined) throw badShape(c.node, `cannot broadcast [${shape}] with [${c.type(i).shape}]`);
    shape = joined;
  }
  return [...shape];
}

const broadcast: ShapeRule = (c) => [{ dtype: c.type(0).dtype, shape: broadcastInputs(c) }];
const compare: ShapeRule = (c) => [{ dtype: 'bool', shape: broadcastInputs(c) }];

const all = (names: string, rule: ShapeRule) => Object.fromEntries(names.split(' ').map((n) => [n, rule]));

export const elementwiseShapes: Readonly<Record<string, ShapeRule>> = {
  ...all(
    'Identity Neg Abs Sign Exp Log Sqrt Reciprocal Tanh Sigmoid Erf Relu LeakyRelu Elu Selu Celu ' +
      'ThresholdedRelu HardSigmoid HardSwish Mish Softplus Softsign Shrink Gelu QuickGelu Silu Swish Sin Cos Tan ' +
      'Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Ceil Floor Round Clip Not Softmax LogSoftmax Hardmax ' +
      'CumSum Trilu LpNormalization BitwiseNot com.microsoft:Gelu com.microsoft:QuickGelu',
    same,
  ),
  ...all('IsNaN IsInf', sameAsBool),
  ...all(
    'Add Sub Mul Div Pow Mod Max Min Sum Mean And Or Xor PRelu BitwiseAnd BitwiseOr BitwiseXor BitShift',
    broadcast,
  ),
  ...all('Equal Less LessOrEqual Greater GreaterOrEqual', compare),
  Where: (c) => [{ dtype: c.type(1).dtype, shape: broadcastInputs(c) }],
  Cast: (c) => [
    { dtype: dtypeOfNumber(intAttribute(c.node, 'to', 0), c.node.outputs[0]!), shape: c.type(0).shape },
  ],
  CastLike: (c) => [{ dtype: c.type(1).dtype, shape: c.type(0).shape }],
  Dropout: (c) => [c.type(0), { dtype: 'bool', shape: c.type(0).shape }],
};
