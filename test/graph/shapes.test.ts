/** @file Shape inference: every inferred size equals the size at run time. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { f32, i64, tensor, zeros } from '../../src/core/tensor.ts';
import { type GraphBuilder, graphBuilder } from '../../src/graph/build.ts';
import { read } from '../../src/graph/interventions.ts';
import { inferShapes } from '../../src/graph/shapes.ts';
import type { Dim, Graph } from '../../src/graph/types.ts';
import { openSession } from '../../src/runtime/session.ts';

const sizes: Record<string, number> = { batch: 2, position: 3, heads: 4 };
const sizeAtRun = (dim: Dim): number =>
  typeof dim === 'number' ? dim : Function(...Object.keys(sizes), `return ${dim}`)(...Object.values(sizes));

/** Runs the graph with all values read, and compares. Returns how many axes could not be inferred. */
async function compare(graph: Graph): Promise<number> {
  const types = inferShapes(graph);
  const made = graph.nodes.flatMap((n) => n.outputs);
  const session = await openSession(read(graph, made), { threads: 1 });
  const feeds = Object.fromEntries(
    graph.inputs.flatMap((i) =>
      'dtype' in i ? [[i.name, zeros(i.dtype, i.shape.map(sizeAtRun))] as const] : [],
    ),
  );
  const out = await session.run(feeds);
  let unknown = 0;
  for (const name of made) {
    const { dtype, shape } = types.get(name)!;
    const found = out[name]!;
    expect([name, dtype]).toEqual([name, found.dtype]);
    expect([name, shape.length]).toEqual([name, found.shape.length]);
    shape.forEach((dim, axis) => {
      if (String(dim).startsWith('?')) unknown++;
      else expect([name, axis, sizeAtRun(dim)]).toEqual([name, axis, found.shape[axis]]);
    });
  }
  return unknown;
}

test('attention with grouped heads, as models build it, is known in every axis', async () => {
  const b = graphBuilder();
  const x = b.input('x', 'float32', ['batch', 'position', 8]);
  b.weight('W', zeros('float32', [8, 16]));
  const q = b.op('Reshape', [b.op('MatMul', [x, 'W']), b.ints(0, 0, 4, 4)]);
  const heads = b.op('Transpose', [q], { perm: { ints: [0, 2, 1, 3] } });
  const grouped = b.op('Reshape', [heads, b.ints(0, 2, -1, 4)]);
  const scores = b.op('MatMul', [grouped, b.op('Transpose', [grouped], { perm: { ints: [0, 1, 3, 2] } })]);
  const size = b.op('Shape', [x], { start: { int: 1 }, end: { int: 2 } });
  const square = b.op('Expand', [
    b.constant(f32([], [1])),
    b.op('Concat', [size, size], { axis: { int: 0 } }),
  ]);
  b.op('Trilu', [square, b.constant(i64([], [1]))]);
  b.op('Softmax', [b.op('Reshape', [scores, b.ints(0, 4, -1, 0)])], {}, 'pattern');
  const table = b.weight('table', zeros('float32', [64, 4]));
  b.op('Slice', [table, b.ints(0), size, b.ints(0)]);
  b.op('ConstantOfShape', [b.op('Concat', [size, b.ints(3)], { axis: { int: 0 } })], {
    value: { tensor: i64([1], [7]) },
  });
  b.op('Slice', [x, b.ints(-1), b.ints(2 ** 40), b.ints(1)], {}, 'last');
  expect(await compare(b.finish(['pattern']))).toBe(0);
});

test('a difference of sizes may be the marker −1, a size may not', () => {
  const b = graphBuilder();
  const x = b.input('x', 'float32', ['position']);
  const size = b.op('Shape', [x]);
  const shapeWhere = (value: string) => {
    const marked = b.op('Where', [b.op('Equal', [value, b.ints(-1)]), b.ints(3), b.ints(7)]);
    return b.op('ConstantOfShape', [marked]);
  };
  const [sure, unsure] = [shapeWhere(size), shapeWhere(b.op('Sub', [size, b.ints(4)]))];
  const types = inferShapes(b.finish([sure, unsure]));
  expect(types.get(sure)!.shape).toEqual([7]);
  expect(types.get(unsure)!.shape).not.toEqual([7]);
});

test('operators of every family', async () => {
  const b = graphBuilder();
  const x = b.input('x', 'float32', ['batch', 'position', 4]);
  const y = b.input('y', 'float32', [4, 'heads']);
  b.op('MatMul', [x, y]);
  b.op('Gemm', [y, y], { transA: { int: 1 } });
  b.ops('FusedMatMul', [x, x], 1, { transB: { int: 1 } }, 'com.microsoft');
  b.ops('Split', [x, b.ints(1, 3)], 2, { axis: { int: 2 } });
  b.ops('TopK', [x, b.ints(2)], 2);
  b.ops('LayerNormalization', [x, b.weight('gain', zeros('float32', [4]))], 1);
  b.op('ReduceMean', [x, b.ints(0, 2)], { keepdims: { int: 0 } });
  b.op('ReduceMax', [x], { keepdims: { int: 0 } });
  b.op('ArgMax', [x], { axis: { int: -1 }, keepdims: { int: 0 } });
  b.op('Gather', [y, b.constant(i64([2, 1], [0, 1]))], { axis: { int: 0 } });
  b.op('GatherElements', [x, b.constant(i64([1, 1, 2], [0, 1]))], { axis: { int: 2 } });
  b.op('GatherND', [x, b.constant(i64([5, 2], Array(10).fill(0)))]);
  b.op('ScatterND', [x, b.constant(i64([1, 1], [0])), b.op('Slice', [x, b.ints(0), b.ints(1), b.ints(0)])]);
  b.op('Concat', [x, x], { axis: { int: 1 } });
  b.op('Concat', [x, x], { axis: { int: -1 } });
  b.op('Pad', [x, b.ints(0, 1, 0, 2, 0, 0)]);
  b.op('Tile', [x, b.ints(1, 2, 3)]);
  b.op('Unsqueeze', [x, b.ints(0, -1)]);
  b.op('Squeeze', [b.op('ReduceSum', [x, b.ints(1)]), b.ints(1)]);
  b.op('Flatten', [x], { axis: { int: 2 } });
  b.op('Einsum', [x, y], { equation: { string: 'bpi,ih->bhp' } });
  b.op('Where', [b.op('Greater', [x, b.constant(f32([], [0]))]), x, b.constant(f32([4], [0, 0, 0, 0]))]);
  b.op('Cast', [x], { to: { int: 11 } });
  b.op('OneHot', [
    b.op('ArgMax', [x], { axis: { int: 2 }, keepdims: { int: 0 } }),
    b.ints(6),
    b.constant(f32([2], [0, 1])),
  ]);
  b.op('Range', [
    b.constant(i64([], [0])),
    b.op('Squeeze', [b.op('Shape', [x], { end: { int: 1 } })]),
    b.constant(i64([], [1])),
  ]);
  b.op('CumSum', [x, b.constant(i64([], [1]))]);
  const half = b.op('Div', [b.op('Shape', [x], { start: { int: 2 } }), b.ints(2)]);
  b.op(
    'Reshape',
    [x, b.op('Concat', [b.op('Shape', [x], { end: { int: 2 } }), half, b.ints(2)], { axis: { int: 0 } })],
    {},
    'z',
  );
  expect(await compare(b.finish(['z']))).toBe(0);
});

test('any slice with known numbers has the length that onnxruntime finds', async () => {
  const bound = fc.integer({ min: -7, max: 7 });
  const step = fc.constantFrom(-2, -1, 1, 3);
  await fc.assert(
    fc.asyncProperty(
      bound,
      bound,
      step,
      fc.constantFrom<Dim>(5, 'position'),
      async (start, end, by, size) => {
        const b = graphBuilder();
        const x = b.input('x', 'float32', [size]);
        b.op('Slice', [x, b.ints(start), b.ints(end), b.ints(0), b.ints(by)], {}, 'y');
        const unknown = await compare(b.finish(['y']));
        if (typeof size === 'number') expect(unknown).toBe(0);
      },
    ),
    // A start before the first element is clamped to it also when the step goes back, unlike in numpy.
    { numRuns: 80, seed: 11, examples: [[-6, -6, -2, 5]] },
  );
});

test.each<[string, (b: GraphBuilder, x: string) => string]>([
  ['matrices that do not fit', (b, x) => b.op('MatMul', [x, b.weight('W', zeros('float32', [5, 2]))])],
  ['shapes that do not broadcast', (b, x) => b.op('Add', [x, b.weight('W', zeros('float32', [5]))])],
  [
    'a reshape to another number of elements',
    (b) => b.op('Reshape', [b.weight('W', zeros('float32', [5])), b.ints(2, 2)]),
  ],
])('%s are an error that names the node', (_, build) => {
  const b = graphBuilder();
  const y = build(b, b.input('x', 'float32', ['batch', 4]));
  expect(() => inferShapes(b.finish([y]))).toThrow(
    expect.objectContaining({ code: 'graph.shape', where: y }),
  );
});

test('an operator without a rule is named', () => {
  const b = graphBuilder();
  const y = b.op('Unheard', [b.weight('w', tensor('float32', [], new Float32Array(1)))]);
  expect(() => inferShapes(b.finish([y]))).toThrow(expect.objectContaining({ code: 'graph.no-shape-rule' }));
});
