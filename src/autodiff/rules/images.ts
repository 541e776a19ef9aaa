/** @file Resizing images, and moving blocks of them into channels and back. */
import { GraphError } from '../../core/errors.ts';
import { emptyArray, tensor } from '../../core/tensor.ts';
import { intAttribute, intsAttribute, stringAttribute } from '../../graph/attributes.ts';
import { positiveAxis } from '../../graph/dims.ts';
import type { Attribute, Node } from '../../graph/types.ts';
import type { Emitter } from '../emit.ts';
import { type JvpContext, operand, type Rule, result, type VjpContext } from '../rule.ts';
import { positionsOf, reshapeTo, type Size, shapeOf, sizeOfAxis } from '../shaping.ts';

type Attributes = Readonly<Record<string, Attribute>>;

/** The same, with 0 outside of the image: the linear part. */
const withinImage = (attributes: Attributes): Attributes =>
  'extrapolation_value' in attributes ? { ...attributes, extrapolation_value: { float: 0 } } : attributes;

/** The node's attributes for one axis of a matrix. */
function plainAttributes(node: Node): Attributes {
  const { axes: _axes, ...rest } = node.attributes;
  return withinImage(rest);
}

const isCropped = (node: Node): boolean =>
  stringAttribute(node, 'coordinate_transformation_mode', '') === 'tf_crop_and_resize';

const entry = (e: Emitter, vector: string, i: number): string =>
  e.op('Slice', [vector, e.ints(i), e.ints(i + 1), e.ints(0)]);

/**
 * Whether the result is as large as the image (bool [1]), where only the run can tell: onnxruntime then copies the
 * image, whatever the scales and the region are. A known scale below 1 or from 2 on changes every size.
 */
function copiedAtRun(e: Emitter, node: Node): string | undefined {
  const [x, y] = [node.inputs[0]!, node.outputs[0]!];
  const differs = e.shape(x).some((size, axis) => {
    const after = e.shape(y)[axis];
    return typeof size === 'number' && typeof after === 'number' && size !== after;
  });
  const scales = node.inputs[2] ? e.knownNumbers(node.inputs[2]) : undefined;
  if (differs || scales?.some((scale) => scale < 1 || scale >= 2)) return undefined;
  const equal = e.cast(e.op('Equal', [shapeOf(e, x), shapeOf(e, y)]), 'int32');
  return e.cast(e.op('ReduceMin', [equal], { keepdims: { int: 1 } }), 'bool');
}

/**
 * What resizing does along one axis, as a matrix [size before, size after]: the unit vectors, resized by the same
 * operator with the same attributes, so that gradient and network agree in every mode. They lie as images
 * [size, 1, 1, size] whose height is doubled: onnxruntime copies what keeps its shape, whatever the scales are.
 */
function matrix(e: Emitter, node: Node, axis: number, i: number, count: number): string {
  const [x, roi = '', scales = '', wanted = ''] = node.inputs as [string, string?, string?, string?];
  const at = positionsOf(e, x, axis);
  const [column, row] = [e.op('Unsqueeze', [at, e.ints(1)]), e.op('Unsqueeze', [at, e.ints(0)])];
  const units = e.op('Unsqueeze', [e.cast(e.op('Equal', [column, row]), e.type(x).dtype), e.ints(1, 2)]);
  const constant = (like: string, ...values: number[]) => {
    const { dtype } = e.type(like);
    const data = emptyArray(dtype, values.length);
    for (const [k, value] of values.entries()) data[k] = dtype === 'int64' ? BigInt(value) : value;
    return e.constant(tensor(dtype, [values.length], data), 'corners');
  };
  const joined = (...parts: string[]) => e.op('Concat', parts, { axis: { int: 0 } });
  // Where the image is copied nothing is cut off and nothing scaled.
  const copied = wanted === '' || isCropped(node) ? copiedAtRun(e, node) : undefined;
  const unlessCopied = (plain: number, vector: string, i: number): string =>
    copied ? e.op('Where', [copied, constant(vector, plain), entry(e, vector, i)]) : entry(e, vector, i);
  const corners =
    roi === '' || e.shape(roi)[0] === 0
      ? ''
      : joined(
          constant(roi, 0, 0, 0),
          unlessCopied(0, roi, i),
          constant(roi, 1, 1, 1),
          unlessCopied(1, roi, i + count),
        );
  const inputs =
    wanted === ''
      ? [units, corners, joined(constant(scales, 1, 1, 2), unlessCopied(1, scales, i))]
      : [units, corners, '', joined(sizeOfAxis(e, x, axis), e.ints(1, 2), entry(e, wanted, i))];
  const [rows, columns] = [e.shape(x)[axis]!, e.shape(node.outputs[0]!)[axis]!];
  const resized = e.shaped('Resize', inputs, plainAttributes(node), [rows, 1, 2, columns]);
  const first = e.op('Slice', [resized, e.ints(0), e.ints(1), e.ints(2)]);
  return e.op('Squeeze', [first, e.ints(1, 2)]);
}

/** Axes that change, with their places among the scales or sizes. */
function changedAxes(e: Emitter, node: Node): { axis: number; i: number; count: number }[] {
  const [x, y] = [node.inputs[0]!, node.outputs[0]!];
  const rank = e.shape(x).length;
  const cropped = isCropped(node);
  // Copied, also where a region was asked for.
  if (e.shape(x).every((size, axis) => typeof size === 'number' && size === e.shape(y)[axis])) return [];
  const axes = intsAttribute(node, 'axes')?.map((a) => positiveAxis(a, rank)) ?? [...Array(rank).keys()];
  const scales = node.inputs[2] ? e.knownNumbers(node.inputs[2]) : undefined;
  return axes.flatMap((axis, i) => {
    const same = node.inputs[3] ? e.shape(x)[axis] === e.shape(y)[axis] : scales?.[i] === 1;
    return same && !cropped ? [] : [{ axis, i, count: axes.length }];
  });
}

const LOWER = 'abcdefgh';

/** g times the transposed matrix of each axis. */
function unresize(c: VjpContext): string {
  const { e, node } = c;
  const x = operand(c);
  const changed = changedAxes(e, node);
  if (changed.length === 0) return c.grad();
  const letters = [...LOWER].slice(0, e.shape(x).length);
  const of = (axis: number) => letters[axis]!.toUpperCase();
  const seen = letters.map((letter, axis) => (changed.some((a) => a.axis === axis) ? of(axis) : letter));
  const terms = [seen.join(''), ...changed.map(({ axis }) => letters[axis]! + of(axis))];
  const matrices = changed.map(({ axis, i, count }) => matrix(e, node, axis, i, count));
  const equation = `${terms.join(',')}->${letters.join('')}`;
  return e.assume(e.op('Einsum', [c.grad(), ...matrices], { equation: { string: equation } }), x);
}

function requireStretch(c: VjpContext | JvpContext): void {
  const policy = stringAttribute(c.node, 'keep_aspect_ratio_policy', 'stretch');
  if (policy === 'stretch') return;
  throw new GraphError('graph.no-rule', `Resize "${result(c)}" with the policy "${policy}" has no rule`, {
    where: result(c),
    hint: 'export the model with the sizes that it shall have, or with scales',
  });
}

/** Linear in the image in every mode; region, scales and sizes have no gradient. */
const resize: Rule = {
  kind: 'rule',
  vjp(c) {
    requireStretch(c);
    return [unresize(c)];
  },
  jvp(c) {
    requireStretch(c);
    const attributes = c.node.attributes;
    const inputs = [c.tangent(), ...c.node.inputs.slice(1)];
    return [c.e.op('Resize', inputs, withinImage(attributes))];
  },
  note: 'all modes of interpolation and of coordinates',
};

/** [N, C, H, W] as a Reshape, a Transpose and a Reshape. */
function moveBlocks(
  e: Emitter,
  x: string,
  first: readonly Size[],
  perm: readonly number[],
  last: readonly Size[],
): string {
  return reshapeTo(e, e.op('Transpose', [reshapeTo(e, x, first)], { perm: { ints: perm } }), last);
}

/** Channels into blocks of the image, by columns and rows before channels (DCR) or after (CRD). */
const depthToSpace: Rule = {
  kind: 'lower',
  lower(e, node) {
    const x = node.inputs[0]!;
    const b = intAttribute(node, 'blocksize', 1);
    const at = (axis: number, times = 1): Size => ({ of: x, axis, times });
    const channels = Number(e.shape(x)[1]) / (b * b);
    const last = [at(0), channels, at(2, b), at(3, b)];
    return stringAttribute(node, 'mode', 'DCR') === 'CRD'
      ? [moveBlocks(e, x, [at(0), channels, b, b, at(2), at(3)], [0, 1, 4, 2, 5, 3], last)]
      : [moveBlocks(e, x, [at(0), b, b, channels, at(2), at(3)], [0, 3, 4, 1, 5, 2], last)];
  },
};

const spaceToDepth: Rule = {
  kind: 'lower',
  lower(e, node) {
    const x = node.inputs[0]!;
    const b = intAttribute(node, 'blocksize', 1);
    const at = (axis: number, times = 1): Size => ({ of: x, axis, times });
    const channels = Number(e.shape(x)[1]);
    const first = [at(0), channels, at(2, 1 / b), b, at(3, 1 / b), b];
    const last = [at(0), channels * b * b, at(2, 1 / b), at(3, 1 / b)];
    return [moveBlocks(e, x, first, [0, 3, 5, 1, 2, 4], last)];
  },
};

export const imageRules: Readonly<Record<string, Rule>> = {
  Resize: resize,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
};
