/** @file Cases: convolutions and pools in one, two and three dimensions. */
import type { Attribute, Dim } from '../../../src/graph/types.ts';
import type { Case } from '../support.ts';
import { type Attributes, type Cases, one } from './forms.ts';

const ints = (...values: number[]): Attribute => ({ ints: values });

/** y = op(x, w, b) with named sizes of the image where `open`. */
const conv = (
  op: 'Conv' | 'ConvTranspose',
  x: number[],
  w: number[],
  attributes: Attributes = {},
  { bias = false, open = false }: { bias?: boolean; open?: boolean } = {},
): Case => {
  const group = attributes.group && 'int' in attributes.group ? attributes.group.int : 1;
  const channels = op === 'Conv' ? w[0]! : w[1]! * group;
  const names: Dim[] = ['n', x[1]!, 'h', 'v', 'd'].slice(0, x.length);
  return {
    inputs: { x, w, ...(bias ? { b: [channels] } : {}) },
    ...(open ? { dims: { x: names } } : {}),
    build: (b) => b.op(op, bias ? ['x', 'w', 'b'] : ['x', 'w'], attributes),
  };
};

/** Numbers at least 0.1 apart, in no order. */
const apart = () => {
  let count = 0;
  return () => ((count++ * 37) % 101) / 10 - 5;
};
const maxPool = (shape: number[], attributes: Attributes, open = false): Case => ({
  ...one('MaxPool', attributes, apart(), shape),
  ...(open ? { dims: { x: ['n', 'c', 'h', 'v'] } } : {}),
});
const pool = (op: string, shape: number[], attributes: Attributes, opset = 18): Case => ({
  ...one(op, attributes, op === 'LpPool' ? (r) => 0.5 + r.uniform() : undefined, shape),
  opset,
});

export const windowCases: Cases = {
  Conv: {
    '1-D': conv('Conv', [2, 3, 6], [2, 3, 3], {}, { bias: true }),
    '2-D, padded, strides': conv(
      'Conv',
      [2, 2, 6, 5],
      [3, 2, 3, 3],
      { strides: ints(2, 2), pads: ints(1, 0, 1, 1) },
      { bias: true },
    ),
    'strides that leave a rest': conv('Conv', [1, 1, 7, 8], [1, 1, 2, 2], { strides: ints(3, 3) }),
    dilations: conv('Conv', [1, 2, 7, 7], [2, 2, 3, 2], { dilations: ints(2, 3), pads: ints(1, 1, 1, 1) }),
    'dilations and strides that leave a rest': conv('Conv', [1, 1, 9, 8], [1, 1, 3, 2], {
      dilations: ints(2, 2),
      strides: ints(2, 3),
    }),
    groups: conv(
      'Conv',
      [2, 4, 5, 4],
      [6, 2, 3, 2],
      { group: { int: 2 }, strides: ints(2, 1) },
      { bias: true },
    ),
    depthwise: conv('Conv', [2, 3, 4, 4], [3, 1, 3, 3], { group: { int: 3 }, pads: ints(1, 1, 1, 1) }),
    'depthwise, two per channel': conv('Conv', [1, 2, 5], [4, 1, 3], { group: { int: 2 } }),
    '3-D': conv('Conv', [1, 2, 4, 3, 4], [2, 2, 2, 2, 3], { strides: ints(2, 1, 1) }),
    'same, upper': conv('Conv', [1, 1, 5, 6], [1, 1, 2, 4], {
      auto_pad: { string: 'SAME_UPPER' },
      strides: ints(2, 2),
    }),
    'same, lower': conv('Conv', [1, 1, 5, 6], [1, 1, 2, 4], {
      auto_pad: { string: 'SAME_LOWER' },
      strides: ints(2, 1),
    }),
    valid: conv('Conv', [1, 1, 5], [1, 1, 2], { auto_pad: { string: 'VALID' } }),
    'open sizes': conv(
      'Conv',
      [2, 2, 6, 5],
      [2, 2, 3, 3],
      { pads: ints(1, 1, 1, 1) },
      { open: true, bias: true },
    ),
    'open sizes, strides that leave a rest': conv(
      'Conv',
      [2, 2, 6, 7],
      [2, 2, 3, 2],
      { strides: ints(2, 3), pads: ints(1, 0, 0, 1) },
      { open: true },
    ),
    'open sizes, groups': conv(
      'Conv',
      [2, 4, 6, 7],
      [4, 2, 3, 2],
      { strides: ints(2, 3), group: { int: 2 } },
      { open: true },
    ),
    'same, open sizes': conv(
      'Conv',
      [1, 1, 5, 6],
      [1, 1, 2, 4],
      { auto_pad: { string: 'SAME_UPPER' } },
      { open: true },
    ),
    pointwise: conv('Conv', [2, 3, 4, 4], [2, 3, 1, 1]),
  },
  ConvTranspose: {
    '1-D': conv('ConvTranspose', [2, 3, 4], [3, 2, 3], {}, { bias: true }),
    '2-D, strides, output padding': conv(
      'ConvTranspose',
      [1, 2, 3, 3],
      [2, 3, 3, 3],
      { strides: ints(2, 2), pads: ints(1, 1, 1, 1), output_padding: ints(1, 1) },
      { bias: true },
    ),
    dilations: conv('ConvTranspose', [1, 1, 3, 4], [1, 2, 2, 2], {
      dilations: ints(2, 3),
      strides: ints(2, 1),
    }),
    groups: conv('ConvTranspose', [2, 4, 3, 2], [4, 1, 2, 3], { group: { int: 2 } }, { bias: true }),
    depthwise: conv('ConvTranspose', [1, 3, 3, 3], [3, 1, 2, 2], { group: { int: 3 }, strides: ints(2, 2) }),
    '3-D': conv('ConvTranspose', [1, 2, 2, 3, 2], [2, 1, 2, 2, 2], { strides: ints(1, 2, 1) }),
    'output shape': conv('ConvTranspose', [1, 1, 3, 3], [1, 1, 3, 3], {
      strides: ints(2, 2),
      output_shape: ints(6, 7),
    }),
    'same, upper': conv('ConvTranspose', [1, 1, 3, 3], [1, 1, 3, 2], {
      strides: ints(2, 2),
      auto_pad: { string: 'SAME_UPPER' },
    }),
    'same, lower': conv('ConvTranspose', [1, 1, 3, 3], [1, 1, 3, 4], {
      strides: ints(2, 2),
      auto_pad: { string: 'SAME_LOWER' },
    }),
    'open sizes': conv(
      'ConvTranspose',
      [2, 2, 3, 3],
      [2, 2, 3, 3],
      { strides: ints(2, 2), pads: ints(1, 1, 1, 1), output_padding: ints(1, 0) },
      { open: true, bias: true },
    ),
  },
  MaxPool: {
    plain: maxPool([1, 2, 4, 4], { kernel_shape: ints(2, 2), strides: ints(2, 2) }),
    'overlapping, padded': maxPool([2, 1, 5, 5], {
      kernel_shape: ints(3, 3),
      strides: ints(2, 1),
      pads: ints(1, 1, 1, 1),
    }),
    'rounded up': maxPool([1, 1, 6, 5], {
      kernel_shape: ints(3, 2),
      strides: ints(2, 2),
      ceil_mode: { int: 1 },
    }),
    dilations: maxPool([1, 1, 6, 6], { kernel_shape: ints(2, 3), dilations: ints(2, 2) }),
    'same, upper': maxPool([1, 1, 5, 6], {
      kernel_shape: ints(3, 3),
      strides: ints(2, 2),
      auto_pad: { string: 'SAME_UPPER' },
    }),
    '1-D': maxPool([2, 2, 6], { kernel_shape: ints(3), strides: ints(2) }),
    '3-D': maxPool([1, 1, 3, 4, 4], { kernel_shape: ints(2, 2, 2), strides: ints(1, 2, 2) }),
    'open sizes': maxPool([2, 2, 5, 5], { kernel_shape: ints(3, 3), strides: ints(2, 2) }, true),
    'indices by columns': {
      inputs: { x: [1, 1, 4, 4] },
      draw: apart(),
      build: (b) =>
        b.ops('MaxPool', ['x'], 2, {
          kernel_shape: ints(2, 2),
          strides: ints(2, 2),
          storage_order: { int: 1 },
        })[0]!,
    },
  },
  AveragePool: {
    plain: pool('AveragePool', [1, 2, 4, 4], { kernel_shape: ints(2, 2), strides: ints(2, 2) }),
    'padding left out': pool('AveragePool', [2, 1, 5, 5], {
      kernel_shape: ints(3, 3),
      strides: ints(2, 1),
      pads: ints(1, 1, 1, 0),
    }),
    'padding counted': pool('AveragePool', [2, 1, 5, 5], {
      kernel_shape: ints(3, 3),
      strides: ints(2, 1),
      pads: ints(1, 1, 1, 0),
      count_include_pad: { int: 1 },
    }),
    'rounded up': pool('AveragePool', [1, 1, 6, 5], {
      kernel_shape: ints(3, 2),
      strides: ints(2, 2),
      ceil_mode: { int: 1 },
    }),
    'rounded up, padding counted': pool('AveragePool', [1, 1, 6, 5], {
      kernel_shape: ints(3, 2),
      strides: ints(2, 2),
      pads: ints(1, 0, 1, 1),
      ceil_mode: { int: 1 },
      count_include_pad: { int: 1 },
    }),
    'strides that leave a rest': pool('AveragePool', [1, 1, 7, 8], {
      kernel_shape: ints(2, 2),
      strides: ints(3, 3),
    }),
    'same, lower': pool('AveragePool', [1, 1, 5, 6], {
      kernel_shape: ints(3, 3),
      strides: ints(2, 2),
      auto_pad: { string: 'SAME_LOWER' },
    }),
    dilations: pool('AveragePool', [1, 1, 6, 6], { kernel_shape: ints(2, 3), dilations: ints(2, 2) }, 19),
    '1-D': pool('AveragePool', [2, 2, 6], { kernel_shape: ints(3), strides: ints(2) }),
    '3-D': pool('AveragePool', [1, 1, 3, 4, 4], { kernel_shape: ints(2, 2, 2), strides: ints(1, 2, 2) }),
    'open sizes': {
      ...pool('AveragePool', [2, 2, 5, 6], { kernel_shape: ints(3, 2), strides: ints(2, 2) }),
      dims: { x: ['n', 'c', 'h', 'v'] },
    },
  },
  LpPool: {
    plain: pool('LpPool', [1, 2, 4, 4], { kernel_shape: ints(2, 2), strides: ints(2, 2) }),
    'padded, third power': pool('LpPool', [1, 1, 5, 5], {
      kernel_shape: ints(3, 3),
      strides: ints(2, 2),
      pads: ints(1, 1, 1, 1),
      p: { int: 3 },
    }),
    'rounded up': pool('LpPool', [1, 1, 6, 5], {
      kernel_shape: ints(3, 2),
      strides: ints(2, 2),
      ceil_mode: { int: 1 },
    }),
  },
  GlobalAveragePool: { '2-D': one('GlobalAveragePool', {}, undefined, [2, 3, 3, 2]) },
  GlobalMaxPool: { '2-D': one('GlobalMaxPool', {}, apart(), [2, 3, 3, 2]) },
  GlobalLpPool: { '2-D': one('GlobalLpPool', { p: { int: 3 } }, (r) => 0.5 + r.uniform(), [2, 2, 3, 2]) },
};
