/** @file DequantizeLinear taken apart. What rounds has no derivative of its own: see straight-through.ts. */
import { intAttribute } from '../../graph/attributes.ts';
import { positiveAxis } from '../../graph/dims.ts';
import type { Rule } from '../rule.ts';
import { notTakenApart } from './refuse.ts';

export const quantisedRules: Readonly<Record<string, Rule>> = {
  /** (whole numbers, scale, zero point?): (q − zero)·scale, per tensor or per entry of an axis. */
  DequantizeLinear: {
    kind: 'lower',
    lower(e, node) {
      const [q, scale, zero] = node.inputs as [string, string, string?];
      if (intAttribute(node, 'block_size', 0) > 0) throw notTakenApart(node, 'scales per block');
      const { dtype } = e.type(scale);
      const rank = e.shape(q).length;
      const axis = positiveAxis(intAttribute(node, 'axis', 1), rank);
      const along = (x: string) =>
        e.shape(x).length === 1
          ? e.op('Reshape', [x, e.ints(...Array.from({ length: rank }, (_, i) => (i === axis ? -1 : 1)))])
          : x;
      const numbers = e.cast(q, dtype);
      const shifted = zero ? e.sub(numbers, along(e.cast(zero, dtype))) : numbers;
      return [e.mul(shifted, along(scale))];
    },
    note: 'taken apart; with respect to the scale. Quantised networks: `straightThrough`',
  },
};
