/** @file Shapes of convolutions, pools, and what else images go through. */
import { intAttribute, intsAttribute, stringAttribute } from '../attributes.ts';
import { addDims, divideDims, multiplyDims, positiveAxis } from '../dims.ts';
import type { Dim } from '../types.ts';
import { countWindows, extent, poolKernel, roundsUp, transposedWindowsOf, windowsOf } from '../window.ts';
import { badShape, type ShapeContext, type ShapeRule } from './rule.ts';

const keep = (c: ShapeContext, shape: readonly Dim[]) => [{ dtype: c.type(0).dtype, shape }];
const same: ShapeRule = (c) => [c.type(0)];

/** Sizes of the kernel: the attribute, else those of the weight (input 1). */
const kernelOf = (c: ShapeContext): readonly Dim[] =>
  intsAttribute(c.node, 'kernel_shape') ?? c.type(1).shape.slice(2);

/** Sizes after the windows; unknown where padding depends on the run. */
function spatial(c: ShapeContext, kernel: readonly Dim[], ceil: boolean): Dim[] {
  const sizes = c.type(0).shape.slice(2);
  if (sizes.length !== kernel.length) {
    throw badShape(c.node, `a kernel of ${kernel.length} axes over [${c.type(0).shape}]`);
  }
  const windows = windowsOf(c.node, kernel, sizes);
  return sizes.map((size, i) => (windows ? countWindows(windows[i]!, size, ceil) : c.unknown(i + 2)));
}

const pool: ShapeRule = (c) => {
  const { dtype, shape } = c.type(0);
  const out = [...shape.slice(0, 2), ...spatial(c, poolKernel(c.node), roundsUp(c.node))];
  return [
    { dtype, shape: out },
    { dtype: 'int64', shape: out },
  ];
};

const globalPool: ShapeRule = (c) =>
  keep(
    c,
    c.type(0).shape.map((d, i) => (i < 2 ? d : 1)),
  );

const convTranspose: ShapeRule = (c) => {
  const { shape } = c.type(0);
  const sizes = shape.slice(2);
  const windows = transposedWindowsOf(c.node, kernelOf(c), sizes);
  const channels = multiplyDims(c.type(1).shape[1]!, intAttribute(c.node, 'group', 1));
  const out = sizes.map((size, i) => {
    const w = windows?.[i];
    if (!w) return c.unknown(i + 2);
    const rest = addDims(extent(w), w.outputPadding - w.before - w.after - w.stride);
    return addDims(multiplyDims(size, w.stride), rest);
  });
  return keep(c, [shape[0]!, channels, ...out]);
};

/** Resize by sizes or by scales of some axes. */
const resize: ShapeRule = (c) => {
  const { shape } = c.type(0);
  const axes = intsAttribute(c.node, 'axes')?.map((a) => positiveAxis(a, shape.length)) ?? [...shape.keys()];
  const stretch = stringAttribute(c.node, 'keep_aspect_ratio_policy', 'stretch') === 'stretch';
  const dims = [...shape];
  const sizes = c.has(3) ? c.ints(3) : undefined;
  const scales = c.has(2) ? c.numbers(2) : undefined;
  axes.forEach((axis, i) => {
    const size = dims[axis]!;
    if (c.has(3)) dims[axis] = (stretch ? sizes?.[i] : undefined) ?? c.unknown(axis);
    else dims[axis] = scaled(size, scales?.[i]) ?? c.unknown(axis);
  });
  return keep(c, dims);
};

function scaled(size: Dim, scale: number | undefined): Dim | undefined {
  if (scale === undefined) return undefined;
  if (typeof size === 'number') return Math.floor(Math.fround(size * scale)); // in float32, as onnxruntime
  return Number.isInteger(scale) ? multiplyDims(size, scale) : undefined;
}

/** Blocks of `blocksize` per spatial axis into channels, or back. */
const blocks =
  (toDepth: boolean): ShapeRule =>
  (c) => {
    const [n, channels, ...sizes] = c.type(0).shape;
    const size = intAttribute(c.node, 'blocksize', 1);
    const square = size ** sizes.length;
    const scale = (d: Dim, by: number, up: boolean) => (up ? multiplyDims(d, by) : divideDims(d, by));
    const out = [scale(channels!, square, toDepth), ...sizes.map((d) => scale(d, size, !toDepth))];
    return keep(c, [n!, ...out.map((d, i) => d ?? c.unknown(i + 1))]);
  };

/** Inference: the result; in training also the running mean and variance. */
const batchNormalization: ShapeRule = (c) =>
  c.node.outputs.map((_, i) => (i === 0 ? c.type(0) : { dtype: c.type(3).dtype, shape: c.type(3).shape }));

export const windowShapes: Readonly<Record<string, ShapeRule>> = {
  Conv: (c) => keep(c, [c.type(0).shape[0]!, c.type(1).shape[0]!, ...spatial(c, kernelOf(c), false)]),
  ConvTranspose: convTranspose,
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
  Resize: resize,
  DepthToSpace: blocks(false),
  SpaceToDepth: blocks(true),
  BatchNormalization: batchNormalization,
  InstanceNormalization: same,
  GroupNormalization: same,
  LRN: same,
  MeanVarianceNormalization: same,
};
