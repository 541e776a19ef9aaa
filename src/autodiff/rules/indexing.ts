import { emptyArray, tensor } from '../../core/tensor.ts';
import { intAttribute } from '../../graph/attributes.ts';
import { positiveAxis } from '../../graph/dims.ts';
import type { Node } from '../../graph/types.ts';
import type { Emitter } from '../emit.ts';
import { again, linear, operand, type Rule, type VjpContext } from '../rule.ts';
import { positionsOf, sizes, zerosLike } from '../shaping.ts';
import { scatterAlong, scatterAt } from './scatter.ts';
import { scatteringRules } from './scattering.ts';

/** Brings axis `from` to the front, or puts it back. */
function moveAxis(e: Emitter, x: string, perm: readonly number[]): string {
  return perm.every((p, i) => p === i) ? x : e.op('Transpose', [x], { perm: { ints: perm } });
}

/** Sums the gradient rows of a lookup into the rows they came from (ScatterND with addition). */
function gather(c: VjpContext): string {
  const { e } = c;
  const [x, indices] = [operand(c, 0), operand(c, 1)];
  const [rank, depth] = [e.shape(x).length, e.shape(indices).length];
  const axis = positiveAxis(intAttribute(c.node, 'axis', 0), rank);
  // Rows of x and of g with the looked-up axis in front.
  const forward = [axis, ...Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis)];
  const lookup = Array.from({ length: depth }, (_, i) => axis + i);
  const others = Array.from({ length: rank - 1 + depth }, (_, i) => i).filter((i) => !lookup.includes(i));
  const g = moveAxis(e, c.grad(), [...lookup, ...others]);
  const zeros = zerosLike(e, moveAxis(e, x, forward));
  const column = e.op('Unsqueeze', [e.cast(indices, 'int64'), e.ints(-1)]);
  const summed = scatterAt(e, zeros, column, g, 'add');
  const back = forward.map((_, i) => forward.indexOf(i));
  return moveAxis(e, summed, back);
}

/** Indices of GatherND with the positions of the batch axes in front, so that nothing is batched any more. */
function unbatched(e: Emitter, node: Node): readonly string[] | undefined {
  const batch = intAttribute(node, 'batch_dims', 0);
  if (batch === 0) return undefined;
  const indices = e.cast(node.inputs[1]!, 'int64');
  const rank = e.shape(indices).length;
  const lead = Array.from({ length: rank - 1 }, (_, axis) => ({ of: indices, axis }));
  const grids = Array.from({ length: batch }, (_, axis) => {
    const along = e.op('Reshape', [
      positionsOf(e, indices, axis),
      e.ints(...lead.map((_, a) => (a === axis ? -1 : 1)), 1),
    ]);
    return e.op('Expand', [along, sizes(e, [...lead, 1])]);
  });
  const places = e.op('Concat', [...grids, indices], { axis: { int: -1 } });
  return [e.op('GatherND', [node.inputs[0]!, places])];
}

/** Choosing between two values that may move; indices and depth do not. */
const oneHot: Rule = {
  kind: 'rule',
  vjp(c) {
    const { e } = c;
    const g = c.grad();
    const { dtype } = e.type(g);
    const values = emptyArray(dtype, 2);
    values[1] = 1;
    const mask = e.op(
      'OneHot',
      [operand(c, 0), operand(c, 1), e.constant(tensor(dtype, [2], values as never), 'off-on')],
      c.node.attributes,
    );
    const total = (value: string) =>
      e.op('Reshape', [e.op('ReduceSum', [value], { keepdims: { int: 0 } }), e.ints(1)]);
    const on = total(e.mul(g, mask));
    return [undefined, undefined, e.op('Concat', [e.sub(total(g), on), on], { axis: { int: 0 } })];
  },
  jvp: (c) => (c.wants(2) ? again(c, [operand(c, 0), operand(c, 1), c.tangent(2)]) : [undefined]),
  note: 'with respect to the two values',
};

/** The rows that a condition picks. */
const compress: Rule = {
  kind: 'lower',
  lower(e, node) {
    const [x, condition] = [node.inputs[0]!, node.inputs[1]!];
    const rows = e.op('Reshape', [e.op('NonZero', [condition]), e.ints(-1)]);
    if ('axis' in node.attributes) return [e.op('Gather', [x, rows], node.attributes)];
    return [e.op('Gather', [e.op('Reshape', [x, e.ints(-1)]), rows])];
  },
};

export const indexingRules: Readonly<Record<string, Rule>> = {
  ...scatteringRules,
  Gather: linear(gather),
  GatherElements: linear((c) => {
    const axis = intAttribute(c.node, 'axis', 0);
    return scatterAlong(c.e, zerosLike(c.e, operand(c)), operand(c, 1), c.grad(), axis, 'add');
  }),
  GatherND: {
    ...linear((c) => scatterAt(c.e, zerosLike(c.e, operand(c)), operand(c, 1), c.grad(), 'add')),
    normal: unbatched,
  },
  OneHot: oneHot,
  Compress: compress,
  TopK: {
    kind: 'rule',
    vjp(c) {
      const { e } = c;
      const axis = intAttribute(c.node, 'axis', -1);
      return [scatterAlong(e, zerosLike(e, operand(c)), c.node.outputs[1]!, c.grad(0), axis, 'none')];
    },
    jvp(c) {
      const axis = intAttribute(c.node, 'axis', -1);
      return [
        c.e.op('GatherElements', [c.tangent(), c.node.outputs[1]!], { axis: { int: axis } }),
        undefined,
      ];
    },
    note: 'the choice is held fixed',
  },
};
