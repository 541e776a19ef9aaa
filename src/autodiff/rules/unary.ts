/** @file Functions of one variable. */
import { floatAttribute, stringAttribute } from '../../graph/attributes.ts';
import type { Node } from '../../graph/types.ts';
import type { Emitter } from '../emit.ts';
import { elementwise, operand, type Rule, result, unary } from '../rule.ts';

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
  Softsign: unary((c, g) => {
    const { e } = c;
    const room = e.add(e.op('Abs', [operand(c)]), e.number(1, g));
    return e.div(g, e.mul(room, room));
  }),
  Selu: unary((c, g) => {
    const { e } = c;
    const [alpha, gamma] = [
      floatAttribute(c.node, 'alpha', SELU.alpha),
      floatAttribute(c.node, 'gamma', SELU.gamma),
    ];
    const left = e.mul(g, e.add(result(c), e.number(alpha * gamma, g)));
    return positive(e, operand(c), e.mul(g, e.number(gamma, g)), left);
  }),
  Celu: unary((c, g) => {
    const { e } = c;
    const scaled = e.div(operand(c), e.number(floatAttribute(c.node, 'alpha', 1), g));
    // Where x > 0 the exponential is not taken, but must not overflow.
    const slope = e.op('Exp', [e.op('Min', [scaled, e.number(0, g)])]);
    return positive(e, operand(c), g, e.mul(g, slope));
  }),
  ThresholdedRelu: unary((c, g) => {
    const { e } = c;
    const above = e.op('Greater', [operand(c), e.number(floatAttribute(c.node, 'alpha', 1), g)]);
    return e.op('Where', [above, g, e.number(0, g)]);
  }),
  HardSigmoid: unary((c, g) => {
    const { e } = c;
    const [y, zero, one] = [result(c), e.number(0, g), e.number(1, g)];
    const inside = e.op('And', [e.op('Greater', [y, zero]), e.op('Less', [y, one])]);
    return e.op('Where', [inside, e.mul(g, e.number(floatAttribute(c.node, 'alpha', 0.2), g)), zero]);
  }, '0 on the bounds'),
  Shrink: unary((c, g) => {
    const { e } = c;
    const size = e.op('Abs', [operand(c)]);
    const far = e.op('Greater', [size, e.number(floatAttribute(c.node, 'lambd', 0.5), g)]);
    return e.op('Where', [far, g, e.number(0, g)]);
  }),
  PRelu: elementwise((c, i, g) => {
    const [x, slope] = [operand(c, 0), operand(c, 1)];
    if (i === 0) return positive(c.e, x, g, c.e.mul(g, slope));
    return positive(c.e, x, c.e.number(0, g), c.e.mul(g, x));
  }),
  Tan: unary((c, g) => c.e.mul(g, c.e.add(square(c.e, result(c)), c.e.number(1, g)))),
  Asin: unary((c, g) => c.e.div(g, root(c.e, oneMinusSquare(c.e, operand(c))))),
  Acos: unary((c, g) => c.e.neg(c.e.div(g, root(c.e, oneMinusSquare(c.e, operand(c)))))),
  Atan: unary((c, g) => c.e.div(g, c.e.add(square(c.e, operand(c)), c.e.number(1, g)))),
  Sinh: unary((c, g) => c.e.mul(g, hyperbolic(c.e, operand(c), 'add'))),
  Cosh: unary((c, g) => c.e.mul(g, hyperbolic(c.e, operand(c), 'sub'))),
  Asinh: unary((c, g) => c.e.div(g, root(c.e, c.e.add(square(c.e, operand(c)), c.e.number(1, g))))),
  Acosh: unary((c, g) => c.e.div(g, root(c.e, c.e.sub(square(c.e, operand(c)), c.e.number(1, g))))),
  Atanh: unary((c, g) => c.e.div(g, oneMinusSquare(c.e, operand(c)))),
};

/** Klambauer et al. 2017, arXiv:1706.02515; the digits of the ONNX standard. */
const SELU = { alpha: 1.6732631921768188, gamma: 1.0507010221481323 };

const square = (e: Emitter, x: string): string => e.mul(x, x);
const root = (e: Emitter, x: string): string => e.op('Sqrt', [x]);

/** (eˣ ± e⁻ˣ)/2, by Exp, which has kernels for every type. */
const hyperbolic = (e: Emitter, x: string, join: 'add' | 'sub'): string =>
  e.mul(e[join](e.op('Exp', [x]), e.op('Exp', [e.neg(x)])), e.number(0.5, x));

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
  HardSwish: one((e, x) => {
    const gate = { alpha: { float: 1 / 6 }, beta: { float: 0.5 } };
    return e.mul(x, e.op('HardSigmoid', [x], gate));
  }, 'x·hardsigmoid(x)'),
  Swish: one((e, x, node) => {
    const scaled = e.mul(x, e.number(floatAttribute(node, 'alpha', 1), x));
    return e.mul(x, e.op('Sigmoid', [scaled]));
  }, 'x·σ(αx); with α = 1 also called SiLU'),
  Mish: one((e, x) => e.mul(x, e.op('Tanh', [e.op('Softplus', [x])])), 'x·tanh(softplus(x))'),
};
