/** @file Convolutions: each is the adjoint of the other, and both gradients of weights are one convolution. */
import { GraphError } from '../../core/errors.ts';
import { intAttribute } from '../../graph/attributes.ts';
import type { Attribute, Dim, Node } from '../../graph/types.ts';
import { countWindows, extent, transposedWindowsOf, type Window, windowsOf } from '../../graph/window.ts';
import type { Emitter } from '../emit.ts';
import { again, type JvpContext, operand, type Rule, type VjpContext } from '../rule.ts';
import { broadcastTo, reshapeTo, type Size, sizes as sizesOf, sum } from '../shaping.ts';

type Attributes = Record<string, Attribute>;

const SPATIAL = 2;

/** The attribute, where it is known: else onnxruntime takes it from the weight. */
const kernelShape = (kernel: readonly Dim[]): Attributes =>
  kernel.every((k) => typeof k === 'number') ? { kernel_shape: { ints: kernel } } : {};

/** Attributes of a convolution with these windows. */
const attributesOf = (windows: readonly Window[], group: number): Attributes => ({
  ...kernelShape(windows.map((w) => w.kernel)),
  strides: { ints: windows.map((w) => w.stride) },
  dilations: { ints: windows.map((w) => w.dilation) },
  pads: { ints: [...windows.map((w) => w.before), ...windows.map((w) => w.after)] },
  group: { int: group },
});

const spatialSizes = (e: Emitter, x: string): readonly Dim[] => e.shape(x).slice(SPATIAL);

const kernelOf = (e: Emitter, weight: string): readonly Dim[] => spatialSizes(e, weight);

/** How far past the end of `size` the last of `count` windows reaches: below 0 when it falls short. */
function overhang(window: Window, size: Dim, count: Dim): number | undefined {
  // At stride 1 every position within the padding has a window.
  if (window.stride === 1 && countWindows(window, size) === count) return window.after;
  const reach = extent(window);
  if (typeof size !== 'number' || typeof count !== 'number' || typeof reach !== 'number') return undefined;
  return (count - 1) * window.stride + reach - size - window.before;
}

const overhangs = (e: Emitter, windows: readonly Window[], x: string, g: string) =>
  windows.map((w, i) => overhang(w, spatialSizes(e, x)[i]!, spatialSizes(e, g)[i]!));

/**
 * The adjoint of a convolution of `x` by `weight` [M, C/group, kernel…], applied to `g` [N, M, …]: a transposed
 * convolution, cut or filled with zeros to the size of `x` where that is known only during the run.
 */
export function spread(
  e: Emitter,
  g: string,
  weight: string,
  x: string,
  windows: readonly Window[],
  group: number,
): string {
  const over = overhangs(e, windows, x, g);
  if (over.every((o) => o !== undefined)) {
    const exact = windows.map((w, i) => ({ ...w, after: Math.max(over[i]!, 0) }));
    const output_padding = { ints: over.map((o) => Math.max(-o, 0)) };
    const made = e.op('ConvTranspose', [g, weight], { ...attributesOf(exact, group), output_padding });
    return e.assume(made, x);
  }
  // Long enough for any rest that the strides leave; the run knows where x ends.
  const whole = windows.map((w) => ({ ...w, before: 0, after: 0 }));
  const output_padding = { ints: windows.map((w) => w.stride - 1) };
  const full = e.op('ConvTranspose', [g, weight], { ...attributesOf(whole, group), output_padding });
  const axes = windows.map((_, i) => i + SPATIAL);
  const before = e.ints(...windows.map((w) => w.before));
  const size = sizesOf(
    e,
    axes.map((axis) => ({ of: x, axis })),
  );
  return e.assume(e.op('Slice', [full, before, e.add(before, size), e.ints(...axes)]), x);
}

/** Exchanges the first two axes. */
const exchange = (e: Emitter, x: string): string =>
  e.op('Transpose', [x], { perm: { ints: e.shape(x).map((_, i) => (i < SPATIAL ? 1 - i : i)) } });

/**
 * A computed value as the kernel of a convolution. onnxruntime 1.30 (Pad_Fusion) takes a Pad that makes a kernel
 * for one that makes the image; a Reshape in between, which copies nothing, keeps them apart.
 */
const asKernel = (e: Emitter, value: string): string =>
  reshapeTo(
    e,
    value,
    e.shape(value).map((_, axis) => ({ of: value, axis })),
  );

/** [N, group·C, …] as [C, group·N, …]: the channels of a group beside each other. */
function byGroup(e: Emitter, x: string, group: number): string {
  if (group === 1) return exchange(e, x);
  const from = (axis: number, times = 1): Size => ({ of: x, axis, times });
  const axes = spatialSizes(e, x).map((_, i) => from(i + SPATIAL));
  const each = from(1, 1 / group);
  const split = reshapeTo(e, x, [from(0), group, each, ...axes]);
  const perm = { ints: [2, 1, 0, ...axes.map((_, i) => i + 3)] };
  return reshapeTo(e, e.op('Transpose', [split], { perm }), [each, from(0, group), ...axes]);
}

/**
 * Σ over examples and positions of small[n, m, o] · big[n, c, o·stride + k·dilation − before]: the gradient
 * [M, C/group, kernel…] of a convolution's weight, as a convolution in which strides and dilations change
 * places (the image is the input, the gradient the kernel). `over`: how far the last window reaches past `big`.
 */
function correlate(
  e: Emitter,
  big: string,
  small: string,
  windows: readonly Window[],
  group: number,
  weight: string,
  over: readonly (number | undefined)[],
): string {
  const kernel = e.shape(small).slice(SPATIAL);
  const attributes = {
    strides: { ints: windows.map((w) => w.dilation) },
    dilations: { ints: windows.map((w) => w.stride) },
    pads: {
      ints: [...windows.map((w) => w.before), ...windows.map((w, i) => Math.max(over[i] ?? w.after, 0))],
    },
    group: { int: group },
    ...kernelShape(kernel),
  };
  const longer = windows.flatMap((_, i) => ((over[i] ?? -1) < 0 ? [i] : []));
  const [m, c] = e.shape(weight) as [Dim, Dim];
  const reached = windows.map((w, i) => (longer.includes(i) ? `?${small}.${i}.reached` : w.kernel));
  const found = e.shaped('Conv', [byGroup(e, big, group), asKernel(e, exchange(e, small))], attributes, [
    c,
    m,
    ...reached,
  ]);
  const cut =
    longer.length === 0
      ? found
      : e.op('Slice', [
          found,
          e.ints(...longer.map(() => 0)),
          sizesOf(
            e,
            longer.map((i) => ({ of: weight, axis: i + SPATIAL })),
          ),
          e.ints(...longer.map((i) => i + SPATIAL)),
        ]);
  return e.assume(exchange(e, cut), weight);
}

/** Tangent of the bias, along the channels. */
function biasTangent(c: JvpContext): string {
  const { e } = c;
  const spatial = spatialSizes(e, operand(c)).map((_, i) => i + 1);
  const channels = e.op('Unsqueeze', [c.tangent(2), e.ints(...spatial)]);
  return broadcastTo(e, channels, c.node.outputs[0]!);
}

function jvp(c: JvpContext): string[] {
  const [x, w] = [operand(c, 0), operand(c, 1)];
  const parts = [
    ...(c.wants(0) ? again(c, [c.tangent(0), w]) : []),
    ...(c.wants(1) ? again(c, [x, asKernel(c.e, c.tangent(1))]) : []),
    ...(c.wants(2) ? [biasTangent(c)] : []),
  ];
  return [parts.reduce(c.e.add)];
}

/** @throws GraphError `graph.no-rule` when padding depends on sizes that only the run knows. */
export function required<T>(node: Node, windows: T | undefined): T {
  if (windows !== undefined) return windows;
  throw new GraphError(
    'graph.no-rule',
    `${node.op} "${node.outputs[0]}": its padding depends on sizes that only the run knows`,
    {
      where: node.outputs[0],
      hint: 'export the model with the sizes of its images as numbers, or with padding as numbers',
    },
  );
}

const biasGradient = (c: VjpContext): string =>
  sum(c.e, c.grad(), [0, ...spatialSizes(c.e, c.grad()).map((_, i) => i + SPATIAL)], false);

const groupOf = (node: Node) => intAttribute(node, 'group', 1);

const conv: Rule = {
  kind: 'rule',
  vjp(c) {
    const { e, node } = c;
    const [x, w] = [operand(c, 0), operand(c, 1)];
    const windows = required(node, windowsOf(node, kernelOf(e, w), spatialSizes(e, x)));
    const group = groupOf(node);
    const over = overhangs(e, windows, x, c.grad());
    return [
      c.wants(0) ? spread(e, c.grad(), w, x, windows, group) : undefined,
      c.wants(1) ? correlate(e, x, c.grad(), windows, group, w, over) : undefined,
      c.wants(2) ? biasGradient(c) : undefined,
    ];
  },
  jvp,
};

const convTranspose: Rule = {
  kind: 'rule',
  vjp(c) {
    const { e, node } = c;
    const [x, w] = [operand(c, 0), operand(c, 1)];
    const windows = required(node, transposedWindowsOf(node, kernelOf(e, w), spatialSizes(e, x)));
    const group = groupOf(node);
    const over = windows.map((t) => t.after - t.outputPadding);
    const gather = () => {
      const made = e.op('Conv', [c.grad(), w], attributesOf(windows, group));
      // Padding of at least a stride makes room for windows that the input has no elements for.
      const longer = windows.flatMap((t, i) => (t.outputPadding >= t.stride ? [i + SPATIAL] : []));
      if (longer.length === 0) return e.assume(made, x);
      const end = sizesOf(
        e,
        longer.map((axis) => ({ of: x, axis })),
      );
      return e.assume(e.op('Slice', [made, e.ints(...longer.map(() => 0)), end, e.ints(...longer)]), x);
    };
    return [
      c.wants(0) ? gather() : undefined,
      c.wants(1) ? correlate(e, c.grad(), x, windows, group, w, over) : undefined,
      c.wants(2) ? biasGradient(c) : undefined,
    ];
  },
  jvp,
};

export const convolutionRules: Readonly<Record<string, Rule>> = { Conv: conv, ConvTranspose: convTranspose };
