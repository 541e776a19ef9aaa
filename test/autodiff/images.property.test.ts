/** @file Convolutions, pools, resizing, padding, Einsum and functions under random shapes and settings. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { f32 } from '../../src/core/tensor.ts';
import type { Attribute, Dim } from '../../src/graph/types.ts';
import { type Case, limits, measure } from './support.ts';

const runs = { numRuns: 30, seed: 11 };
const upTo = (max: number, min = 1) => fc.integer({ min, max });
const ints = (values: readonly number[]): Attribute => ({ ints: values });

const passes = async (spec: Case) => {
  const found = await measure({ ...spec, alongOne: true });
  const limit = limits[found.dtype];
  expect(found.gradient).toBeLessThan(limit.difference);
  expect(found.adjoint).toBeLessThan(limit.adjoint);
  expect(found.curvature).toBeLessThan(limit.difference);
  expect(found.symmetry).toBeLessThan(limit.symmetry);
};

/** How windows lie along one axis, and the size of the image there. */
const axis = fc
  .record({
    kernel: upTo(3),
    stride: upTo(3),
    dilation: upTo(2),
    before: upTo(1, 0),
    after: upTo(1, 0),
    more: upTo(4, 0),
  })
  .map((w) => {
    const reach = (w.kernel - 1) * w.dilation + 1;
    return { ...w, size: Math.max(1, reach - w.before - w.after) + w.more };
  });
const axes = fc.array(axis, { minLength: 1, maxLength: 3 });
type Axis = { kernel: number; stride: number; dilation: number; before: number; after: number; size: number };

const window = (all: readonly Axis[]) => ({
  strides: ints(all.map((w) => w.stride)),
  dilations: ints(all.map((w) => w.dilation)),
  pads: ints([...all.map((w) => w.before), ...all.map((w) => w.after)]),
});
const kernelShape = (all: readonly Axis[]) => ({ kernel_shape: ints(all.map((w) => w.kernel)) });
const sizes = (all: readonly Axis[]) => all.map((w) => w.size);
/** Named sizes where `open`. */
const named = (shape: readonly number[], open: boolean): readonly Dim[] =>
  open ? shape.map((d, i): Dim => (i === 1 ? d : `s${i}`)) : shape;

/** Numbers at least 0.1 apart, in no order. */
const apart = () => {
  let count = 0;
  return () => ((count++ * 37) % 211) / 10 - 10;
};

test('convolutions of one to three axes, with any stride, dilation, padding and groups', async () => {
  const settings = fc.tuple(axes, upTo(2), upTo(2), upTo(2), upTo(2), fc.boolean());
  await fc.assert(
    fc.asyncProperty(settings, async ([all, n, group, channels, features, open]) => {
      const x = [n, group * channels, ...sizes(all)];
      const w = [group * features, channels, ...all.map((a) => a.kernel)];
      await passes({
        inputs: { x, w, b: [group * features] },
        dims: { x: named(x, open) },
        build: (g) => g.op('Conv', ['x', 'w', 'b'], { ...window(all), group: { int: group } }),
      });
    }),
    runs,
  );
});

test('transposed convolutions, with output padding', async () => {
  const settings = fc.tuple(axes, upTo(2), upTo(2), upTo(2), upTo(2), fc.boolean());
  await fc.assert(
    fc.asyncProperty(settings, async ([all, n, group, channels, features, open]) => {
      const length = (a: Axis, size: number) =>
        a.stride * (size - 1) + (a.kernel - 1) * a.dilation + 1 - a.before - a.after;
      fc.pre(all.every((a) => length(a, a.size) > 0));
      const x = [n, group * channels, ...sizes(all)];
      const w = [group * channels, features, ...all.map((a) => a.kernel)];
      const output_padding = ints(all.map((a) => Math.min(a.stride - 1, a.size % 2)));
      await passes({
        inputs: { x, w, b: [group * features] },
        dims: { x: named(x, open) },
        build: (g) =>
          g.op('ConvTranspose', ['x', 'w', 'b'], { ...window(all), output_padding, group: { int: group } }),
      });
    }),
    runs,
  );
});

test('pools of one to three axes, rounded down and up', async () => {
  const settings = fc.tuple(
    axes,
    fc.constantFrom('MaxPool', 'AveragePool'),
    fc.boolean(),
    fc.boolean(),
    fc.boolean(),
  );
  await fc.assert(
    fc.asyncProperty(settings, async ([all, op, ceil, counted, open]) => {
      // Padding must be smaller than the kernel; the mean has no dilation in opset 18.
      const own = all.map((a) => ({
        ...a,
        dilation: op === 'MaxPool' ? a.dilation : 1,
        before: Math.min(a.before, a.kernel - 1),
        after: Math.min(a.after, a.kernel - 1),
        size: a.size + 3,
      }));
      const { dilations, ...rest } = window(own);
      const shape = [2, 2, ...sizes(own)];
      await passes({
        inputs: { x: shape },
        dims: { x: named(shape, open && !(op === 'AveragePool' && (ceil || !counted))) },
        draw: apart(),
        build: (g) =>
          g.op(op, ['x'], {
            ...rest,
            ...kernelShape(own),
            ceil_mode: { int: ceil ? 1 : 0 },
            ...(op === 'MaxPool' ? { dilations } : { count_include_pad: { int: counted ? 1 : 0 } }),
          }),
      });
    }),
    runs,
  );
});

/** Sizes and scales that leave the sizes as they are. */
const sameSize: [number, number][] = [
  [2, 1],
  [2, 1.4],
];

test('resizing by any factors in any mode', async () => {
  const settings = fc.tuple(
    fc.array(fc.tuple(upTo(5, 2), fc.constantFrom(0.5, 0.7, 1, 1.4, 2)), { minLength: 2, maxLength: 2 }),
    fc.constantFrom('nearest', 'linear', 'cubic'),
    fc.constantFrom('half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric'),
    fc.constantFrom('round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'),
    fc.boolean(),
  );
  await fc.assert(
    fc.asyncProperty(settings, async ([both, mode, coordinates, rounding, open]) => {
      const shape = [2, 1, ...both.map(([n]) => n)];
      const scales = [1, 1, ...both.map(([, s]) => s)];
      await passes({
        inputs: { x: shape },
        dims: { x: named(shape, open) },
        dtype: 'float32',
        build: (g) =>
          g.op('Resize', ['x', '', g.constant(f32([4], scales))], {
            mode: { string: mode },
            coordinate_transformation_mode: { string: coordinates },
            nearest_mode: { string: rounding },
          }),
      });
    }),
    // onnxruntime copies an image that keeps its size, which only the run can tell here.
    { ...runs, examples: [[[sameSize, 'linear', 'half_pixel', 'round_prefer_floor', true]]] },
  );
});

test('resizing a region of an image, by scales or sizes', async () => {
  const settings = fc.tuple(
    fc.array(
      fc.record({
        size: upTo(4, 2),
        scale: fc.constantFrom(0.5, 0.7, 1, 1.4, 2),
        from: fc.constantFrom(-0.2, 0, 0.3),
        to: fc.constantFrom(0.6, 1, 1.3),
      }),
      { minLength: 2, maxLength: 2 },
    ),
    fc.constantFrom('nearest', 'linear', 'cubic'),
    fc.boolean(),
    fc.boolean(),
  );
  await fc.assert(
    fc.asyncProperty(settings, async ([both, mode, bySizes, open]) => {
      const shape = [2, 1, ...both.map(({ size }) => size)];
      const region = [0, 0, ...both.map(({ from }) => from), 1, 1, ...both.map(({ to }) => to)];
      const sizes = both.map(({ size, scale }) => Math.floor(size * scale));
      await passes({
        inputs: { x: shape },
        dims: { x: named(shape, open) },
        dtype: 'float32',
        build: (g) =>
          g.op(
            'Resize',
            [
              'x',
              g.constant(f32([8], region)),
              ...(bySizes
                ? ['', g.ints(2, 1, ...sizes)]
                : [g.constant(f32([4], [1, 1, ...both.map((a) => a.scale)]))]),
            ],
            {
              mode: { string: mode },
              coordinate_transformation_mode: { string: 'tf_crop_and_resize' },
              extrapolation_value: { float: 2 },
            },
          ),
      });
    }),
    runs,
  );
});

test('padding by any amounts in any mode, and repetition', async () => {
  const settings = fc.tuple(
    fc.array(fc.tuple(upTo(4, 2), upTo(3, 0), upTo(3, 0)), { minLength: 1, maxLength: 3 }),
    fc.constantFrom('constant', 'reflect', 'edge', 'wrap'),
    fc.boolean(),
  );
  await fc.assert(
    fc.asyncProperty(settings, async ([all, mode, open]) => {
      const shape = all.map(([n]) => n);
      // onnxruntime wraps once at most.
      const most = (n: number, p: number) =>
        mode === 'reflect' ? Math.min(p, n - 1) : mode === 'wrap' ? Math.min(p, n) : p;
      const pads = [...all.map(([n, p]) => most(n, p)), ...all.map(([n, , p]) => most(n, p))];
      const dims = { x: open ? shape.map((_, i) => `s${i}`) : shape };
      await passes({
        inputs: { x: shape },
        dims,
        opset: 19,
        build: (g) => g.op('Pad', ['x', g.ints(...pads)], { mode: { string: mode } }),
      });
      await passes({
        inputs: { x: shape },
        dims,
        build: (g) => g.op('Tile', ['x', g.ints(...all.map(([, p]) => p + 1))]),
      });
    }),
    runs,
  );
});

test('Einsum of one to three operands with any letters', async () => {
  const letters = ['i', 'j', 'k', 'l'];
  const length = { i: 2, j: 3, k: 1, l: 2 } as Record<string, number>;
  const term = fc.array(fc.constantFrom(...letters), { minLength: 1, maxLength: 3 });
  const settings = fc.tuple(fc.array(term, { minLength: 1, maxLength: 3 }), fc.infiniteStream(fc.boolean()));
  await fc.assert(
    fc.asyncProperty(settings, async ([terms, coin]) => {
      const used = [...new Set(terms.flat())];
      const result = used.filter(() => coin.next().value);
      const equation = `${terms.map((t) => t.join('')).join(',')}->${result.join('')}`;
      const names = terms.map((_, i) => `x${i}`);
      await passes({
        inputs: Object.fromEntries(terms.map((t, i) => [`x${i}`, t.map((l) => length[l]!)])),
        build: (g) => g.op('Einsum', names, { equation: { string: equation } }),
      });
    }),
    { ...runs, numRuns: 60 },
  );
});

test.each(
  (
    'Neg Exp Tanh Sigmoid Erf Elu Selu Celu Softplus Softsign Mish Sin Cos Atan Sinh Cosh Asinh ' +
    'LeakyRelu Relu Abs HardSwish Identity Softmax LogSoftmax'
  ).split(' '),
)('%s of any shape, with and without names', async (op) => {
  const shapes = fc.tuple(fc.array(upTo(3), { minLength: 1, maxLength: 4 }), fc.boolean());
  await fc.assert(
    fc.asyncProperty(shapes, async ([shape, open]) => {
      await passes({
        inputs: { x: shape },
        dims: { x: open ? shape.map((_, i) => `s${i}`) : shape },
        draw: (r) => (r.uniform() < 0.5 ? -1 : 1) * (0.9 + 0.2 * r.uniform()),
        build: (g) => g.op(op, ['x']),
      });
    }),
    { ...runs, numRuns: 6 },
  );
});
