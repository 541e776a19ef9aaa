/** @file Arithmetic with broadcasting, and choices between values. */
import { elementwise, operand, type Rule, result } from '../rule.ts';
import { reduceTo } from '../shaping.ts';

/** Input `i` shares the gradient of an extremum with the inputs that tie with it. */
const extremum: Rule = elementwise((c, i, g) => {
  const { e } = c;
  const y = result(c);
  const hits = c.node.inputs.map((x) => e.cast(e.op('Equal', [x, y]), e.type(y).dtype));
  return e.mul(g, e.div(hits[i]!, hits.reduce(e.add)));
}, 'ties share the gradient');

/** a / b. The sign of ∂/∂b comes last, when the gradient has shrunk to the shape of b. */
const division: Rule = {
  ...elementwise((c, i, g) => {
    const quotient = c.e.div(g, operand(c, 1));
    return i === 0 ? quotient : c.e.neg(c.e.mul(quotient, result(c)));
  }),
  vjp(c) {
    const { e } = c;
    const [a, b, y] = [operand(c, 0), operand(c, 1), result(c)];
    const quotient = e.div(c.smallGrad(), b);
    return [
      c.wants(0) ? reduceTo(e, quotient, a, y) : undefined,
      c.wants(1) ? e.neg(reduceTo(e, e.mul(quotient, y), b, y)) : undefined,
    ];
  },
};

export const arithmeticRules: Readonly<Record<string, Rule>> = {
  Add: elementwise((_c, _i, g) => g),
  Sub: elementwise((c, i, g) => (i === 0 ? g : c.e.neg(g))),
  Mul: elementwise((c, i, g) => c.e.mul(g, operand(c, 1 - i))),
  Div: division,
  Sum: elementwise((_c, _i, g) => g),
  Mean: elementwise((c, _i, g) => c.e.div(g, c.e.number(c.node.inputs.length, g))),
  Max: extremum,
  Min: extremum,
  Pow: elementwise((c, i, g) => {
    const { e } = c;
    const [x, p] = [operand(c, 0), operand(c, 1)];
    if (i === 1) {
      // At x = 0 the limit of y·ln x is 0, where 0·(−∞) would be NaN.
      const safe = e.op('Where', [e.op('Equal', [x, e.number(0, x)]), e.number(1, x), x]);
      return e.mul(g, e.mul(result(c), e.op('Log', [safe])));
    }
    const known = e.scalarValue(p);
    if (known === 0) return undefined;
    if (known === 1) return g;
    if (known === 2) return e.mul(e.mul(g, e.number(2, x)), x);
    const power = e.cast(p, e.type(x).dtype);
    return e.mul(g, e.mul(power, e.op('Pow', [x, e.sub(power, e.number(1, x))])));
  }),
  Mod: elementwise((c, i, g) => {
    // y = x − b·q with q whole, so ∂y/∂b = −q = (y − x)/b.
    const { e } = c;
    return i === 0 ? g : e.mul(g, e.div(e.sub(result(c), operand(c, 0)), operand(c, 1)));
  }, 'fmod = 1'),
  Where: elementwise((c, i, g) => {
    if (i === 0) return undefined;
    const zero = c.e.number(0, g);
    return c.e.op('Where', [operand(c, 0), i === 1 ? g : zero, i === 1 ? zero : g]);
  }),
  Clip: elementwise((c, i, g) => {
    const { e } = c;
    const order = (['Equal', 'Less', 'Greater'] as const)[i]!;
    return e.op('Where', [e.op(order, [operand(c, 0), result(c)]), g, e.number(0, g)]);
  }, 'on a bound the gradient goes to the input'),
};
