/** @file Rules under random shapes: broadcasting, named sizes, axes, slices. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { i64, tensor } from '../../src/core/tensor.ts';
import { inferShapes } from '../../src/graph/shapes.ts';
import type { Dim } from '../../src/graph/types.ts';
import { type Case, graphOf, limits, measureIn } from './support.ts';

const runs = { numRuns: 25, seed: 7 };
const size = fc.integer({ min: 1, max: 3 });
const shape = (min: number, max: number) => fc.array(size, { minLength: min, maxLength: max });

/** Two shapes that broadcast together, and which of their axes are named instead of numbered. */
const broadcastPair = shape(0, 3).chain((whole) => {
  const part = fc.tuple(
    fc.integer({ min: 0, max: whole.length }),
    fc.array(fc.boolean(), { minLength: whole.length, maxLength: whole.length }),
    fc.array(fc.boolean(), { minLength: whole.length, maxLength: whole.length }),
  );
  return fc.tuple(part, part).map((parts) =>
    parts.map(([drop, ones, named], side) => {
      const numbers = whole.map((d, i) => (ones[i] ? 1 : d)).slice(drop);
      // The same name only for equal sizes; sides differ, so that some names cannot be compared.
      const dims = numbers.map((d, i): Dim => (named[i + drop] ? `${'ab'[side]}${i + drop}s${d}` : d));
      return { numbers, dims };
    }),
  );
});

const passes = async (spec: Case) => {
  const found = await measureIn(spec, 'float64');
  expect(found.gradient).toBeLessThan(limits.float64.difference);
  expect(found.adjoint).toBeLessThan(limits.float64.adjoint);
  expect(found.curvature).toBeLessThan(limits.float64.difference);
};

test.each(['Add', 'Sub', 'Mul', 'Div', 'Pow'])(
  '%s under any broadcast, with and without names',
  async (op) => {
    await fc.assert(
      fc.asyncProperty(broadcastPair, async ([a, b]) =>
        passes({
          inputs: { a: a!.numbers, b: b!.numbers },
          dims: { a: a!.dims, b: b!.dims },
          draw: (r) => 0.5 + r.uniform(),
          build: (g) => g.op(op, ['a', 'b']),
        }),
      ),
      runs,
    );
  },
);

test('MatMul of any ranks with broadcast batch axes', async () => {
  const products = fc.tuple(broadcastPair, size, size, size, fc.boolean(), fc.boolean());
  await fc.assert(
    fc.asyncProperty(products, async ([[left, right], m, k, n, flatA, flatB]) =>
      passes({
        inputs: {
          a: flatA ? [k] : [...left!.numbers, m, k],
          b: flatB ? [k] : [...right!.numbers, k, n],
        },
        build: (g) => g.op('MatMul', ['a', 'b']),
      }),
    ),
    runs,
  );
});

test('reductions over any axes', async () => {
  const picked = shape(1, 4).chain((s) =>
    fc.tuple(fc.constant(s), fc.subarray([...s.keys()], { minLength: 1 }), fc.boolean(), fc.boolean()),
  );
  await fc.assert(
    fc.asyncProperty(picked, fc.constantFrom('ReduceSum', 'ReduceMean', 'ReduceLogSumExp'), async (p, op) => {
      const [s, axes, keep, negative] = p;
      const given = negative ? axes.map((a) => a - s.length) : axes;
      await passes({
        inputs: { x: s },
        dims: { x: s.map((d, i) => (i === 0 ? 'n' : d)) },
        build: (g) => g.op(op, ['x', g.ints(...given)], { keepdims: { int: keep ? 1 : 0 } }),
      });
    }),
    runs,
  );
});

test('slices of any start, end and step', async () => {
  const cut = fc.tuple(
    fc.integer({ min: -6, max: 6 }),
    fc.integer({ min: -6, max: 6 }),
    fc.constantFrom(1, 2, -1),
  );
  await fc.assert(
    fc.asyncProperty(cut, cut, fc.boolean(), async ([s0, e0, d0], [s1, e1, d1], named) => {
      const length = (s: number, e: number, d: number, n: number) =>
        [...Array(n).keys()].slice().filter((i) => taken(i, s, e, d, n)).length;
      fc.pre(length(s0, e0, d0, 4) > 0 && length(s1, e1, d1, 5) > 0);
      await passes({
        inputs: { x: [4, 5] },
        dims: { x: named ? ['p', 'q'] : [4, 5] },
        build: (g) => g.op('Slice', ['x', g.ints(s0, s1), g.ints(e0, e1), g.ints(0, 1), g.ints(d0, d1)]),
      });
    }),
    { ...runs, numRuns: 60 },
  );
});

test('bounds of a slice may be int32', async () => {
  const ints = (...values: number[]) => tensor('int32', [values.length], Int32Array.from(values));
  for (const steps of [
    [1, 1],
    [2, -1],
  ])
    await passes({
      inputs: { x: [4, 5] },
      dims: { x: ['p', 'q'] },
      build: (g) =>
        g.op('Slice', ['x', ...[[1, -1], [4, -6], [0, 1], steps].map((v) => g.constant(ints(...v)))]),
    });
});

test('slices from and to sizes that may fall below 0 at the run', async () => {
  // E.g. the last four positions by start = n − 4, run with three positions: ONNX counts −1 from the end.
  const bound = fc.option(fc.integer({ min: -5, max: 3 }), { nil: undefined });
  const along = fc.constantFrom('x', 'table');
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 6 }), bound, bound, along, async (n, from, to, of) => {
      const length = of === 'x' ? n : 12;
      const [start, end] = [from === undefined ? 0 : n + from, to === undefined ? 2 ** 31 : n + to];
      const taking = [...Array(length).keys()].filter((i) => taken(i, start, end, 1, length)).length;
      fc.pre(taking > 0);
      const spec: Case = {
        inputs: { x: [n, 2], table: [12, 2] },
        dims: { x: ['n', 2] },
        build: (g) => {
          const size = g.op('Shape', ['x'], { start: { int: 0 }, end: { int: 1 } });
          const ends = [from, to].map((by, i) =>
            by === undefined ? g.ints([0, 2 ** 31][i]!) : g.op('Add', [size, g.ints(by)]),
          );
          const part = g.op('Slice', [of, ...ends, g.ints(0)], {}, 'part');
          const both = ['x', 'table'].map((name) => g.op('ReduceSum', [name, g.ints(0)]));
          return g.op('Add', [part, g.op('Mul', both)]);
        },
      };
      const [rows] = inferShapes(graphOf(spec, 'float64')).get('part')!.shape;
      if (!String(rows).startsWith('?')) expect([rows, valueAt(rows!, n)]).toEqual([rows, taking]);
      await passes(spec);
    }),
    { ...runs, numRuns: 120 },
  );
});

/** What a sum of n and numbers comes to. */
const valueAt = (dim: Dim, n: number): number =>
  [...String(dim).matchAll(/([+-]?)([^+-]+)/g)].reduce(
    (sum, [, sign, term]) => sum + (sign === '-' ? -1 : 1) * (term === 'n' ? n : Number(term)),
    0,
  );

/** Whether numpy's start:end:step takes index i of n. */
function taken(i: number, start: number, end: number, step: number, n: number): boolean {
  const clamp = (v: number) =>
    step > 0 ? Math.min(Math.max(v < 0 ? v + n : v, 0), n) : Math.min(Math.max(v < 0 ? v + n : v, -1), n - 1);
  const [from, to] = [clamp(start), clamp(end)];
  return step > 0
    ? i >= from && i < to && (i - from) % step === 0
    : i <= from && i > to && (from - i) % -step === 0;
}

test('transposes, expansions and lookups of any shape', async () => {
  const permuted = shape(1, 4).chain((s) =>
    fc.tuple(fc.constant(s), fc.shuffledSubarray([...s.keys()], { minLength: s.length })),
  );
  await fc.assert(
    fc.asyncProperty(permuted, async ([s, perm]) => {
      await passes({ inputs: { x: s }, build: (g) => g.op('Transpose', ['x'], { perm: { ints: perm } }) });
      await passes({
        inputs: { x: s },
        build: (g) => g.op('Expand', ['x', g.ints(2, ...s.map((d) => (d === 1 ? 3 : d)))]),
      });
      const axis = perm[0]!;
      await passes({
        inputs: { x: s },
        dims: { x: s.map((d, i) => (i === axis ? 'n' : d)) },
        fixed: { i: i64([2, 2], [0, s[axis]! - 1, 0, 0]) },
        build: (g) => g.op('Gather', ['x', 'i'], { axis: { int: axis } }),
      });
    }),
    runs,
  );
});
