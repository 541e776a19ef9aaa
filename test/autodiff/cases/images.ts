/** @file Cases: resizing, blocks of images, and normalisation of images. */
import { f32, i64 } from '../../../src/core/tensor.ts';
import type { Attribute } from '../../../src/graph/types.ts';
import type { Case } from '../support.ts';
import { type Attributes, type Cases, one, scalar, tensorOf } from './forms.ts';

const string = (value: string): Attribute => ({ string: value });

const byScales = (shape: number[], scales: number[], attributes: Attributes, opset = 18): Case => ({
  inputs: { x: shape },
  opset,
  build: (b) => b.op('Resize', ['x', '', b.constant(f32([scales.length], scales))], attributes),
});
const bySizes = (shape: number[], sizes: number[], attributes: Attributes): Case => ({
  inputs: { x: shape },
  build: (b) => b.op('Resize', ['x', '', '', b.ints(...sizes)], attributes),
});
const up = [1, 1, 2, 2];
const down = [1, 1, 0.6, 0.5];
const coordinates = ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric'];
const rounding = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'];

/** One operator on an image and values per channel. */
const perChannel = (
  op: string,
  attributes: Attributes,
  shape = [2, 4, 3, 2],
  values = 4,
  opset = 18,
): Case => ({
  inputs: { x: shape, w: [values], b: [values] },
  opset,
  build: (b) => b.op(op, ['x', 'w', 'b'], attributes),
});

const batchNorm = (shape: number[], training = 0): Case => ({
  inputs: { x: shape, w: [3], v: [3], m: [3], s: [3] },
  draw: (r, name) => (name === 's' ? 0.5 + r.uniform() : r.normal()),
  build: (b) =>
    b.ops('BatchNormalization', ['x', 'w', 'v', 'm', 's'], training ? 3 : 1, {
      epsilon: { float: 1e-3 },
      training_mode: { int: training },
    })[0]!,
});

export const imageCases: Cases = {
  Resize: {
    ...Object.fromEntries(
      coordinates.flatMap((mode) => [
        [
          `linear, ${mode}, larger`,
          byScales([1, 2, 3, 4], up, {
            mode: string('linear'),
            coordinate_transformation_mode: string(mode),
          }),
        ],
        [
          `linear, ${mode}, smaller`,
          byScales([1, 1, 5, 6], down, {
            mode: string('linear'),
            coordinate_transformation_mode: string(mode),
          }),
        ],
      ]),
    ),
    ...Object.fromEntries(
      rounding.map((mode) => [
        `nearest, ${mode}`,
        byScales([1, 2, 3, 4], [1, 1, 1.7, 2], {
          mode: string('nearest'),
          coordinate_transformation_mode: string('asymmetric'),
          nearest_mode: string(mode),
        }),
      ]),
    ),
    'nearest, half_pixel, smaller': byScales([1, 1, 5, 6], down, { mode: string('nearest') }),
    half_pixel_symmetric: byScales(
      [1, 1, 5, 6],
      [1, 1, 1.5, 0.7],
      { mode: string('linear'), coordinate_transformation_mode: string('half_pixel_symmetric') },
      19,
    ),
    cubic: byScales([1, 1, 4, 5], [1, 1, 1.5, 2], { mode: string('cubic'), cubic_coeff_a: { float: -0.5 } }),
    'cubic, smaller, outside left out': byScales([1, 1, 5, 6], down, {
      mode: string('cubic'),
      exclude_outside: { int: 1 },
    }),
    'antialias, linear': byScales([1, 1, 6, 8], [1, 1, 0.5, 0.4], {
      mode: string('linear'),
      antialias: { int: 1 },
    }),
    'antialias, cubic': byScales([1, 1, 6, 8], [1, 1, 0.5, 0.4], {
      mode: string('cubic'),
      antialias: { int: 1 },
    }),
    'by sizes': bySizes([1, 2, 3, 4], [1, 2, 5, 3], { mode: string('linear') }),
    'by sizes of two axes': bySizes([1, 2, 3, 4], [5, 3], { mode: string('linear'), axes: { ints: [2, 3] } }),
    'volume, linear': byScales([1, 1, 2, 3, 2], [1, 1, 2, 2, 1.5], { mode: string('linear') }),
    'signal, nearest': byScales([2, 2, 4], [1, 1, 2.5], { mode: string('nearest') }),
    'signal, linear': byScales([1, 2, 4], [1, 1, 2.5], { mode: string('linear') }),
    'cropped region': {
      inputs: { x: [1, 1, 5, 6] },
      build: (b) =>
        b.op(
          'Resize',
          ['x', b.constant(f32([8], [0, 0, 0.2, 0.1, 1, 1, 0.9, 1.2])), '', b.ints(1, 1, 4, 5)],
          {
            mode: string('linear'),
            coordinate_transformation_mode: string('tf_crop_and_resize'),
            extrapolation_value: { float: 2 },
          },
        ),
    },
    'open sizes': {
      ...byScales([2, 2, 3, 4], up, { mode: string('linear') }),
      dims: { x: ['n', 2, 'h', 'v'] },
    },
  },
  DepthToSpace: {
    'columns, rows, depth': one('DepthToSpace', { blocksize: { int: 2 } }, undefined, [2, 8, 2, 3]),
    'depth first': one(
      'DepthToSpace',
      { blocksize: { int: 2 }, mode: string('CRD') },
      undefined,
      [1, 8, 2, 3],
    ),
    'open sizes': {
      ...one('DepthToSpace', { blocksize: { int: 2 } }, undefined, [2, 4, 2, 3]),
      dims: { x: ['n', 4, 'h', 'v'] },
    },
  },
  SpaceToDepth: {
    plain: one('SpaceToDepth', { blocksize: { int: 2 } }, undefined, [2, 2, 4, 6]),
    'open sizes': {
      ...one('SpaceToDepth', { blocksize: { int: 2 } }, undefined, [1, 2, 4, 2]),
      dims: { x: ['n', 2, 'h', 'v'] },
    },
  },
  BatchNormalization: {
    inference: batchNorm([2, 3, 2, 2]),
    'of rows': batchNorm([4, 3]),
    training: batchNorm([3, 3, 2, 2], 1),
  },
  InstanceNormalization: {
    plain: perChannel('InstanceNormalization', {}),
    '1-D': perChannel('InstanceNormalization', {}, [2, 4, 5]),
  },
  GroupNormalization: {
    'per group': perChannel('GroupNormalization', { num_groups: { int: 2 } }, [2, 4, 3, 2], 2),
    'per channel': {
      ...perChannel('GroupNormalization', { num_groups: { int: 2 } }, [2, 4, 3, 2], 4, 21),
      dtype: 'float32',
    },
    'open sizes': {
      ...perChannel('GroupNormalization', { num_groups: { int: 2 } }, [2, 4, 3, 2], 4, 21),
      dtype: 'float32',
      dims: { x: ['n', 4, 'h', 'v'] },
    },
  },
  LRN: {
    plain: one(
      'LRN',
      { size: { int: 3 }, alpha: { float: 0.1 }, bias: { float: 1.5 } },
      undefined,
      [2, 4, 2, 2],
    ),
  },
  LpNormalization: {
    'p = 2': one('LpNormalization', { axis: { int: 1 } }, (r) => 0.5 + r.uniform()),
    'p = 1': one('LpNormalization', { p: { int: 1 } }, (r) => 0.5 + r.uniform()),
  },
  MeanVarianceNormalization: { plain: one('MeanVarianceNormalization', {}, undefined, [2, 2, 3, 2]) },
  OneHot: {
    'moving values': {
      inputs: { v: [2] },
      fixed: { i: i64([2, 2], [0, 2, 1, 2]) },
      build: (b) => b.op('OneHot', ['i', b.ints(3), 'v'], { axis: { int: 1 } }),
    },
  },
  Pad: {
    zeros: { inputs: { x: [2, 3, 4] }, build: (b) => b.op('Pad', ['x', b.ints(0, 1, 2, 0, 0, 1)]) },
    'moving constant': {
      inputs: { x: [2, 3], c: [] },
      build: (b) => b.op('Pad', ['x', b.ints(1, 0, 0, 2), 'c']),
    },
    'taking away': {
      inputs: { x: [4, 5] },
      build: (b, d) => b.op('Pad', ['x', b.ints(-1, 1, 2, -2), scalar(b, d, 0.5)]),
    },
    'some axes, open sizes': {
      inputs: { x: [2, 3, 4] },
      dims: { x: ['n', 'c', 'h'] },
      build: (b, d) => b.op('Pad', ['x', b.ints(1, 2), scalar(b, d, 0), b.ints(-1)]),
    },
    'amounts from the run': {
      inputs: { x: [3, 4] },
      fixed: { p: i64([4], [1, 0, 0, 2]) },
      build: (b) => b.op('Pad', ['x', 'p']),
    },
    ...Object.fromEntries(
      ['reflect', 'edge', 'wrap'].map((mode) => [
        mode,
        {
          inputs: { x: [2, 4, 3] },
          opset: mode === 'wrap' ? 19 : 18,
          build: (b) => b.op('Pad', ['x', b.ints(0, 2, 1, 0, 3, 2)], { mode: string(mode) }),
        } satisfies Case,
      ]),
    ),
    'reflect, open sizes': {
      inputs: { x: [2, 4] },
      dims: { x: ['n', 'h'] },
      build: (b) => b.op('Pad', ['x', b.ints(0, 2, 0, 3)], { mode: string('reflect') }),
    },
  },
  Dropout: {
    inference: one('Dropout'),
    'with its mask': {
      inputs: { x: [2, 3] },
      build: (b, d) => {
        const [y, mask] = b.ops(
          'Dropout',
          ['x', scalar(b, 'float32', 0.5), b.constant(tensorOf('bool', [], [0]))],
          2,
        );
        return b.op('Where', [mask!, b.op('Mul', [y!, y!]), scalar(b, d, 0)]);
      },
    },
  },
};
