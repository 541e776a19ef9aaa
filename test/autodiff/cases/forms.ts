/** @file Short ways to write a case: one operator on one or two inputs, with constants, and where the inputs lie. */
import type { Random } from '../../../src/core/random.ts';
import { type DType, emptyArray, type Tensor, tensor } from '../../../src/core/tensor.ts';
import type { GraphBuilder } from '../../../src/graph/build.ts';
import type { Attribute } from '../../../src/graph/types.ts';
import type { Case, Float } from '../support.ts';

export type Cases = Readonly<Record<string, Readonly<Record<string, Case>>>>;

export type Attributes = Record<string, Attribute>;

export const positive = (r: Random) => 0.5 + r.uniform();
/** Away from the kinks at 0 and ±1. */
export const awayFromKinks = (r: Random) => (r.uniform() < 0.5 ? -1 : 1) * (0.2 + 0.6 * r.uniform());
/** No two numbers closer than the step of the differences. */
export const spread = () => {
  let count = 0;
  return (r: Random) => ((count++ * 7) % 24) / 6 - 2 + 0.02 * r.uniform();
};

export const scalar = (b: GraphBuilder, dtype: Float, value: number) => {
  const data = emptyArray(dtype, 1);
  data[0] = value;
  return b.constant(tensor(dtype, [], data) as Tensor);
};

/** y = op(x) with attributes, x of a shape. */
export const one = (op: string, attributes: Attributes = {}, draw?: Case['draw'], shape = [2, 3]): Case => ({
  inputs: { x: shape },
  build: (b) => b.op(op, ['x'], attributes),
  ...(draw ? { draw } : {}),
});
export const custom = (op: string, attributes: Attributes = {}): Case => ({
  inputs: { x: [2, 3] },
  build: (b) => b.ops(op, ['x'], 1, attributes, 'com.microsoft')[0]!,
});
/** y = op(x, constants…). */
export const withInts = (
  op: string,
  ints: number[][],
  attributes: Attributes = {},
  shape = [2, 3, 4],
): Case => ({
  inputs: { x: shape },
  build: (b) => b.op(op, ['x', ...ints.map((v) => b.ints(...v))], attributes),
});
export const two = (
  op: string,
  a: number[],
  b: number[],
  draw?: Case['draw'],
  attributes: Attributes = {},
): Case => ({
  inputs: { a, b },
  build: (g) => g.op(op, ['a', 'b'], attributes),
  ...(draw ? { draw } : {}),
});
export const norm = (op: string, bias: boolean, domain = ''): Case => ({
  inputs: { x: [2, 3, 4], w: [4], ...(bias ? { v: [4] } : {}) },
  build: (b) => b.ops(op, bias ? ['x', 'w', 'v'] : ['x', 'w'], 1, { epsilon: { float: 1e-5 } }, domain)[0]!,
});

/** A constant of a dtype from plain numbers. */
export const tensorOf = (dtype: DType, shape: readonly number[], values: readonly number[]): Tensor => {
  const data = emptyArray(dtype, values.length);
  for (const [i, value] of values.entries()) data[i] = dtype === 'int64' ? BigInt(value) : value;
  return tensor(dtype, shape, data);
};
