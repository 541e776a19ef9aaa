/** @file Reductions along axes. */
import { GraphError } from '../../core/errors.ts';
import { intAttribute, intsAttribute } from '../../graph/attributes.ts';
import { divideDims, positiveAxis, productDims } from '../../graph/dims.ts';
import type { Node } from '../../graph/types.ts';
import type { Emitter } from '../emit.ts';
import { type JvpContext, linear, operand, type Rule, result, type VjpContext } from '../rule.ts';

type Context = VjpContext | JvpContext;

/** Axes that the node reduces, counted from the front; 'run' when only the run knows them. */
function axesOf(e: Emitter, node: Node): number[] | 'run' {
  const rank = e.shape(node.inputs[0]!).length;
  const given = node.inputs[1] ? e.knownInts(node.inputs[1]) : (intsAttribute(node, 'axes') ?? []);
  if (!given) return 'run';
  if (given.length === 0) {
    return intAttribute(node, 'noop_with_empty_axes', 0) === 1 ? [] : [...Array(rank).keys()];
  }
  return given.map((a) => positiveAxis(Number(a), rank));
}

/** A reduced value with its axes put back at size 1, so that it broadcasts against the input. */
function unreduced(c: Context, value: string): string {
  if (intAttribute(c.node, 'keepdims', 1) === 1) return value;
  const axes = axesOf(c.e, c.node);
  if (axes === 'run') {
    throw new GraphError(
      'graph.shape',
      `${c.node.op} "${result(c)}": axes known only at run time need keepdims`,
    );
  }
  return axes.length === 0 ? value : c.e.op('Unsqueeze', [value, c.e.ints(...axes)]);
}

/** The gradient of the result against the input; broadcast along the axes reduced only when it must be. */
function gradient(c: VjpContext): string {
  const small = c.smallGrad();
  const whole = c.e.shape(small).length === c.e.shape(result(c)).length;
  return unreduced(c, whole ? small : c.grad());
}

/** How many elements go into one, as a scalar of the input's type. */
function count(c: Context): string {
  const { e } = c;
  const [x, y] = [operand(c), result(c)];
  const ratio = divideDims(productDims(e.shape(x)), productDims(e.shape(y)));
  if (typeof ratio === 'number') return e.number(ratio, x);
  const size = (name: string) => e.cast(e.op('Size', [name]), e.type(x).dtype);
  return e.div(size(x), size(y));
}

/** The same reduction, of sums, of another value. */
function sumLike(c: Context, value: string, keepdims = intAttribute(c.node, 'keepdims', 1)): string {
  const axes = axesOf(c.e, c.node);
  const input = axes === 'run' ? c.node.inputs[1]! : c.e.ints(...axes);
  const noop = {
    noop_with_empty_axes: { int: axes === 'run' ? intAttribute(c.node, 'noop_with_empty_axes', 0) : 1 },
  };
  return c.e.op('ReduceSum', [value, input], { keepdims: { int: keepdims }, ...noop });
}

/** y = h(Σ f(x)) with slope s(x, y) at each x: gradient s∘g, tangent Σ s∘t. */
const reduction = (slope: (c: Context, y: string) => string, note?: string): Rule => ({
  kind: 'rule',
  ...(note === undefined ? {} : { note }),
  vjp: (c) => [c.e.mul(gradient(c), slope(c, unreduced(c, result(c))))],
  jvp: (c) => [sumLike(c, c.e.mul(c.tangent(), slope(c, unreduced(c, result(c)))))],
});

/** 1/n where x is one of n extremes, else 0. */
const extreme = reduction((c, y) => {
  const { e } = c;
  const hits = e.cast(e.op('Equal', [operand(c), y]), e.type(y).dtype);
  return e.div(hits, sumLike(c, hits, 1));
}, 'ties share the gradient');

/**
 * The product of all others. Where one factor is 0 the others' product still reaches it; the rule takes zeros
 * for ones, so that it never divides by 0.
 */
const product = reduction((c) => {
  const { e } = c;
  const x = operand(c);
  const zero = e.op('Equal', [x, e.number(0, x)]);
  const isZero = e.cast(zero, e.type(x).dtype);
  const others = e.op('Where', [zero, e.number(1, x), x]);
  const axes = axesOf(e, c.node);
  const inputs = axes === 'run' ? [others, c.node.inputs[1]!] : [others, e.ints(...axes)];
  const noop = { noop_with_empty_axes: { int: axes === 'run' ? 0 : 1 } };
  const whole = e.op('ReduceProd', inputs, { keepdims: { int: 1 }, ...noop });
  const zerosElsewhere = e.sub(sumLike(c, isZero, 1), isZero);
  const counts = e.op('Equal', [zerosElsewhere, e.number(0, x)]);
  return e.op('Where', [counts, e.div(whole, others), e.number(0, x)]);
}, 'second derivative where no factor is 0');

export const reductionRules: Readonly<Record<string, Rule>> = {
  ReduceSum: linear((c) => gradient(c)),
  ReduceMean: linear((c) => c.e.div(gradient(c), count(c))),
  ReduceProd: product,
  ReduceMax: extreme,
  ReduceMin: extreme,
  ReduceSumSquare: reduction((c) => c.e.mul(operand(c), c.e.number(2, operand(c)))),
  ReduceL1: reduction((c) => c.e.op('Sign', [operand(c)]), '0 at 0'),
  ReduceL2: reduction((c, y) => c.e.div(operand(c), y), 'not defined where all are 0'),
  ReduceLogSum: reduction((c, y) => c.e.op('Exp', [c.e.neg(y)])),
  ReduceLogSumExp: reduction((c, y) => c.e.op('Exp', [c.e.sub(operand(c), y)])),
};
