import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Algebra,
  dot,
  dual,
  type Formula,
  gradient,
  hessian,
  hessianVector,
  jacobian,
  real,
} from '../../src/mechanics/differentiate.ts';

const functions: Record<
  string,
  { f: <T>(o: Algebra<T>, x: T) => T; first: (x: number) => number; second: (x: number) => number }
> = {
  neg: { f: (o, x) => o.neg(x), first: () => -1, second: () => 0 },
  sin: { f: (o, x) => o.sin(x), first: Math.cos, second: (x) => -Math.sin(x) },
  cos: { f: (o, x) => o.cos(x), first: (x) => -Math.sin(x), second: (x) => -Math.cos(x) },
  tan: {
    f: (o, x) => o.tan(x),
    first: (x) => 1 / Math.cos(x) ** 2,
    second: (x) => (2 * Math.tan(x)) / Math.cos(x) ** 2,
  },
  exp: { f: (o, x) => o.exp(x), first: Math.exp, second: Math.exp },
  log: { f: (o, x) => o.log(x), first: (x) => 1 / x, second: (x) => -1 / x ** 2 },
  sqrt: { f: (o, x) => o.sqrt(x), first: (x) => 0.5 * x ** -0.5, second: (x) => -0.25 * x ** -1.5 },
  tanh: {
    f: (o, x) => o.tanh(x),
    first: (x) => 1 / Math.cosh(x) ** 2,
    second: (x) => (-2 * Math.tanh(x)) / Math.cosh(x) ** 2,
  },
  atan: {
    f: (o, x) => o.atan(x),
    first: (x) => 1 / (1 + x * x),
    second: (x) => (-2 * x) / (1 + x * x) ** 2,
  },
  abs: { f: (o, x) => o.abs(x), first: Math.sign, second: () => 0 },
  relu: { f: (o, x) => o.relu(x), first: (x) => (x > 0 ? 1 : 0), second: () => 0 },
  sign: { f: (o, x) => o.sign(x), first: () => 0, second: () => 0 },
  'power 3': { f: (o, x) => o.pow(x, 3), first: (x) => 3 * x * x, second: (x) => 6 * x },
  'power −½': {
    f: (o, x) => o.pow(x, -0.5),
    first: (x) => -0.5 * x ** -1.5,
    second: (x) => 0.75 * x ** -2.5,
  },
  'power 0': { f: (o, x) => o.pow(x, 0), first: () => 0, second: () => 0 },
  quotient: {
    f: (o, x) => o.div(o.sub(x, 1), o.add(2, o.mul(x, x))),
    first: (x) => (2 + 2 * x - x * x) / (2 + x * x) ** 2,
    second: (x) => (2 * x ** 3 - 6 * x * x - 12 * x + 4) / (2 + x * x) ** 3,
  },
};

describe('derivatives of one variable equal the known ones', () => {
  test.each(Object.entries(functions))('%s', (_, { f, first, second }) => {
    const formula: Formula = (o, x) => f(o, x[0]!);
    fc.assert(
      fc.property(fc.double({ min: 0.2, max: 1.3, noNaN: true }), (x) => {
        expect(gradient(real, formula, [x])[0]).toBeCloseTo(first(x), 11);
        expect(hessian(formula, [x])[0]![0]).toBeCloseTo(second(x), 10);
        const o = dual(real);
        expect(f(o, { value: x, tangent: 1 }).tangent).toBeCloseTo(first(x), 11);
      }),
      { numRuns: 50 },
    );
  });
});

test('nested to the third order: the third derivative of sin is −cos', () => {
  const one = dual(real);
  const two = dual(one);
  const three = dual(two);
  const lift = <T>(o: Algebra<T>, value: T) => ({ value, tangent: o.constant(1) });
  const x = lift(two, lift(one, lift(real, 0.4)));
  expect(three.sin(x).tangent.tangent.tangent).toBeCloseTo(-Math.cos(0.4), 14);
});

const numbers = fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 3, maxLength: 3 });
const mixed: Formula = (o, x) =>
  o.add(
    o.mul(o.sin(o.mul(x[0]!, x[1]!)), x[2]!),
    o.sub(o.exp(o.mul(0.3, x[1]!)), o.div(x[0]!, o.add(3, o.mul(x[2]!, x[2]!)))),
  );

test('reverse and forward agree, and the Hessian is symmetric', () =>
  fc.assert(
    fc.property(numbers, numbers, (x, v) => {
      const slope = gradient(real, mixed, x);
      const [row] = jacobian((o, y) => [mixed(o, y)], x);
      slope.forEach((s, i) => {
        expect(s).toBeCloseTo(row![i]!, 12);
      });
      const H = hessian(mixed, x);
      H.forEach((line, i) => {
        line.forEach((entry, j) => {
          expect(entry).toBeCloseTo(H[j]![i]!, 12);
        });
      });
      hessianVector(real, mixed, x, v).forEach((entry, i) => {
        expect(entry).toBeCloseTo(dot(real, H[i]!, v), 11);
      });
    }),
  ));

test('a variable that does not enter has slope 0; a gradient inside a formula keeps its own record', () => {
  expect(gradient(real, (o, x) => o.mul(2, x[0]!), [5, 7])).toEqual([2, 0]);
  const outer: Formula = (o, x) => {
    const inner = gradient(o, (o2, y) => o2.mul(y[0]!, o2.mul(y[0]!, y[0]!)), [x[0]!]);
    return o.mul(inner[0]!, x[1]!);
  };
  expect(gradient(real, outer, [2, 5])).toEqual([60, 12]);
});
