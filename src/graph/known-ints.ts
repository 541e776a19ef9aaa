/** @file Integers known before the run: constants, and what graphs compute from shapes in order to reshape. */
import { intAttribute } from './attributes.ts';
import {
  addDims,
  divideDims,
  multiplyDims,
  neverNegative,
  positiveAxis,
  productDims,
  subtractDims,
} from './dims.ts';
import { knownInts, type ShapeContext } from './shape-rules/rule.ts';
import type { Dim, Weight } from './types.ts';

/** Longest constant that is followed: longer ones are data, not shapes. */
const LONGEST = 64;

/** Content of a small integer weight, or undefined. */
export function intsOfWeight(weight: Weight): readonly Dim[] | undefined {
  if (!('data' in weight) || weight.shape.length > 1 || weight.data.length > LONGEST) return undefined;
  if (weight.dtype !== 'int64' && weight.dtype !== 'int32' && weight.dtype !== 'bool') return undefined;
  return Array.from(weight.data as ArrayLike<number | bigint>, Number);
}

/** Content of a small floating-point weight, or undefined. */
export function numbersOfWeight(weight: Weight): readonly number[] | undefined {
  if (!('data' in weight) || weight.shape.length > 1 || weight.data.length > LONGEST) return undefined;
  if (weight.dtype !== 'float32' && weight.dtype !== 'float64') return undefined;
  return Array.from(weight.data as ArrayLike<number>);
}

type Values = readonly Dim[] | undefined;

/** Content of output 0 of an integer node, or undefined when it cannot be known. */
export function intsOfNode(c: ShapeContext): Values {
  const rule = rules[c.node.op];
  return c.node.domain === '' ? rule?.(c) : undefined;
}

/** Elementwise on known values; one of the two may be a scalar. */
const pairwise =
  (combine: (a: Dim, b: Dim) => Dim | undefined) =>
  (c: ShapeContext): Values => {
    const [a, b] = [c.ints(0), c.ints(1)];
    if (!a || !b || (a.length !== b.length && a.length !== 1 && b.length !== 1)) return undefined;
    const out: Dim[] = [];
    for (let i = 0; i < Math.max(a.length, b.length); i++) {
      const value = combine(a[a.length === 1 ? 0 : i]!, b[b.length === 1 ? 0 : i]!);
      if (value === undefined) return undefined;
      out.push(value);
    }
    return out;
  };

/** A comparison of two numbers. */
const compared = (holds: (a: number, b: number) => boolean) =>
  pairwise((a, b) => (typeof a === 'number' && typeof b === 'number' ? Number(holds(a, b)) : undefined));

const pass = (c: ShapeContext): Values => c.ints(0);

const rules: Readonly<Record<string, (c: ShapeContext) => Values>> = {
  Identity: pass,
  Cast: pass,
  Squeeze: pass,
  Unsqueeze: pass,
  Reshape: pass,
  Shape: (c) => {
    const { shape } = c.type(0);
    const start = positiveAxis(intAttribute(c.node, 'start', 0), shape.length);
    return shape.slice(start, positiveAxis(intAttribute(c.node, 'end', shape.length), shape.length));
  },
  Size: (c) => [productDims(c.type(0).shape)],
  Gather: (c) => {
    const [data, at] = [c.ints(0), knownInts(c, 1)];
    if (!data || !at || c.type(0).shape.length !== 1) return undefined;
    return at.map((i) => data[positiveAxis(i, data.length)]!);
  },
  Concat: (c) => {
    const parts = c.node.inputs.map((_, i) => c.ints(i));
    return parts.every((p) => p !== undefined) ? parts.flat() : undefined;
  },
  Slice: (c) => {
    const [data, starts, ends] = [c.ints(0), knownInts(c, 1), knownInts(c, 2)];
    const steps = c.has(4) ? knownInts(c, 4) : [1];
    if (!data || starts?.length !== 1 || ends?.length !== 1 || steps?.[0] !== 1) return undefined;
    return data.slice(starts[0], ends[0]);
  },
  Add: pairwise(addDims),
  Sub: pairwise(subtractDims),
  Mul: pairwise(multiplyDims),
  Div: pairwise((a, b) =>
    typeof a === 'number' && typeof b === 'number' ? Math.trunc(a / b) : divideDims(a, b),
  ),
  ReduceProd: (c) => {
    const values = c.ints(0);
    return values && c.type(0).shape.length === 1 ? [productDims(values)] : undefined;
  },
  Equal: pairwise((a, b) => {
    if (a === b) return 1;
    // A size never equals a marker such as −1; a difference of sizes may.
    const [marker, other] = typeof a === 'number' ? [a, b] : [b, a];
    return typeof marker === 'number' && (typeof other === 'number' || (marker < 0 && neverNegative(other)))
      ? 0
      : undefined;
  }),
  Less: compared((a, b) => a < b),
  LessOrEqual: compared((a, b) => a <= b),
  Greater: compared((a, b) => a > b),
  GreaterOrEqual: compared((a, b) => a >= b),
  And: compared((a, b) => a !== 0 && b !== 0),
  Or: compared((a, b) => a !== 0 || b !== 0),
  Not: (c) => {
    const values = knownInts(c, 0);
    return values?.map((v) => (v === 0 ? 1 : 0));
  },
  Where: (c) => {
    const [chosen, a, b] = [c.ints(0), c.ints(1), c.ints(2)];
    if (!chosen || !a || !b) return undefined;
    return chosen.map((v, i) => (v === 1 ? a[a.length === 1 ? 0 : i]! : b[b.length === 1 ? 0 : i]!));
  },
  ConstantOfShape: (c) => {
    const length = c.ints(0)?.[0];
    const value = c.node.attributes.value;
    if (typeof length !== 'number' || length > LONGEST || c.ints(0)?.length !== 1) return undefined;
    const fill = value && 'tensor' in value ? Number(value.tensor.data[0]) : 0;
    return Array.from({ length }, () => fill);
  },
};
