/** @file Softmax and its logarithm. */
import { intAttribute } from '../../graph/attributes.ts';
import type { Emitter } from '../emit.ts';
import { type JvpContext, type Rule, result, type VjpContext } from '../rule.ts';
import { sum } from '../shaping.ts';

const axisOf = (c: VjpContext | JvpContext): number => intAttribute(c.node, 'axis', -1);

/** y ∘ (v − Σ y v): the Jacobian is symmetric, so gradient and tangent are one formula. */
function softmax(e: Emitter, y: string, v: string, axis: number): string {
  const weighted = e.mul(y, v);
  return e.sub(weighted, e.mul(y, sum(e, weighted, [axis], true)));
}

export const softmaxRules: Readonly<Record<string, Rule>> = {
  Softmax: {
    kind: 'rule',
    vjp: (c) => [softmax(c.e, result(c), c.grad(), axisOf(c))],
    jvp: (c) => [softmax(c.e, result(c), c.tangent(), axisOf(c))],
  },
  LogSoftmax: {
    kind: 'rule',
    vjp(c) {
      const { e } = c;
      const total = sum(e, c.grad(), [axisOf(c)], true);
      return [e.sub(c.grad(), e.mul(e.op('Exp', [result(c)]), total))];
    },
    jvp(c) {
      const { e } = c;
      const mean = sum(e, e.mul(e.op('Exp', [result(c)]), c.tangent()), [axisOf(c)], true);
      return [e.sub(c.tangent(), mean)];
    },
  },
};
