/** @file Sliding windows: what kernel, strides, dilations, padding and rounding of convolutions and pools mean. */
import { intAttribute, intsAttribute, stringAttribute } from './attributes.ts';
import { addDims, atomOf, divideDims, multiplyDims, subtractDims } from './dims.ts';
import type { Dim, Node } from './types.ts';

/** How windows of a kernel lie along one spatial axis. */
export interface Window {
  readonly kernel: Dim;
  readonly stride: number;
  readonly dilation: number;
  /** Padding before the first and after the last element. */
  readonly before: number;
  readonly after: number;
}

/** Elements from the first to the last that one window touches. */
export const extent = ({ kernel, dilation }: Window): Dim =>
  addDims(multiplyDims(kernel, dilation), 1 - dilation);

/**
 * The windows of a convolution or pool per spatial axis, `auto_pad` turned into numbers; undefined where that
 * needs a size that only the run knows. `kernel`: sizes of the kernel; `sizes`: of the spatial axes.
 */
export function windowsOf(node: Node, kernel: readonly Dim[], sizes: readonly Dim[]): Window[] | undefined {
  const rank = kernel.length;
  const pads = intsAttribute(node, 'pads');
  const auto = stringAttribute(node, 'auto_pad', 'NOTSET');
  const windows: Window[] = [];
  for (let i = 0; i < rank; i++) {
    const plain = {
      kernel: kernel[i]!,
      stride: intsAttribute(node, 'strides')?.[i] ?? 1,
      dilation: intsAttribute(node, 'dilations')?.[i] ?? 1,
    };
    if (auto !== 'SAME_UPPER' && auto !== 'SAME_LOWER') {
      const given = auto === 'VALID' ? undefined : pads;
      windows.push({ ...plain, before: given?.[i] ?? 0, after: given?.[i + rank] ?? 0 });
      continue;
    }
    const total = samePadding({ ...plain, before: 0, after: 0 }, sizes[i]!);
    if (total === undefined) return undefined;
    const less = Math.floor(total / 2);
    const before = auto === 'SAME_UPPER' ? less : total - less;
    windows.push({ ...plain, before, after: total - before });
  }
  return windows;
}

/** Padding that keeps ⌈size / stride⌉ windows. */
function samePadding(window: Window, size: Dim): number | undefined {
  const reach = extent(window);
  if (typeof reach !== 'number') return undefined;
  if (window.stride === 1) return reach - 1;
  if (typeof size !== 'number') return undefined;
  return Math.max((Math.ceil(size / window.stride) - 1) * window.stride + reach - size, 0);
}

/** How many windows fit along an axis; `ceil`: one more may hang over the end, if it starts within. */
export function countWindows(window: Window, size: Dim, ceil = false): Dim {
  const room = subtractDims(addDims(size, window.before + window.after), extent(window));
  if (window.stride === 1) return addDims(room, 1);
  if (typeof room !== 'number') {
    const exact = divideDims(room, window.stride);
    return exact === undefined
      ? `?${ceil ? 'ceil' : 'floor'}(${atomOf(addDims(room, window.stride))} over ${window.stride})`
      : addDims(exact, 1);
  }
  const steps = room / window.stride;
  if (!ceil) return Math.floor(steps) + 1;
  const count = Math.ceil(steps) + 1;
  return (count - 1) * window.stride >= (size as number) + window.before ? count - 1 : count;
}

/** Sizes of the kernel of a pool, from its attribute. */
export const poolKernel = (node: Node): readonly number[] => intsAttribute(node, 'kernel_shape') ?? [];

/** Whether a pool rounds up. */
export const roundsUp = (node: Node): boolean => intAttribute(node, 'ceil_mode', 0) === 1;

/** A transposed convolution: the windows of the convolution that it is the adjoint of, and what it adds at the end. */
export interface TransposedWindow extends Window {
  readonly outputPadding: number;
}

/**
 * As `windowsOf` for ConvTranspose: `output_shape` and `auto_pad` become padding. Undefined where that needs a
 * size that only the run knows. Source: the formulas of ConvTranspose in the ONNX standard.
 */
export function transposedWindowsOf(
  node: Node,
  kernel: readonly Dim[],
  sizes: readonly Dim[],
): TransposedWindow[] | undefined {
  const rank = kernel.length;
  const wanted = intsAttribute(node, 'output_shape')?.slice(-rank);
  const auto = stringAttribute(node, 'auto_pad', 'NOTSET');
  const same = auto === 'SAME_UPPER' || auto === 'SAME_LOWER';
  const pads = auto === 'VALID' ? undefined : intsAttribute(node, 'pads');
  const windows: TransposedWindow[] = [];
  for (let i = 0; i < rank; i++) {
    const window = {
      kernel: kernel[i]!,
      stride: intsAttribute(node, 'strides')?.[i] ?? 1,
      dilation: intsAttribute(node, 'dilations')?.[i] ?? 1,
      before: pads?.[i] ?? 0,
      after: pads?.[i + rank] ?? 0,
      outputPadding: intsAttribute(node, 'output_padding')?.[i] ?? 0,
    };
    if (!wanted && !same) {
      windows.push(window);
      continue;
    }
    const size = sizes[i]!;
    const reach = extent(window);
    if (typeof size !== 'number' || typeof reach !== 'number') return undefined;
    const target = wanted ? wanted[i]! : size * window.stride;
    const excess = window.stride * (size - 1) + window.outputPadding + reach - target;
    const total = Math.max(0, excess);
    const less = Math.floor(total / 2);
    const before = auto === 'SAME_UPPER' ? less : total - less;
    // Where the wanted size is larger than the windows reach, the rest is added at the end.
    const outputPadding = window.outputPadding + Math.max(0, -excess);
    windows.push({ ...window, before, after: total - before, outputPadding });
  }
  return windows;
}
