/** @file Cases: Einsum, repetition, lookups of pieces, and control flow that is known before the run. */
import { i64 } from '../../../src/core/tensor.ts';
import { graphBuilder } from '../../../src/graph/build.ts';
import type { Dim, Graph } from '../../../src/graph/types.ts';
import type { Case } from '../support.ts';
import { type Cases, scalar, tensorOf, withInts } from './forms.ts';

const einsum = (equation: string, ...shapes: number[][]): Case => ({
  inputs: Object.fromEntries(shapes.map((shape, i) => [`x${i}`, shape])),
  build: (b) =>
    b.op(
      'Einsum',
      shapes.map((_, i) => `x${i}`),
      { equation: { string: equation } },
    ),
});
const open = (spec: Case, dims: Record<string, Dim[]>): Case => ({ ...spec, dims });

/** Updates into [3, 3]: two per row along the second axis, or two rows. */
const scattered = (op: 'ScatterElements' | 'ScatterND', indices: number[], reduction: string): Case => ({
  inputs: { x: [3, 3], u: op === 'ScatterND' ? [2, 3] : [2, 2] },
  fixed: { i: i64(op === 'ScatterND' ? [2, 1] : [2, 2], indices) },
  build: (b) =>
    b.op(op, ['x', 'i', 'u'], {
      ...(op === 'ScatterElements' ? { axis: { int: 1 } } : {}),
      reduction: { string: reduction },
    }),
});
const reductions = (op: 'ScatterElements' | 'ScatterND', indices: number[]) =>
  Object.fromEntries(['add', 'mul', 'max', 'min'].map((name) => [name, scattered(op, indices, name)]));

/** A subgraph: `build` gets a builder and returns outputs. Inputs named here are its own. */
function body(
  inputs: readonly { name: string; dtype: 'float32' | 'float64' | 'int64' | 'bool'; shape: Dim[] }[],
  build: (b: ReturnType<typeof graphBuilder>) => string[],
): { graph: Graph } {
  const b = graphBuilder();
  for (const { name, dtype, shape } of inputs) b.input(name, dtype, shape);
  return { graph: b.finish(build(b)) };
}

/** Steps of h ← tanh(h·x_t + w), giving h each time. */
const scan = (attributes: Record<string, { ints: number[] }>, shape: number[]): Case => ({
  inputs: { h: [2], x: shape, w: [2] },
  build: (b, dtype) =>
    b.ops('Scan', ['h', 'x'], 2, {
      num_scan_inputs: { int: 1 },
      body: body(
        [
          { name: 'state', dtype, shape: [2] },
          { name: 'step', dtype, shape: [2] },
        ],
        (inner) => {
          const sum = inner.op('Add', [inner.op('Mul', ['state', 'step']), 'w'], {}, 'sum');
          const next = inner.op('Tanh', [sum], {}, 'next');
          return [next, inner.op('Identity', [next], {}, 'seen')];
        },
      ),
      ...attributes,
    })[1]!,
});

export const structureCases: Cases = {
  Einsum: {
    product: einsum('ij,jk->ik', [2, 3], [3, 2]),
    'batched, rearranged': einsum('bij,bkj->kbi', [2, 2, 3], [2, 4, 3]),
    'no result given': einsum('ij,jk', [2, 3], [3, 2]),
    'three operands': einsum('i,ij,jk->k', [2], [2, 3], [3, 2]),
    outer: einsum('i,j->ij', [2], [3]),
    'sum of one': einsum('ij->j', [2, 3]),
    transposition: einsum('ij->ji', [2, 3]),
    'summed in one operand only': einsum('ijk,jl->il', [2, 3, 2], [3, 2]),
    'to a number': einsum('ij,ij->', [2, 3], [2, 3]),
    ellipsis: einsum('...ij,...jk->...ik', [2, 2, 3], [2, 3, 2]),
    'ellipsis of different ranks': einsum('...ij,jk->...ik', [2, 2, 2, 3], [3, 2]),
    'ellipsis that broadcasts': einsum('...ij,...jk->...ik', [1, 3, 2, 3], [2, 1, 3, 2]),
    'ellipsis, no result given': einsum('...ij,...jk', [2, 2, 3], [2, 3, 2]),
    diagonal: einsum('ii->i', [3, 3]),
    trace: einsum('ii', [3, 3]),
    'diagonal of a batch times a vector': einsum('bii,i->b', [2, 3, 3], [3]),
    'one axis of size 1': einsum('ij,jk->ik', [2, 1], [1, 3]),
    'open sizes': open(einsum('bqd,bkd->bqk', [2, 3, 2], [2, 4, 2]), {
      x0: ['b', 'q', 2],
      x1: ['b', 'k', 2],
    }),
    'attention over heads': einsum('bqhd,bkhd->bhqk', [1, 2, 2, 3], [1, 3, 2, 3]),
  },
  Tile: {
    plain: withInts('Tile', [[2, 1, 3]]),
    'open sizes': open(withInts('Tile', [[2, 1, 3]]), { x: ['n', 'h', 4] }),
    'of one element': withInts('Tile', [[4, 3]], {}, [1, 2]),
    'times from the run': {
      inputs: { x: [1, 3] },
      fixed: { r: i64([2], [4, 1]) },
      build: (b) =>
        b.op('Tile', [
          'x',
          b.op('Concat', [b.op('Slice', ['r', b.ints(0), b.ints(1)]), b.ints(1)], { axis: { int: 0 } }),
        ]),
    },
  },
  GatherND: {
    rows: {
      inputs: { x: [2, 3, 2] },
      fixed: { i: i64([3, 2], [0, 1, 1, 2, 0, 1]) },
      build: (b) => b.op('GatherND', ['x', 'i']),
    },
    'one batch axis': {
      inputs: { x: [2, 3, 2] },
      fixed: { i: i64([2, 2, 1], [0, 1, 2, 2]) },
      build: (b) => b.op('GatherND', ['x', 'i'], { batch_dims: { int: 1 } }),
    },
    'two batch axes': {
      inputs: { x: [2, 2, 3] },
      fixed: { i: i64([2, 2, 1], [0, 1, 2, 0]) },
      build: (b) => b.op('GatherND', ['x', 'i'], { batch_dims: { int: 2 } }),
    },
  },
  ScatterElements: {
    none: scattered('ScatterElements', [1, 0, 0, 2], 'none'),
    ...reductions('ScatterElements', [1, 1, 0, 2]),
  },
  ScatterND: {
    none: scattered('ScatterND', [2, 0], 'none'),
    ...reductions('ScatterND', [2, 2]),
  },
  Compress: {
    'of an axis': {
      inputs: { x: [3, 2] },
      build: (b) =>
        b.op('Compress', ['x', b.constant(tensorOf('bool', [3], [1, 0, 1]))], { axis: { int: 0 } }),
    },
    flat: {
      inputs: { x: [2, 2] },
      build: (b) => b.op('Compress', ['x', b.constant(tensorOf('bool', [4], [0, 1, 1, 0]))]),
    },
  },
  If: {
    'by a constant': {
      inputs: { x: [2, 3], y: [3] },
      build: (b) =>
        b.op('If', [b.constant(tensorOf('bool', [], [0]))], {
          then_branch: body([], (inner) => [inner.op('Neg', ['x'], {}, 'negative')]),
          else_branch: body([], (inner) => [inner.op('Mul', ['x', inner.op('Exp', ['y'])], {}, 'product')]),
        }),
    },
    'by a size': {
      inputs: { x: [2, 3] },
      build: (b, d) => {
        const rows = b.op('Gather', [b.op('Shape', ['x']), b.constant(i64([], [0]))]);
        return b.op('If', [b.op('Equal', [rows, b.constant(i64([], [2]))])], {
          then_branch: body([], (inner) => [inner.op('Mul', ['x', scalar(inner, d, 3)], {}, 'three')]),
          else_branch: body([], (inner) => [inner.op('Identity', ['x'], {}, 'same')]),
        });
      },
    },
  },
  Scan: {
    plain: scan({}, [3, 2]),
    'backwards, along another axis': scan(
      {
        scan_input_axes: { ints: [1] },
        scan_input_directions: { ints: [1] },
        scan_output_axes: { ints: [1] },
        scan_output_directions: { ints: [1] },
      },
      [2, 3],
    ),
  },
  Loop: {
    'three steps': {
      inputs: { x: [2], w: [2] },
      build: (b, dtype) => {
        const [last, all] = b.ops(
          'Loop',
          [b.constant(i64([], [3])), b.constant(tensorOf('bool', [], [1])), 'x'],
          2,
          {
            body: body(
              [
                { name: 'step', dtype: 'int64', shape: [] },
                { name: 'go', dtype: 'bool', shape: [] },
                { name: 'state', dtype, shape: [2] },
              ],
              (inner) => {
                const next = inner.op('Sin', [inner.op('Mul', ['state', 'w'])], {}, 'next');
                return [
                  inner.op('Identity', ['go'], {}, 'on'),
                  next,
                  inner.op('Identity', [next], {}, 'seen'),
                ];
              },
            ),
          },
        );
        return b.op('Add', [last!, b.op('ReduceSum', [all!, b.ints(0)], { keepdims: { int: 0 } })]);
      },
    },
  },
};
