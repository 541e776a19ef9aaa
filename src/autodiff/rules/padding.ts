/** @file Padding: with a constant it is linear; by repeating what is there it is a lookup along each axis. */
import { stringAttribute } from '../../graph/attributes.ts';
import { positiveAxis } from '../../graph/dims.ts';
import type { Node } from '../../graph/types.ts';
import type { Emitter } from '../emit.ts';
import { again, operand, type Rule, type VjpContext } from '../rule.ts';
import { positionsOf, sizeOfAxis } from '../shaping.ts';
import { join, padded } from './movement.ts';

/** Axes that are padded, counted from the front. */
function axesOf(e: Emitter, node: Node): number[] {
  const rank = e.shape(node.inputs[0]!).length;
  const given = node.inputs[3] ? (e.knownInts(node.inputs[3]) ?? []) : [...Array(rank).keys()];
  return given.map((axis) => positiveAxis(Number(axis), rank));
}

/** Amount `i` of the vector of all amounts, as a vector of length 1. */
function amount(e: Emitter, pads: string, i: number): string {
  const known = e.knownInts(pads)?.[i];
  return typeof known === 'number'
    ? e.ints(known)
    : e.op('Slice', [pads, e.ints(i), e.ints(i + 1), e.ints(0)]);
}

/** Gradient of what is padded: cut out where padding was added, filled with zeros where it was taken away. */
function unpad(c: VjpContext): string {
  const { e, node } = c;
  const [x, pads] = [operand(c), operand(c, 1)];
  const axes = axesOf(e, node);
  const known = e.knownInts(pads);
  if (known?.every((p) => typeof p === 'number' && p >= 0)) {
    const before = axes.map((_, i) => e.ints(Number(known[i])));
    const ends = axes.map((axis, i) => {
      const size = e.shape(x)[axis]!;
      return typeof size === 'number'
        ? e.ints(size + Number(known[i]))
        : e.add(sizeOfAxis(e, x, axis), before[i]!);
    });
    return e.assume(e.op('Slice', [c.grad(), join(e, before), join(e, ends), e.ints(...axes)]), x);
  }
  const back = (i: number) => e.neg(amount(e, pads, i));
  return e.assume(
    padded(
      e,
      c.grad(),
      axes,
      axes.map((_, i) => back(i)),
      axes.map((_, i) => back(i + axes.length)),
    ),
    x,
  );
}

const total = (e: Emitter, value: string): string => e.op('ReduceSum', [value], { keepdims: { int: 0 } });

/** Reflection, repetition of the edge, wrapping: the positions are padded, and say where each element comes from. */
function byPositions(e: Emitter, node: Node): readonly string[] | undefined {
  const mode = stringAttribute(node, 'mode', 'constant');
  if (mode === 'constant') return undefined;
  const axes = axesOf(e, node);
  const pads = node.inputs[1]!;
  const known = e.knownInts(pads);
  let value = node.inputs[0]!;
  for (const [i, axis] of axes.entries()) {
    if (known && known[i] === 0 && known[i + axes.length] === 0) continue;
    const both = join(e, [amount(e, pads, i), amount(e, pads, i + axes.length)]);
    const positions = e.op('Pad', [positionsOf(e, value, axis), both], { mode: { string: mode } });
    value = e.op('Gather', [value, positions], { axis: { int: axis } });
  }
  return [value];
}

const pad: Rule = {
  kind: 'rule',
  normal: byPositions,
  vjp(c) {
    const { e } = c;
    const inner = unpad(c);
    const around = () =>
      e.op('Reshape', [e.sub(total(e, c.grad()), total(e, inner)), shapeOfScalar(e, operand(c, 2))]);
    return [c.wants(0) ? inner : undefined, undefined, c.wants(2) ? around() : undefined];
  },
  jvp(c) {
    const fill = c.wants(2) ? c.tangent(2) : c.e.number(0, operand(c));
    return again(c, [c.tangent(), operand(c, 1), fill, ...c.node.inputs.slice(3)]);
  },
  note: 'all modes',
};

/** The constant is a scalar or a vector of one. */
const shapeOfScalar = (e: Emitter, value: string): string => e.ints(...e.shape(value).map(() => 1));

export const paddingRules: Readonly<Record<string, Rule>> = { Pad: pad };
