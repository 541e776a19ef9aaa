/** @file Scattering: values put into places, added, multiplied, or compared with what is there. */
import { intAttribute, stringAttribute } from '../../graph/attributes.ts';
import type { Emitter } from '../emit.ts';
import { again, type JvpContext, operand, type Rule, result, type VjpContext } from '../rule.ts';
import { broadcastTo, zerosLike } from '../shaping.ts';
import { type Reduction, scatterAlong, scatterAt } from './scatter.ts';

type Context = VjpContext | JvpContext;

/** How an operator reaches its places: puts updates there, and reads what is there. */
interface Places {
  put(c: Context, data: string, updates: string, reduction: Reduction): string;
  take(c: Context, data: string): string;
}

const ones = (e: Emitter, like: string): string => broadcastTo(e, e.number(1, like), like);

const reductionOf = (c: Context): Reduction => stringAttribute(c.node, 'reduction', 'none') as Reduction;

/**
 * ∂result/∂data at each place and ∂result/∂update of each update; undefined stands for 1. What is put in by
 * several updates at once: a product divides by the update, an extremum shares among those that reach it.
 */
function slopes(c: Context, { put, take }: Places): [string | undefined, string | undefined] {
  const { e } = c;
  const [data, updates, y] = [operand(c, 0), operand(c, 2), result(c)];
  const reduction = reductionOf(c);
  if (reduction === 'none') return [put(c, ones(e, data), zerosLike(e, updates), 'none'), undefined];
  if (reduction === 'add') return [undefined, undefined];
  if (reduction === 'mul') return [put(c, ones(e, data), updates, 'mul'), e.div(take(c, y), updates)];
  const hits = (a: string, b: string) => e.cast(e.op('Equal', [a, b]), e.type(a).dtype);
  const [kept, chosen] = [hits(data, y), hits(updates, take(c, y))];
  const count = put(c, kept, chosen, 'add');
  // Where nothing was put the data are their own only extremum.
  return [e.div(kept, count), e.div(chosen, take(c, count))];
}

const scaled = (e: Emitter, value: string, slope: string | undefined): string =>
  slope === undefined ? value : e.mul(value, slope);

const scatter = (places: Places): Rule => ({
  kind: 'rule',
  vjp(c) {
    const { e } = c;
    const g = c.grad();
    const [ofData, ofUpdates] = slopes(c, places);
    return [
      c.wants(0) ? scaled(e, g, ofData) : undefined,
      undefined,
      c.wants(2) ? scaled(e, places.take(c, g), ofUpdates) : undefined,
    ];
  },
  jvp(c) {
    const reduction = reductionOf(c);
    if (reduction === 'none' || reduction === 'add') {
      return again(c, [c.tangent(0), operand(c, 1), c.tangent(2)]);
    }
    const { e } = c;
    const [ofData, ofUpdates] = slopes(c, places);
    return [places.put(c, scaled(e, c.tangent(0), ofData), scaled(e, c.tangent(2), ofUpdates), 'add')];
  },
  note: 'all reductions; none with unique indices, mul where no update is 0, ties of max and min share the gradient',
});

const axisOf = (c: Context): number => intAttribute(c.node, 'axis', 0);

export const scatteringRules: Readonly<Record<string, Rule>> = {
  ScatterElements: scatter({
    put: (c, data, updates, reduction) =>
      scatterAlong(c.e, data, operand(c, 1), updates, axisOf(c), reduction),
    take: (c, data) => c.e.op('GatherElements', [data, operand(c, 1)], { axis: { int: axisOf(c) } }),
  }),
  ScatterND: scatter({
    put: (c, data, updates, reduction) => scatterAt(c.e, data, operand(c, 1), updates, reduction),
    take: (c, data) => c.e.op('GatherND', [data, operand(c, 1)]),
  }),
};
