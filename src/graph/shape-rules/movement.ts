/** @file Shapes of operators that move values about: reshape, transpose, slice, join, repeat. */
import { intAttribute, intsAttribute } from '../attributes.ts';
import {
  addDims,
  broadcastShapes,
  divideDims,
  multiplyDims,
  neverNegative,
  positiveAxis,
  productDims,
  subtractDims,
} from '../dims.ts';
import type { Dim } from '../types.ts';
import { axesOf, badShape, knownInts, type ShapeContext, type ShapeRule, unknownShape } from './rule.ts';

const keep = (c: ShapeContext, shape: readonly Dim[]) => [{ dtype: c.type(0).dtype, shape }];

/** Rank that a shape given as a value asks for, when its own length is known. */
const rankFrom = (c: ShapeContext, i: number): number => {
  const length = c.type(i).shape[0];
  if (typeof length !== 'number') throw badShape(c.node, 'the rank of the result cannot be known');
  return length;
};

const reshape: ShapeRule = (c) => {
  const { shape } = c.type(0);
  const target = c.ints(1);
  if (!target) return keep(c, unknownShape(c, rankFrom(c, 1)));
  const zeroCopies = intAttribute(c.node, 'allowzero', 0) === 0;
  const dims = target.map((d, axis): Dim => (d === 0 && zeroCopies ? (shape[axis] ?? 0) : d));
  const open = dims.indexOf(-1);
  // Axes that are copied count on both sides: left out, sums among them need no division.
  const isCopied = (axis: number) => target[axis] === 0 && zeroCopies && axis < shape.length;
  const rest = productDims(dims.filter((d, axis) => d !== -1 && !isCopied(axis)));
  const total = productDims(shape.filter((_, axis) => !isCopied(axis)));
  if (open >= 0) dims[open] = divideDims(total, rest) ?? c.unknown(open);
  else if (typeof total === 'number' && typeof rest === 'number' && total !== rest) {
    throw badShape(c.node, `[${shape}] cannot become [${dims}]`);
  }
  return keep(c, dims);
};

/**
 * Length of start:end:step on an axis, clamped as ONNX says (a start before the first element is the first one, also
 * when the step goes back, unlike in numpy); undefined when it cannot be known. A named size is taken to be at least
 * 1, and a named end to lie within an axis of known size (a table made long enough). A bound such as `n-4` counts from
 * the end where n is below 4: its length is not known.
 */
function sliceLength(dim: Dim, start: Dim, end: Dim, step: number): Dim | undefined {
  if (typeof dim === 'number' && typeof start === 'number' && typeof end === 'number') {
    const clamp = (v: number, low: number, high: number) =>
      Math.min(Math.max(v < 0 ? v + dim : v, low), high);
    const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
    return Math.max(0, Math.ceil((clamp(end, low, high) - clamp(start, 0, high)) / step));
  }
  if ([start, end].some((bound) => typeof bound === 'string' && !neverNegative(bound))) return undefined;
  const [farUp, farDown] = [end === dim || Number(end) >= 2 ** 31 - 1, Number(end) <= -(2 ** 31 - 1)];
  if (step === -1 && start === -1 && farDown) return dim;
  if (step !== 1) return undefined;
  if (start === 0) {
    if (farUp) return dim;
    if (end === 1) return 1;
    if (end === -1) return addDims(dim, -1);
    if (typeof end === 'string' && typeof dim === 'number') return end;
  }
  if (typeof start === 'string' && typeof end === 'string' && typeof dim === 'number') {
    // From n to n + m: m, where that is sure to be a length.
    const length = subtractDims(end, start);
    return neverNegative(length) ? length : undefined;
  }
  if (start === 1 && farUp) return addDims(dim, -1);
  return start === -1 && farUp ? 1 : undefined;
}

const slice: ShapeRule = (c) => {
  const { shape } = c.type(0);
  const starts = c.has(1) ? c.ints(1) : intsAttribute(c.node, 'starts');
  const ends = c.has(2) ? c.ints(2) : intsAttribute(c.node, 'ends');
  const given = axesOf(c, 3);
  const axes = given === 'absent' ? shape.map((_, i) => i) : given;
  const steps = c.has(4) ? knownInts(c, 4) : undefined;
  if (axes === 'unknown') return keep(c, unknownShape(c, shape.length));
  const dims = [...shape];
  axes.slice(0, starts?.length ?? axes.length).forEach((a, i) => {
    const axis = positiveAxis(a, shape.length);
    const [start, end] = [starts?.[i], ends?.[i]];
    const known =
      start !== undefined && end !== undefined && (!c.has(4) || steps)
        ? sliceLength(shape[axis]!, start, end, steps?.[i] ?? 1)
        : undefined;
    dims[axis] = known ?? c.unknown(axis);
  });
  return keep(c, dims);
};

const split: ShapeRule = (c) => {
  const { dtype, shape } = c.type(0);
  const axis = positiveAxis(intAttribute(c.node, 'axis', 0), shape.length);
  const sizes = c.has(1) ? c.ints(1) : intsAttribute(c.node, 'split');
  const count = c.node.outputs.length;
  const even = (i: number): Dim => {
    const dim = shape[axis]!;
    if (typeof dim !== 'number') return divideDims(dim, count) ?? c.unknown(axis, i);
    const part = Math.ceil(dim / count);
    return i < count - 1 ? part : dim - part * (count - 1);
  };
  return c.node.outputs.map((_, i) => {
    const size = c.has(1) || sizes ? (sizes?.[i] ?? c.unknown(axis, i)) : even(i);
    return { dtype, shape: shape.map((d, a) => (a === axis ? size : d)) };
  });
};

const expand: ShapeRule = (c) => {
  const { shape } = c.type(0);
  const target = c.ints(1) ?? unknownShape(c, rankFrom(c, 1));
  const joined = broadcastShapes(shape, target);
  if (!joined) throw badShape(c.node, `[${shape}] does not broadcast to [${target}]`);
  return keep(c, joined);
};

export const movementShapes: Readonly<Record<string, ShapeRule>> = {
  Reshape: reshape,
  Slice: slice,
  Split: split,
  Expand: expand,
  Transpose: (c) => {
    const { shape } = c.type(0);
    const perm = intsAttribute(c.node, 'perm') ?? shape.map((_, i) => shape.length - 1 - i);
    return keep(
      c,
      perm.map((p) => shape[p]!),
    );
  },
  Flatten: (c) => {
    const { shape } = c.type(0);
    const raw = intAttribute(c.node, 'axis', 1);
    const axis = raw < 0 ? raw + shape.length : raw;
    return keep(c, [productDims(shape.slice(0, axis)), productDims(shape.slice(axis))]);
  },
  Squeeze: (c) => {
    const { shape } = c.type(0);
    const axes = axesOf(c, 1);
    if (axes === 'unknown') throw badShape(c.node, 'the axes to squeeze must be constants');
    const gone = new Set(
      axes === 'absent'
        ? shape.flatMap((d, i) => (d === 1 ? [i] : []))
        : axes.map((a) => positiveAxis(a, shape.length)),
    );
    return keep(
      c,
      shape.filter((_, i) => !gone.has(i)),
    );
  },
  Unsqueeze: (c) => {
    const { shape } = c.type(0);
    const axes = axesOf(c, 1);
    if (typeof axes === 'string') throw badShape(c.node, 'the axes to add must be constants');
    const rank = shape.length + axes.length;
    const added = new Set(axes.map((a) => positiveAxis(a, rank)));
    const old = [...shape];
    return keep(
      c,
      Array.from({ length: rank }, (_, i) => (added.has(i) ? 1 : old.shift()!)),
    );
  },
  Concat: (c) => {
    const first = c.type(0).shape;
    const axis = positiveAxis(intAttribute(c.node, 'axis', 0), first.length);
    const total = c.node.inputs.map((_, i) => c.type(i).shape[axis]!).reduce(addDims);
    return keep(
      c,
      first.map((d, i) => (i === axis ? total : d)),
    );
  },
  Tile: (c) => {
    const repeats = c.ints(1);
    return keep(
      c,
      c.type(0).shape.map((d, i) => (repeats ? multiplyDims(d, repeats[i]!) : c.unknown(i))),
    );
  },
  Pad: (c) => {
    const { shape } = c.type(0);
    const pads = c.ints(1);
    const given = c.has(3) ? knownInts(c, 3) : shape.map((_, i) => i);
    if (!pads || !given) return keep(c, unknownShape(c, shape.length));
    const dims = [...shape];
    given.forEach((a, i) => {
      const axis = positiveAxis(a, shape.length);
      dims[axis] = addDims(addDims(dims[axis]!, pads[i]!), pads[i + given.length]!);
    });
    return keep(c, dims);
  },
};
