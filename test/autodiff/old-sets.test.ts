/** @file Derivatives of networks of older operator sets, run by onnxruntime's old kernels and differentiated as set 18. */
import { expect, test } from 'vitest';
import { f32, i64 } from '../../src/core/tensor.ts';
import type { Attribute } from '../../src/graph/types.ts';
import { type Case, limits, measure } from './support.ts';

const ints = (...values: number[]): Attribute => ({ ints: values });
const one = (
  op: string,
  shape: number[],
  attributes: Record<string, Attribute>,
  opset: number,
  draw?: Case['draw'],
): Case => ({
  inputs: { x: shape },
  opset,
  build: (b) => b.op(op, ['x'], attributes),
  ...(draw ? { draw } : {}),
});
const positive: Case['draw'] = (r) => 0.5 + r.uniform();

const cases: Record<string, Case> = {
  'ReduceSum with axes as attribute': one(
    'ReduceSum',
    [2, 3, 2],
    { axes: ints(1), keepdims: { int: 0 } },
    11,
  ),
  'ReduceMean with axes as attribute': one('ReduceMean', [2, 3, 2], { axes: ints(0, -1) }, 13),
  'ReduceL2 with axes as attribute': one('ReduceL2', [2, 3], { axes: ints(1) }, 17, positive),
  'Squeeze with axes as attribute': one('Squeeze', [2, 1, 3], { axes: ints(1) }, 11),
  'Unsqueeze with axes as attribute': one('Unsqueeze', [2, 3], { axes: ints(0, 3) }, 12),
  'Slice with attributes': one(
    'Slice',
    [4, 5],
    { starts: ints(1, -3), ends: ints(4, -1), axes: ints(0, 1) },
    9,
  ),
  'Softmax over flattened axes': one('Softmax', [2, 3, 2], { axis: { int: 1 } }, 11),
  'LogSoftmax over flattened axes': one('LogSoftmax', [2, 3, 2], { axis: { int: 0 } }, 12),
  'Clip with bounds as attributes': one(
    'Clip',
    [7],
    { min: { float: -0.8 }, max: { float: 0.8 } },
    10,
    (r) => 0.5 * Math.sign(r.normal()) + 0.2 * r.uniform(),
  ),
  'Pad with attributes': one('Pad', [2, 3], { pads: ints(0, 1, 1, 0), mode: { string: 'reflect' } }, 10),
  'Split with sizes as attribute': {
    inputs: { x: [2, 5] },
    opset: 11,
    build: (b) => {
      const [p, q] = b.ops('Split', ['x'], 2, { axis: { int: 1 }, split: ints(2, 3) });
      return b.op('Mul', [p!, b.op('ReduceMean', [q!], { axes: ints(1) })]);
    },
  },
  'Dropout in inference': one('Dropout', [2, 3], { ratio: { float: 0.5 } }, 10),
  'Upsample by an input': {
    inputs: { x: [1, 1, 2, 3] },
    opset: 9,
    dtype: 'float32',
    build: (b) =>
      b.op('Upsample', ['x', b.constant(f32([4], [1, 1, 2, 2]))], { mode: { string: 'nearest' } }),
  },
  'Upsample, linear': {
    inputs: { x: [1, 1, 2, 3] },
    opset: 9,
    dtype: 'float32',
    build: (b) => b.op('Upsample', ['x', b.constant(f32([4], [1, 1, 2, 2]))], { mode: { string: 'linear' } }),
  },
  'Resize of set 10': {
    inputs: { x: [1, 1, 3, 3] },
    opset: 10,
    dtype: 'float32',
    build: (b) =>
      b.op('Resize', ['x', b.constant(f32([4], [1, 1, 1.5, 2]))], { mode: { string: 'nearest' } }),
  },
  'BatchNormalization of set 9': {
    inputs: { x: [2, 3, 2], w: [3], v: [3], m: [3], s: [3] },
    opset: 9,
    draw: (r, name) => (name === 's' ? 0.5 + r.uniform() : r.normal()),
    build: (b) => b.op('BatchNormalization', ['x', 'w', 'v', 'm', 's'], { epsilon: { float: 1e-3 } }),
  },
  'Scatter, now ScatterElements': {
    inputs: { x: [2, 3], u: [2, 2] },
    fixed: { i: i64([2, 2], [1, 0, 0, 2]) },
    opset: 10,
    build: (b) => b.op('Scatter', ['x', 'i', 'u'], { axis: { int: 1 } }),
  },
  'a layer of set 11 end to end': {
    inputs: { x: [2, 2, 5], w: [3, 2, 3] },
    opset: 11,
    dtype: 'float32',
    build: (b) => {
      const mean = b.op('ReduceMean', [b.op('Sigmoid', [b.op('Conv', ['x', 'w'])])], {
        axes: ints(2),
        keepdims: { int: 0 },
      });
      return b.op('Softmax', [mean], { axis: { int: 1 } });
    },
  },
};

test.each(Object.entries(cases))('%s', async (_name, spec) => {
  const found = await measure(spec);
  const limit = limits[found.dtype];
  expect(found.gradient).toBeLessThan(limit.difference);
  expect(found.adjoint).toBeLessThan(limit.adjoint);
  expect(found.curvature).toBeLessThan(limit.difference);
});
