/** @file Bringing gradients into shape: broadcast forward, reduce back, by symbolic sizes where they tell enough. */
import { GraphError } from '../core/errors.ts';
import { divideDims, multiplyDims } from '../graph/dims.ts';
import type { Dim } from '../graph/types.ts';
import type { Emitter } from './emit.ts';

const sameShape = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i]);

/** The sizes of `name` as an int64 vector: a constant when all are known. */
export function shapeOf(e: Emitter, name: string): string {
  const shape = e.shape(name);
  if (shape.every((d) => typeof d === 'number')) return e.ints(...shape);
  return e.vectorOf(shape) ?? e.op('Shape', [name]);
}

/** The size of one axis as an int64 vector of length 1. */
export function sizeOfAxis(e: Emitter, name: string, axis: number): string {
  const dim = e.shape(name)[axis]!;
  if (typeof dim === 'number') return e.ints(dim);
  return e.vectorOf([dim]) ?? e.op('Shape', [name], { start: { int: axis }, end: { int: axis + 1 } });
}

/** 0, 1, 2… as long as an axis of `x`. */
export function positionsOf(e: Emitter, x: string, axis: number): string {
  const length = e.op('Squeeze', [sizeOfAxis(e, x, axis), e.ints(0)]);
  return e.op('Range', [e.scalar(0, 'int64'), length, e.scalar(1, 'int64')]);
}

/** `value` broadcast to the shape of `like` (itself when it has it). */
export function broadcastTo(e: Emitter, value: string, like: string): string {
  if (sameShape(e.shape(value), e.shape(like))) return value;
  return e.op('Expand', [value, shapeOf(e, like)]);
}

/** Zeros of the type and shape of `like`. */
export const zerosLike = (e: Emitter, like: string): string => broadcastTo(e, e.number(0, like), like);

/**
 * `value` reshaped to the shape of `like` (equal number of elements). Uses a constant target where the open
 * sizes can be copied (0) or deduced (−1), so that `like` need not stay in memory.
 */
export function reshapeLike(e: Emitter, value: string, like: string): string {
  const [from, to] = [e.shape(value), e.shape(like)];
  if (sameShape(from, to)) return value;
  const target: number[] = [];
  let deduced = 0;
  for (const [axis, dim] of to.entries()) {
    if (typeof dim === 'number') target.push(dim);
    else if (dim === from[axis]) target.push(0);
    else {
      target.push(-1);
      deduced++;
    }
  }
  const ambiguous = deduced > 1 || to.includes(0);
  return e.op('Reshape', [value, ambiguous ? shapeOf(e, like) : e.ints(...target)]);
}

/** A size in a shape to be built: a number, −1 for what is left, or that of an axis of a value (or a multiple of it). */
export type Size = number | { readonly of: string; readonly axis: number; readonly times?: number };

/** The size as a number where it is known. */
function numberOf(e: Emitter, size: Size): Size {
  if (typeof size === 'number') return size;
  const dim = e.shape(size.of)[size.axis]!;
  return typeof dim === 'number' ? Math.round(dim * (size.times ?? 1)) : size;
}

/** The size as a symbol; what cannot be written as one is like no other. */
function symbolOf(e: Emitter, size: Size): Dim {
  if (typeof size === 'number') return size;
  const dim = e.shape(size.of)[size.axis]!;
  const { times = 1 } = size;
  return (times < 1 ? divideDims(dim, Math.round(1 / times)) : multiplyDims(dim, times)) ?? `?${size.of}`;
}

/** An int64 vector of sizes: a constant when all are known. */
export function sizes(e: Emitter, wanted: readonly Size[]): string {
  const known = wanted.map((size) => numberOf(e, size));
  if (known.every((size) => typeof size === 'number')) return e.ints(...known);
  const shared = known.includes(-1) ? undefined : e.vectorOf(known.map((size) => symbolOf(e, size)));
  if (shared !== undefined) return shared;
  const parts = known.map((size) => {
    if (typeof size === 'number') return e.ints(size);
    const own = sizeOfAxis(e, size.of, size.axis);
    const { times = 1 } = size;
    return times < 1
      ? e.op('Div', [own, e.ints(Math.round(1 / times))])
      : times === 1
        ? own
        : e.op('Mul', [own, e.ints(times)]);
  });
  return parts.length === 1 ? parts[0]! : e.op('Concat', parts, { axis: { int: 0 } });
}

/** `value` with the sizes wanted; one that only the run knows is deduced. */
export function reshapeTo(e: Emitter, value: string, wanted: readonly Size[]): string {
  const known = wanted.map((size) => numberOf(e, size));
  const deduced = known.filter((size) => typeof size !== 'number' || size === -1).length === 1;
  return e.op('Reshape', [
    value,
    sizes(e, deduced ? known.map((s) => (typeof s === 'number' ? s : -1)) : known),
  ]);
}

/**
 * The gradient of `x` from `g`, the gradient of a result `y` that `x` was broadcast into: sums over the axes
 * that `x` lacks or has at size 1. `g` may itself be smaller than `y` (not yet broadcast).
 * Where symbols cannot tell which axes were broadcast (two different names), the run decides.
 */
export function reduceTo(e: Emitter, g: string, x: string, y: string): string {
  const [xs, ys] = [e.shape(x), e.shape(y)];
  const lead = ys.length - xs.length;
  const summed = ys.flatMap((dim, axis) =>
    axis < lead || (xs[axis - lead] === 1 && dim !== 1) ? [axis] : [],
  );
  const ambiguous = ys.some((dim, axis) => axis >= lead && xs[axis - lead] !== dim && xs[axis - lead] !== 1);
  if (ambiguous) return reduceAtRun(e, broadcastTo(e, g, y), x);
  if (summed.length === 0) return g;
  // An axis that g has not been broadcast along yet still counts once per element of y.
  const gs = e.shape(g);
  const missing = ys.length - gs.length;
  const small = summed.some((axis) => ys[axis] !== 1 && (axis < missing || gs[axis - missing] !== ys[axis]));
  const full = small ? broadcastTo(e, g, y) : g;
  const offset = ys.length - e.shape(full).length;
  const axes = summed.map((axis) => axis - offset).filter((axis) => axis >= 0);
  const onlyLeading = axes.every((axis, i) => axis === i && axis < lead - offset);
  if (onlyLeading) return sum(e, full, axes, false);
  const kept = sum(e, full, axes, true);
  const extra = Math.max(0, lead - offset);
  return extra === 0 ? kept : e.op('Squeeze', [kept, e.ints(...Array(extra).keys())]);
}

/** Sum over axes. */
export function sum(e: Emitter, value: string, axes: readonly number[], keepdims: boolean): string {
  if (axes.length === 0) return value;
  return e.op('ReduceSum', [value, e.ints(...axes)], { keepdims: { int: keepdims ? 1 : 0 } });
}

/** Compares the sizes during the run and sums the axes in which they differ. */
function reduceAtRun(e: Emitter, g: string, x: string): string {
  const lead = e.shape(g).length - e.shape(x).length;
  if (lead < 0) throw new GraphError('graph.shape', `the gradient of "${x}" has too few axes`, { where: x });
  const own = e.op('Shape', [x]);
  const ones = e.ints(...Array<number>(lead).fill(1));
  const padded = lead === 0 ? own : e.op('Concat', [ones, own], { axis: { int: 0 } });
  const differs = e.op('Not', [e.op('Equal', [e.op('Shape', [g]), padded])]);
  const axes = e.op('Reshape', [e.op('NonZero', [differs]), e.ints(-1)]);
  const reduced = e.op('ReduceSum', [g, axes], { keepdims: { int: 1 }, noop_with_empty_axes: { int: 1 } });
  return e.assume(e.op('Reshape', [reduced, own]), x);
}
