/** @file Looking up, scattering and choosing. Indices have no gradient. */
import { GraphError } from '../../core/errors.ts';
import { intAttribute, stringAttribute } from '../../graph/attributes.ts';
import { positiveAxis } from '../../graph/dims.ts';
import type { Emitter } from '../emit.ts';
import { again, type JvpContext, linear, operand, type Rule, type VjpContext } from '../rule.ts';
import { zerosLike } from '../shaping.ts';
import { scatterAlong, scatterAt } from './scatter.ts';

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

const reductionOf = (c: VjpContext | JvpContext): 'none' | 'add' => {
  const reduction = stringAttribute(c.node, 'reduction', 'none');
  if (reduction === 'none' || reduction === 'add') return reduction;
  throw new GraphError('graph.no-rule', `${c.node.op} with reduction "${reduction}" has no rule`, {
    where: c.node.outputs[0],
    hint: 'only "none" and "add" can be differentiated',
  });
};

/** Scattering is linear in data and updates together. `take` reads back what was put where. */
function scatter(
  put: (e: Emitter, data: string, c: VjpContext, updates: string) => string,
  take: (e: Emitter, g: string, c: VjpContext) => string,
): Rule {
  return {
    kind: 'rule',
    vjp(c) {
      const { e } = c;
      const g = c.grad();
      const overwritten = reductionOf(c) === 'none';
      const data = !c.wants(0) ? undefined : overwritten ? put(e, g, c, zerosLike(e, operand(c, 2))) : g;
      return [data, undefined, c.wants(2) ? take(e, g, c) : undefined];
    },
    jvp(c) {
      reductionOf(c);
      return again(c, [c.tangent(0), operand(c, 1), c.tangent(2)]);
    },
    note: 'reduction none (indices unique) or add',
  };
}

const noBatch = (c: VjpContext): void => {
  if (intAttribute(c.node, 'batch_dims', 0) === 0) return;
  throw new GraphError('graph.no-rule', 'GatherND with batch_dims has no rule', { where: c.node.outputs[0] });
};

export const indexingRules: Readonly<Record<string, Rule>> = {
  Gather: linear(gather),
  GatherElements: linear((c) => {
    const axis = intAttribute(c.node, 'axis', 0);
    return scatterAlong(c.e, zerosLike(c.e, operand(c)), operand(c, 1), c.grad(), axis, 'add');
  }),
  GatherND: linear((c) => {
    noBatch(c);
    return scatterAt(c.e, zerosLike(c.e, operand(c)), operand(c, 1), c.grad(), 'add');
  }, 'batch_dims = 0'),
  ScatterElements: scatter(
    (e, data, c, updates) =>
      scatterAlong(e, data, operand(c, 1), updates, intAttribute(c.node, 'axis', 0), 'none'),
    (e, g, c) =>
      e.op('GatherElements', [g, operand(c, 1)], { axis: { int: intAttribute(c.node, 'axis', 0) } }),
  ),
  ScatterND: scatter(
    (e, data, c, updates) => scatterAt(e, data, operand(c, 1), updates, 'none'),
    (e, g, c) => e.op('GatherND', [g, operand(c, 1)]),
  ),
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
