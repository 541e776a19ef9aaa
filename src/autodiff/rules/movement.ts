/** @file Operators that move values about without changing them. */
import { GraphError } from '../../core/errors.ts';
import { tensor } from '../../core/tensor.ts';
import { intAttribute, intsAttribute } from '../../graph/attributes.ts';
import { neverNegative, positiveAxis } from '../../graph/dims.ts';
import type { Dim } from '../../graph/types.ts';
import type { Emitter } from '../emit.ts';
import { again, linear, operand, type Rule, type VjpContext } from '../rule.ts';
import { reduceTo, reshapeLike, reshapeTo, type Size, shapeOf, sizeOfAxis, sum } from '../shaping.ts';
import { scatterAlong } from './scatter.ts';

const toInput = linear((c) => reshapeLike(c.e, c.grad(), operand(c)));

const floating = (e: Emitter, name: string): boolean => e.type(name).dtype.startsWith('float');

/** Joins int64 vectors; a constant when all are known. */
export function join(e: Emitter, parts: readonly string[]): string {
  if (parts.length === 1) return parts[0]!;
  const known = parts.flatMap((part): readonly (Dim | undefined)[] => e.knownInts(part) ?? [undefined]);
  if (known.every((value) => typeof value === 'number')) return e.ints(...known);
  return e.op('Concat', parts, { axis: { int: 0 } });
}

const concat: Rule = {
  kind: 'rule',
  vjp(c) {
    const { e } = c;
    const axis = intAttribute(c.node, 'axis', 0);
    if (c.node.inputs.length === 1) return [c.grad()];
    const at = positiveAxis(axis, e.shape(operand(c)).length);
    const sizes = c.node.inputs.map((x) => e.shape(x)[at]!);
    const split = sizes.every((d) => typeof d === 'number')
      ? e.ints(...sizes)
      : join(
          e,
          c.node.inputs.map((x) => sizeOfAxis(e, x, at)),
        );
    const parts = e.ops('Split', [c.grad(), split], c.node.inputs.length, { axis: { int: axis } });
    return parts.map((part, i) => (c.wants(i) ? part : undefined));
  },
  jvp: (c) =>
    again(
      c,
      c.node.inputs.map((_, i) => c.tangent(i)),
    ),
};

/** How one axis was sliced; undefined sizes are known only at run time. */
interface Cut {
  readonly axis: number;
  readonly start: Dim | undefined;
  readonly step: number | undefined;
}

function cutsOf(c: VjpContext): Cut[] {
  const { e, node } = c;
  const rank = e.shape(operand(c)).length;
  const [, startsName = '', , axesName, stepsName] = node.inputs;
  const [starts, axes] = [e.knownInts(startsName), axesName ? e.knownInts(axesName) : undefined];
  const steps = stepsName ? e.knownInts(stepsName) : undefined;
  if (axesName && !axes) {
    throw new GraphError('graph.no-rule', `Slice "${node.outputs[0]}" takes its axes from the run`, {
      where: node.outputs[0],
      hint: 'only constant axes can be differentiated',
    });
  }
  return Array.from({ length: Number(e.shape(startsName)[0]) }, (_, i) => ({
    axis: positiveAxis(Number(axes?.[i] ?? i), rank),
    start: starts?.[i],
    step: stepsName ? steps && Number(steps[i]) : 1,
  }));
}

/**
 * `value` among zeros: `before` and `after` (int64 [1] each) per entry of `axes`. All axes are written out, since
 * onnxruntime 1.30 mistakes the amounts for those of all axes when it moves a Transpose over a Pad of some.
 */
export function padded(
  e: Emitter,
  value: string,
  axes: readonly number[],
  before: readonly string[],
  after: readonly string[],
): string {
  const all = [before, after].flatMap((amounts) =>
    e.shape(value).map((_, axis) => (axes.includes(axis) ? amounts[axes.indexOf(axis)]! : e.ints(0))),
  );
  return e.op('Pad', [value, join(e, all), e.number(0, value)]);
}

/** A start of a slice counted from the front; one such as `n-4` counts from the end in runs where it falls below 0. */
function fromFront(e: Emitter, start: Dim, given: string, size: string): string {
  if (neverNegative(start)) return given;
  const fromEnd = e.add(size, given);
  return typeof start === 'number'
    ? fromEnd
    : e.op('Where', [e.op('Less', [given, e.ints(0)]), fromEnd, given]);
}

/** Puts the gradient of a slice back among zeros: Pad where the steps are 1, otherwise Scatter per axis. */
function unslice(c: VjpContext): string {
  const { e } = c;
  const x = operand(c);
  const cuts = cutsOf(c);
  if (cuts.some((cut) => cut.step !== 1 || cut.start === undefined)) return unsliceByIndex(c, cuts);
  const g = c.grad();
  const [before, after]: [string[], string[]] = [[], []];
  for (const { axis, start } of cuts) {
    const [whole, part] = [e.shape(x)[axis]!, e.shape(g)[axis]!];
    if (typeof whole === 'number' && typeof part === 'number' && typeof start === 'number') {
      const from = Math.min(Math.max(start < 0 ? start + whole : start, 0), whole);
      before.push(e.ints(from));
      after.push(e.ints(whole - from - part));
      continue;
    }
    const size = sizeOfAxis(e, x, axis);
    if (typeof start !== 'number' && cuts.length > 1) return unsliceByIndex(c, cuts);
    const given = typeof start === 'number' ? e.ints(start) : e.cast(c.node.inputs[1]!, 'int64');
    const positive = fromFront(e, start!, given, size);
    const from = e.op('Max', [e.op('Min', [positive, size]), e.ints(0)]);
    before.push(from);
    after.push(e.sub(e.sub(size, from), sizeOfAxis(e, g, axis)));
  }
  const axes = cuts.map((cut) => cut.axis);
  return e.assume(padded(e, g, axes, before, after), x);
}

/** Slices the positions along each axis the same way, which says where each element came from; then scatters. */
function unsliceByIndex(c: VjpContext, cuts: readonly Cut[]): string {
  const { e } = c;
  const x = operand(c);
  const rank = e.shape(x).length;
  const [, starts, ends, , steps] = c.node.inputs;
  const at = (vector: string, i: number) =>
    e.op('Slice', [e.cast(vector, 'int64'), e.ints(i), e.ints(i + 1), e.ints(0)]);
  let g = c.grad();
  for (const [i, { axis }] of cuts.entries()) {
    const length = e.op('Squeeze', [sizeOfAxis(e, x, axis), e.ints(0)]);
    const all = e.op('Range', [e.scalar(0, 'int64'), length, e.scalar(1, 'int64')]);
    const step = steps ? [at(steps, i)] : [];
    const positions = e.op('Slice', [all, at(starts!, i), at(ends!, i), e.ints(0), ...step]);
    // The axis becomes whole; the others are as g has them so far.
    const sizes = Array.from({ length: rank }, (_, a) => sizeOfAxis(e, a === axis ? x : g, a));
    const zeros = e.op('Expand', [e.number(0, g), join(e, sizes)]);
    const along = Array.from({ length: rank }, (_, a) => (a === axis ? -1 : 1));
    const column = e.op('Reshape', [positions, e.ints(...along)]);
    g = scatterAlong(e, zeros, e.op('Expand', [column, shapeOf(e, g)]), g, axis, 'none');
  }
  return e.assume(g, x);
}

/** Copies along axes: the gradient of each copy is summed. */
function untile(c: VjpContext): string {
  const { e } = c;
  const x = operand(c);
  const axes = [...e.shape(x).keys()];
  const repeats = e.knownInts(operand(c, 1));
  if (!repeats?.every((times) => typeof times === 'number')) {
    // Interleaved during the run: [copies, size, copies, size, …].
    const column = (vector: string) => e.op('Unsqueeze', [vector, e.ints(1)]);
    const pairs = e.op('Concat', [column(operand(c, 1)), column(shapeOf(e, x))], { axis: { int: 1 } });
    const apart = e.op('Reshape', [c.grad(), e.op('Reshape', [pairs, e.ints(-1)])]);
    const copies = axes.map((axis) => 2 * axis);
    return e.assume(sum(e, apart, copies, false), x);
  }
  const wanted: Size[] = [];
  const copies: number[] = [];
  for (const axis of axes) {
    if (repeats[axis] !== 1) copies.push(wanted.push(Number(repeats[axis])) - 1);
    wanted.push({ of: x, axis });
  }
  return copies.length === 0 ? c.grad() : e.assume(sum(e, reshapeTo(e, c.grad(), wanted), copies, false), x);
}

/** In inference nothing is dropped. */
const dropout: Rule = {
  kind: 'lower',
  lower(e, node) {
    const [x, , training = ''] = node.inputs as [string, string?, string?];
    if (training !== '' && e.knownInts(training)?.[0] !== 0) {
      throw new GraphError('graph.no-rule', `Dropout "${node.outputs[0]}" in training has no derivative`, {
        where: node.outputs[0],
        hint: 'export the model for inference (in PyTorch: model.eval())',
      });
    }
    const kept = tensor('bool', [1], Uint8Array.of(1));
    const mask = node.outputs[1]
      ? e.op('ConstantOfShape', [shapeOf(e, x)], { value: { tensor: kept } })
      : undefined;
    return [x, mask];
  },
  note: 'inference: passes its input on',
};

export const movementRules: Readonly<Record<string, Rule>> = {
  Identity: linear((c) => c.smallGrad()),
  Reshape: toInput,
  Flatten: toInput,
  Squeeze: toInput,
  Unsqueeze: toInput,
  Transpose: linear((c) => {
    const rank = c.e.shape(operand(c)).length;
    const perm = intsAttribute(c.node, 'perm') ?? [...Array(rank).keys()].reverse();
    const inverse = perm.map((_, i) => perm.indexOf(i));
    return c.e.op('Transpose', [c.grad()], { perm: { ints: inverse } });
  }),
  Expand: linear((c) => reduceTo(c.e, c.smallGrad(), operand(c), c.node.outputs[0]!)),
  Tile: linear(untile),
  Dropout: dropout,
  Concat: concat,
  Slice: linear(unslice),
  Split: linear((c) => {
    const parts = c.node.outputs.map((_, i) => c.grad(i));
    return c.e.op('Concat', parts, { axis: { int: intAttribute(c.node, 'axis', 0) } });
  }),
  Cast: {
    kind: 'rule',
    vjp: (c) => [c.e.cast(c.smallGrad(), c.e.type(operand(c)).dtype)],
    jvp: (c) => (floating(c.e, c.node.outputs[0]!) ? again(c, [c.tangent()]) : [undefined]),
  },
  CastLike: {
    kind: 'rule',
    vjp: (c) => [c.wants(0) ? c.e.cast(c.smallGrad(), c.e.type(operand(c)).dtype) : undefined],
    jvp: (c) => [c.wants(0) ? c.e.cast(c.tangent(), c.e.type(c.node.outputs[0]!).dtype) : undefined],
  },
  CumSum: linear((c) => {
    const reverse = { int: 1 - intAttribute(c.node, 'reverse', 0) };
    return c.e.op('CumSum', [c.grad(), operand(c, 1)], { ...c.node.attributes, reverse });
  }),
  Trilu: linear((c) => c.e.op('Trilu', [c.grad(), ...c.node.inputs.slice(1)], c.node.attributes)),
};
