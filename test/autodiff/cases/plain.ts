/** @file Cases: arithmetic, functions, matrix products, softmax, reductions, movement, indexing. */
import { i64, tensor } from '../../../src/core/tensor.ts';
import type { GraphBuilder } from '../../../src/graph/build.ts';
import type { Case } from '../support.ts';
import {
  awayFromKinks,
  type Cases,
  custom,
  norm,
  one,
  positive,
  scalar,
  spread,
  two,
  withInts,
} from './forms.ts';

export const plainCases: Cases = {
  Add: { broadcast: two('Add', [2, 1, 3], [4, 1]), same: two('Add', [2, 3], [2, 3]) },
  Sub: { broadcast: two('Sub', [3], [2, 3]), scalar: two('Sub', [2, 3], []) },
  Mul: {
    broadcast: two('Mul', [2, 1, 3], [4, 1]),
    square: { inputs: { x: [3] }, build: (b) => b.op('Mul', ['x', 'x']) },
  },
  Div: { broadcast: two('Div', [2, 3], [2, 1], positive) },
  Sum: { three: { inputs: { a: [2, 3], b: [3], c: [] }, build: (b) => b.op('Sum', ['a', 'b', 'c']) } },
  Mean: { three: { inputs: { a: [2, 3], b: [3], c: [] }, build: (b) => b.op('Mean', ['a', 'b', 'c']) } },
  Max: { two: two('Max', [2, 3], [3], spread()) },
  Min: {
    three: {
      inputs: { a: [2, 3], b: [3], c: [] },
      build: (b) => b.op('Min', ['a', 'b', 'c']),
      draw: spread(),
    },
  },
  Pow: {
    'both moving': two('Pow', [2, 3], [3], positive),
    square: { inputs: { x: [5] }, build: (b, d) => b.op('Pow', ['x', scalar(b, d, 2)]) },
    cube: { inputs: { x: [5] }, build: (b, d) => b.op('Pow', ['x', scalar(b, d, 3)]) },
    'whole exponent': { inputs: { x: [5] }, build: (b) => b.op('Pow', ['x', b.ints(3)]) },
  },
  Mod: { fmod: { ...two('Mod', [4], [4], awayFromKinks, { fmod: { int: 1 } }), seed: 5 } },
  Where: {
    broadcast: {
      inputs: { a: [2, 3], b: [3] },
      fixed: { c: tensor('bool', [2, 1], Uint8Array.of(1, 0)) },
      build: (b) => b.op('Where', ['c', 'a', 'b']),
    },
  },
  Clip: {
    constants: {
      inputs: { x: [8] },
      draw: spread(),
      build: (b, d) => b.op('Clip', ['x', scalar(b, d, -1.1), scalar(b, d, 0.77)]),
    },
    'moving bounds': {
      inputs: { x: [8], low: [], high: [] },
      draw: (r, n) => (n === 'low' ? -0.7 : n === 'high' ? 0.7 : 2 * r.normal()),
      build: (b) => b.op('Clip', ['x', 'low', 'high']),
    },
    'upper only': {
      inputs: { x: [8] },
      draw: spread(),
      build: (b, d) => b.op('Clip', ['x', '', scalar(b, d, 0.77)]),
    },
  },
  Neg: { plain: one('Neg') },
  Exp: { plain: one('Exp') },
  Log: { plain: one('Log', {}, positive) },
  Sqrt: { plain: one('Sqrt', {}, positive) },
  Reciprocal: { plain: one('Reciprocal', {}, positive) },
  Tanh: { plain: one('Tanh') },
  Sigmoid: { plain: one('Sigmoid') },
  Erf: { plain: one('Erf') },
  Relu: { plain: one('Relu', {}, awayFromKinks) },
  LeakyRelu: { plain: one('LeakyRelu', { alpha: { float: 0.25 } }, awayFromKinks) },
  Elu: { plain: one('Elu', { alpha: { float: 1.5 } }, awayFromKinks) },
  Abs: { plain: one('Abs', {}, awayFromKinks) },
  Sin: { plain: one('Sin') },
  Cos: { plain: one('Cos') },
  Softplus: { plain: one('Softplus') },
  'com.microsoft:Gelu': { exact: custom('Gelu') },
  'com.microsoft:QuickGelu': { plain: custom('QuickGelu', { alpha: { float: 1.702 } }) },
  Gelu: {
    exact: { ...one('Gelu'), opset: 20 },
    tanh: { ...one('Gelu', { approximate: { string: 'tanh' } }), opset: 20 },
  },
  Mish: { plain: one('Mish') },
  MatMul: {
    matrices: two('MatMul', [2, 3], [3, 4]),
    'rows of a batch': two('MatMul', [2, 3, 4], [4, 2]),
    'broadcast batch': two('MatMul', [2, 1, 2, 3], [4, 3, 2]),
    'vector left': two('MatMul', [3], [2, 3, 2]),
    'vector right': two('MatMul', [2, 2, 3], [3]),
    dot: two('MatMul', [3], [3]),
    'open sizes': { ...two('MatMul', [2, 3, 4], [4, 2]), dims: { a: ['batch', 'position', 4] } },
  },
  'com.microsoft:FusedMatMul': Object.fromEntries(
    [0, 1].flatMap((ta) =>
      [0, 1].map((tb) => [
        `transA ${ta} transB ${tb}`,
        {
          inputs: { a: ta ? [2, 4, 3] : [2, 3, 4], b: tb ? [2, 4] : [4, 2] },
          build: (b: GraphBuilder) =>
            b.ops(
              'FusedMatMul',
              ['a', 'b'],
              1,
              { transA: { int: ta }, transB: { int: tb }, alpha: { float: 0.5 } },
              'com.microsoft',
            )[0]!,
        },
      ]),
    ),
  ),
  Gemm: Object.fromEntries(
    [0, 1].flatMap((ta) =>
      [0, 1].map((tb) => [
        `transA ${ta} transB ${tb}`,
        {
          inputs: { a: ta ? [4, 3] : [3, 4], b: tb ? [2, 4] : [4, 2], c: [1, 2] },
          build: (b: GraphBuilder) =>
            b.op('Gemm', ['a', 'b', 'c'], {
              transA: { int: ta },
              transB: { int: tb },
              alpha: { float: 0.5 },
              beta: { float: 2 },
            }),
        },
      ]),
    ),
  ),
  Softmax: {
    last: one('Softmax', {}, undefined, [2, 3, 2]),
    middle: one('Softmax', { axis: { int: 1 } }, undefined, [2, 3, 2]),
  },
  LogSoftmax: { last: one('LogSoftmax'), first: one('LogSoftmax', { axis: { int: 0 } }) },
  LayerNormalization: {
    'with bias': norm('LayerNormalization', true),
    'without bias': norm('LayerNormalization', false),
  },
  RMSNormalization: { plain: { ...norm('RMSNormalization', false), opset: 23 } },
  SimplifiedLayerNormalization: { plain: norm('SimplifiedLayerNormalization', false) },
  ...Object.fromEntries(
    ['Sum', 'Mean', 'Max', 'Min', 'SumSquare', 'L1', 'L2', 'LogSum', 'LogSumExp'].map((name) => {
      const op = `Reduce${name}`;
      const draw = name === 'LogSum' ? positive : name === 'L1' ? awayFromKinks : spread();
      const with1 = (c: Case): Case => ({ ...c, draw });
      return [
        op,
        {
          kept: with1(withInts(op, [[1]], { keepdims: { int: 1 } })),
          dropped: with1(withInts(op, [[0, -1]], { keepdims: { int: 0 } })),
          all: with1({ inputs: { x: [2, 3] }, build: (b) => b.op(op, ['x'], { keepdims: { int: 0 } }) }),
          'open size': with1({
            ...withInts(op, [[0]], { keepdims: { int: 0 } }, [2, 3]),
            dims: { x: ['n', 3] },
          }),
        },
      ];
    }),
  ),
  Identity: { plain: one('Identity') },
  Reshape: {
    flat: withInts('Reshape', [[-1, 4]]),
    'open sizes': { ...withInts('Reshape', [[0, 0, 2, 2]]), dims: { x: ['b', 'p', 4] } },
    joined: { ...withInts('Reshape', [[-1, 4]]), dims: { x: ['b', 'p', 4] } },
  },
  Flatten: { middle: one('Flatten', { axis: { int: 2 } }, undefined, [2, 3, 2]) },
  Squeeze: { axis: withInts('Squeeze', [[1]], {}, [2, 1, 3]) },
  Unsqueeze: { axes: withInts('Unsqueeze', [[0, -1]], {}, [2, 3]) },
  Transpose: {
    perm: one('Transpose', { perm: { ints: [2, 0, 1] } }, undefined, [2, 3, 2]),
    plain: one('Transpose'),
  },
  Expand: { rows: withInts('Expand', [[2, 3, 4]], {}, [3, 1]) },
  Concat: {
    two: two('Concat', [2, 3], [2, 1], undefined, { axis: { int: -1 } }),
    open: { ...two('Concat', [2, 3], [2, 1], undefined, { axis: { int: 1 } }), dims: { a: [2, 'n'] } },
    'with a constant': {
      inputs: { a: [2, 3] },
      build: (b, d) =>
        b.op(
          'Concat',
          [
            'a',
            b.constant(tensor(d, [2, 1], d === 'float64' ? Float64Array.of(1, 2) : Float32Array.of(1, 2))),
          ],
          { axis: { int: 1 } },
        ),
    },
  },
  Slice: {
    middle: withInts('Slice', [
      [1, -3],
      [3, -1],
      [1, 2],
    ]),
    'last of an open size': { ...withInts('Slice', [[-1], [2 ** 31], [1]]), dims: { x: [2, 'n', 4] } },
    steps: withInts('Slice', [
      [0, -1],
      [4, -5],
      [2, 1],
      [2, -2],
    ]),
    'given at run time': {
      inputs: { x: [2, 5] },
      fixed: { from: i64([1], [1]), to: i64([1], [4]) },
      build: (b) => b.op('Slice', ['x', 'from', 'to', b.ints(1)]),
    },
  },
  Split: {
    sizes: {
      inputs: { x: [2, 5] },
      build: (b) => {
        const [p, q] = b.ops('Split', ['x', b.ints(2, 3)], 2, { axis: { int: 1 } });
        return b.op('Mul', [p!, b.op('ReduceSum', [q!, b.ints(1)])]);
      },
    },
    'one part used': {
      inputs: { x: [2, 5] },
      build: (b) => b.ops('Split', ['x', b.ints(2, 3)], 2, { axis: { int: 1 } })[1]!,
    },
  },
  Cast: {
    'there and back': {
      inputs: { x: [2, 3] },
      build: (b, d) =>
        b.op('Cast', [b.op('Cast', ['x'], { to: { int: 11 } })], { to: { int: d === 'float64' ? 11 : 1 } }),
    },
  },
  CastLike: { plain: { inputs: { x: [2, 3] }, build: (b) => b.op('CastLike', ['x', 'x']) } },
  CumSum: {
    plain: { inputs: { x: [2, 3] }, build: (b) => b.op('CumSum', ['x', b.constant(i64([], [1]))]) },
    'exclusive, reverse': {
      inputs: { x: [2, 3] },
      build: (b) =>
        b.op('CumSum', ['x', b.constant(i64([], [0]))], { exclusive: { int: 1 }, reverse: { int: 1 } }),
    },
  },
  Trilu: {
    lower: { inputs: { x: [2, 3, 3] }, build: (b) => b.op('Trilu', ['x'], { upper: { int: 0 } }) },
    'above the diagonal': {
      inputs: { x: [3, 3] },
      build: (b) => b.op('Trilu', ['x', b.constant(i64([], [1]))], { upper: { int: 1 } }),
    },
  },
  Gather: {
    'rows, some twice': {
      inputs: { x: [4, 3] },
      fixed: { i: i64([2, 2], [0, 2, 2, 3]) },
      build: (b) => b.op('Gather', ['x', 'i']),
    },
    'middle axis': {
      inputs: { x: [2, 4, 3] },
      fixed: { i: i64([2, 2], [0, 2, 2, 3]) },
      build: (b) => b.op('Gather', ['x', 'i'], { axis: { int: 1 } }),
    },
    'one index': {
      inputs: { x: [2, 4, 3] },
      fixed: { i: i64([], [2]) },
      build: (b) => b.op('Gather', ['x', 'i'], { axis: { int: -1 } }),
    },
  },
  GatherElements: {
    twice: {
      inputs: { x: [2, 3] },
      fixed: { i: i64([2, 2], [1, 1, 0, 2]) },
      build: (b) => b.op('GatherElements', ['x', 'i'], { axis: { int: 1 } }),
    },
  },
  TopK: {
    values: {
      inputs: { x: [2, 5] },
      draw: spread(),
      build: (b) => b.ops('TopK', ['x', b.ints(2)], 2, { axis: { int: -1 } })[0]!,
    },
  },
};
