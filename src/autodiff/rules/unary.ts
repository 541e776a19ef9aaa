/** @file Functions of one variable. */
import { floatAttribute, stringAttribute } from '../../graph/attributes.ts';
import type { Node } from '../../graph/types.ts';
import type { Emitter } from '../emit.ts';
import { operand, type Rule, result, unary } from '../rule.ts';

/** g where x > 0, else 0. */
const positive = (e: Emitter, x: string, g: string, other = e.number(0, g)): string =>
  e.op('Where', [e.op('Greater', [x, e.number(0, x)]), g, other]);

/** 1 − y². */
const oneMinusSquare = (e: Emitter, y: string): string => e.sub(e.number(1, y), e.mul(y, y));

export const unaryRules: Readonly<Record<string, Rule>> = {
  Neg: unary((c, g) => c.e.neg(g)),
  Exp: unary((c, g) => c.e.mul(g, result(c))),
  Log: unary((c, g) => c.e.div(g, operand(c))),
  Sqrt: unary((c, g) => c.e.div(c.e.mul(g, c.e.number(0.5, g)), result(c)), 'infinite at 0'),
  Reciprocal: unary((c, g) => c.e.neg(c.e.mul(g, c.e.mul(result(c), result(c))))),
  Tanh: unary((c, g) => c.e.mul(g, oneMinusSquare(c.e, result(c)))),
  Sigmoid: unary((c, g) => {
    const { e } = c;
    return e.mul(g, e.mul(result(c), e.sub(e.number(1, g), result(c))));
  }),
  Erf: unary((c, g) => {
    const { e } = c;
    const x = operand(c);
    return e.mul(g, e.mul(e.op('Exp', [e.neg(e.mul(x, x))]), e.number(2 / Math.sqrt(Math.PI), x)));
  }),
  Relu: unary((c, g) => positive(c.e, operand(c), g), '0 at 0'),
  LeakyRelu: unary((c, g) =>
    positive(c.e, operand(c), g, c.e.mul(g, c.e.number(floatAttribute(c.node, 'alpha', 0.01), g))),
  ),
  Elu: unary((c, g) => {
    const { e } = c;
    const alpha = e.number(floatAttribute(c.node, 'alpha', 1), g);
    return positive(e, operand(c), g, e.mul(g, e.add(result(c), alpha)));
  }),
  Abs: unary((c, g) => c.e.mul(g, c.e.op('Sign', [operand(c)])), '0 at 0'),
  Sin: unary((c, g) => c.e.mul(g, c.e.op('Cos', [operand(c)]))),
  Cos: unary((c, g) => c.e.neg(c.e.mul(g, c.e.op('Sin', [operand(c)])))),
  Softplus: unary((c, g) => c.e.mul(g, c.e.op('Sigmoid', [operand(c)]))),
};

/** x·Φ(x) with Φ the normal distribution function, or its tanh form (Hendrycks & Gimpel 2016, arXiv:1606.08415). */
function gelu(e: Emitter, x: string, form: string): string {
  const half = e.mul(x, e.number(0.5, x));
  if (form === 'tanh') {
    const cubic = e.mul(e.mul(e.mul(x, x), x), e.number(0.044715, x));
    const inner = e.mul(e.add(x, cubic), e.number(Math.sqrt(2 / Math.PI), x));
    return e.mul(half, e.add(e.op('Tanh', [inner]), e.number(1, x)));
  }
  const erf = e.op('Erf', [e.mul(x, e.number(Math.SQRT1_2, x))]);
  return e.mul(half, e.add(erf, e.number(1, x)));
}

const one = (make: (e: Emitter, x: string, node: Node) => string, note: string): Rule => ({
  kind: 'lower',
  lower: (e, node) => [make(e, node.inputs[0]!, node)],
  note,
});

/** Activations made of simpler ones. */
export const activationRules: Readonly<Record<string, Rule>> = {
  Gelu: one((e, x, node) => gelu(e, x, stringAttribute(node, 'approximate', 'none')), 'both forms'),
  'com.microsoft:Gelu': one((e, x) => gelu(e, x, 'none'), 'exact form'),
  'com.microsoft:QuickGelu': one((e, x, node) => {
    const scaled = e.mul(x, e.number(floatAttribute(node, 'alpha', 1.702), x));
    return e.mul(x, e.op('Sigmoid', [scaled]));
  }, 'x·σ(αx)'),
  Mish: one((e, x) => e.mul(x, e.op('Tanh', [e.op('Softplus', [x])])), 'x·tanh(softplus(x))'),
};
