/** @file Pools: the maximum by its indices, the mean by windows of ones. */

import { emptyArray, sizeOf, tensor } from '../../core/tensor.ts';
import { intAttribute } from '../../graph/attributes.ts';
import { multiplyDims } from '../../graph/dims.ts';
import type { Node } from '../../graph/types.ts';
import { countWindows, extent, poolKernel, roundsUp, type Window, windowsOf } from '../../graph/window.ts';
import type { Emitter } from '../emit.ts';
import { linear, operand, type Rule, result, type VjpContext } from '../rule.ts';
import { reshapeLike, reshapeTo, type Size, zerosLike } from '../shaping.ts';
import { required, spread } from './convolution.ts';
import { scatterAlong } from './scatter.ts';

const SPATIAL = 2;

const spatialAxes = (e: Emitter, x: string): number[] =>
  e.shape(x).flatMap((_, i) => (i < SPATIAL ? [] : [i]));

const flat = (e: Emitter, x: string): string => e.op('Reshape', [x, e.ints(-1)]);

/** Indices count through the whole input, so that one scatter serves all pools. */
const maxPool: Rule = {
  kind: 'rule',
  normal(e, node) {
    const rows = intAttribute(node, 'storage_order', 0) === 0;
    if (rows && (node.outputs[1] ?? '') !== '') return undefined;
    const [y] = e.ops('MaxPool', node.inputs, 2, { ...node.attributes, storage_order: { int: 0 } });
    // Indices counted by columns carry no derivative: they stay what they were.
    const columns = rows ? [] : e.ops('MaxPool', node.inputs, ['', e.fresh('MaxPool')], node.attributes);
    return [y, columns[1]];
  },
  vjp(c) {
    const { e } = c;
    const x = operand(c);
    const places = flat(e, c.node.outputs[1]!);
    const zeros = flat(e, zerosLike(e, x));
    return [
      e.assume(reshapeTo(e, scatterAlong(e, zeros, places, flat(e, c.grad(0)), 0, 'add'), sizesOf(e, x)), x),
    ];
  },
  jvp(c) {
    const { e } = c;
    const places = flat(e, c.node.outputs[1]!);
    const taken = e.op('GatherElements', [flat(e, c.tangent()), places], { axis: { int: 0 } });
    const y = result(c);
    return [e.assume(reshapeTo(e, taken, sizesOf(e, y)), y), undefined];
  },
};

const sizesOf = (e: Emitter, like: string): Size[] => e.shape(like).map((_, axis) => ({ of: like, axis }));

/** Every channel of every example as an image of its own: [N, C, …] as [N·C, 1, …]. */
function singleChannel(e: Emitter, x: string): string {
  const [n, channels] = e.shape(x);
  const rows = multiplyDims(n!, channels!);
  const axes = spatialAxes(e, x).map((axis) => ({ of: x, axis }));
  return reshapeTo(e, x, [typeof rows === 'number' ? rows : -1, 1, ...axes]);
}

/** A kernel of ones. */
const ones = (e: Emitter, windows: readonly Window[], like: string): string => {
  const shape = [1, 1, ...windows.map((w) => Number(w.kernel))];
  const { dtype } = e.type(like);
  const data = emptyArray(dtype, sizeOf(shape));
  data.fill(1 as never);
  return e.constant(tensor(dtype, shape, data as never), 'ones');
};

/** Elements under the windows along one axis: within the image, or within its padding. */
function elementsUnder(w: Window, size: number, count: number, padded: boolean): number[] {
  const [low, high] = padded ? [-w.before, size + w.after] : [0, size];
  return Array.from({ length: count }, (_, o) => {
    let found = 0;
    for (let k = 0; k < Number(w.kernel); k++) {
      const at = o * w.stride + k * w.dilation - w.before;
      if (at >= low && at < high) found++;
    }
    return found;
  });
}

/** 1 / elements under each window, broadcastable to the pool's result. */
function shares(c: VjpContext, windows: readonly Window[], value: string): string {
  const { e, node } = c;
  const padded = intAttribute(node, 'count_include_pad', 0) === 1;
  let out = value;
  for (const [i, w] of windows.entries()) {
    const [size, count] = [e.shape(operand(c))[i + SPATIAL]!, e.shape(result(c))[i + SPATIAL]!];
    const unpadded = w.before === 0 && w.after === 0;
    if (!roundsUp(node) && (padded || unpadded)) {
      out = e.div(out, e.number(Number(w.kernel), out));
      continue;
    }
    if (typeof size !== 'number' || typeof count !== 'number') return required<string>(node, undefined);
    const under = elementsUnder(w, size, count, padded);
    const { dtype } = e.type(out);
    const data = emptyArray(dtype, count);
    for (let o = 0; o < count; o++) data[o] = under[o]!;
    const shape = [count, ...windows.slice(i + 1).map(() => 1)];
    out = e.div(out, e.constant(tensor(dtype, shape, data as never), 'window-sizes'));
  }
  return out;
}

const averagePool: Rule = linear((c) => {
  const { e, node } = c;
  const x = operand(c);
  const windows = required(node, windowsOf(node, poolKernel(node), e.shape(x).slice(SPATIAL)));
  const g = singleChannel(e, shares(c, windows, c.grad()));
  const images = singleChannel(e, x);
  return reshapeLike(e, spread(e, g, ones(e, windows, g), images, windows, 1), x);
});

/** (Σ |x|ᵖ)^(1/p) over windows: a convolution with ones, padding as numbers so that a window may hang over. */
function lpPool(e: Emitter, node: Node): string {
  const x = node.inputs[0]!;
  const sizes = e.shape(x).slice(SPATIAL);
  const windows = required(node, windowsOf(node, poolKernel(node), sizes)).map((w, i): Window => {
    if (!roundsUp(node) || typeof sizes[i] !== 'number') return w;
    const count = countWindows(w, sizes[i], true) as number;
    const reach = (count - 1) * w.stride + Number(extent(w));
    return { ...w, after: Math.max(w.after, reach - sizes[i] - w.before) };
  });
  const p = intAttribute(node, 'p', 2);
  const power = e.op('Pow', [e.op('Abs', [x]), e.number(p, x)]);
  const total = e.op('Conv', [singleChannel(e, power), ones(e, windows, x)], {
    kernel_shape: { ints: windows.map((w) => Number(w.kernel)) },
    strides: { ints: windows.map((w) => w.stride) },
    dilations: { ints: windows.map((w) => w.dilation) },
    pads: { ints: [...windows.map((w) => w.before), ...windows.map((w) => w.after)] },
  });
  const spatial = spatialAxes(e, total).map((axis) => ({ of: total, axis }));
  const back = reshapeTo(e, total, [{ of: x, axis: 0 }, { of: x, axis: 1 }, ...spatial]);
  return e.op('Pow', [back, e.number(1 / p, x)]);
}

/** A pool over all positions as a reduction. */
const globally = (
  make: (e: Emitter, x: string, axes: string, node: Node) => string,
  note?: string,
): Rule => ({
  kind: 'lower',
  lower: (e, node) => {
    const x = node.inputs[0]!;
    return [make(e, x, e.ints(...spatialAxes(e, x)), node)];
  },
  ...(note === undefined ? {} : { note }),
});

export const poolingRules: Readonly<Record<string, Rule>> = {
  MaxPool: { ...maxPool, note: 'the choice is held fixed; of equal ones the first' },
  AveragePool: averagePool,
  LpPool: { kind: 'lower', lower: (e, node) => [lpPool(e, node)] },
  GlobalAveragePool: globally((e, x, axes) => e.op('ReduceMean', [x, axes])),
  GlobalMaxPool: globally((e, x, axes) => e.op('ReduceMax', [x, axes]), 'ties share the gradient'),
  GlobalLpPool: globally((e, x, axes, node) => {
    const p = intAttribute(node, 'p', 2);
    const total = e.op('ReduceSum', [e.op('Pow', [e.op('Abs', [x]), e.number(p, x)]), axes]);
    return e.op('Pow', [total, e.number(1 / p, x)]);
  }),
};
