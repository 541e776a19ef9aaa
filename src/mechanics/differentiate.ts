/** @file Exact derivatives of scalar TypeScript functions: dual numbers forward, a tape in reverse, nested to any order. */

/**
 * Arithmetic over some kind of number `T`: plain numbers, dual numbers, variables on a tape, or these nested.
 * A function written against it once can be evaluated and differentiated. Operands may be plain numbers.
 */
export interface Algebra<T> {
  constant(value: number): T;
  /** The plain number inside, for branches. */
  value(x: T): number;
  add(a: T | number, b: T | number): T;
  sub(a: T | number, b: T | number): T;
  mul(a: T | number, b: T | number): T;
  div(a: T | number, b: T | number): T;
  neg(x: T): T;
  /** x to a constant power. */
  pow(x: T, exponent: number): T;
  sin(x: T): T;
  cos(x: T): T;
  tan(x: T): T;
  exp(x: T): T;
  log(x: T): T;
  sqrt(x: T): T;
  tanh(x: T): T;
  atan(x: T): T;
  abs(x: T): T;
  /** max(x, 0); its slope at 0 is 0. */
  relu(x: T): T;
  /** −1, 0 or 1. */
  sign(x: T): T;
}

/** A scalar function of one vector, over any algebra: `(o, q) => o.sub(1, o.cos(q[0]!))`. */
export type Formula = <T>(o: Algebra<T>, x: ArrayLike<T>) => T;
/** A vector-valued function of one vector, over any algebra. */
export type VectorFormula = <T>(o: Algebra<T>, x: ArrayLike<T>) => T[];
/** A scalar function of two vectors (positions and momenta, or positions and velocities), over any algebra. */
export type PairFormula = <T>(o: Algebra<T>, a: ArrayLike<T>, b: ArrayLike<T>) => T;

/** Plain float64 arithmetic. */
export const real: Algebra<number> = {
  constant: (value) => value,
  value: (x) => x,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  neg: (x) => -x,
  pow: (x, exponent) => x ** exponent,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  tanh: Math.tanh,
  atan: Math.atan,
  abs: Math.abs,
  relu: (x) => Math.max(x, 0),
  sign: Math.sign,
};

/** The derivative of each function of one variable at x, where it has the value y. */
const SLOPES = {
  neg: (o) => o.constant(-1),
  sin: (o, x) => o.cos(x),
  cos: (o, x) => o.neg(o.sin(x)),
  tan: (o, _x, y) => o.add(1, o.mul(y, y)),
  exp: (_o, _x, y) => y,
  log: (o, x) => o.div(1, x),
  sqrt: (o, _x, y) => o.div(0.5, y),
  tanh: (o, _x, y) => o.sub(1, o.mul(y, y)),
  atan: (o, x) => o.div(1, o.add(1, o.mul(x, x))),
  abs: (o, x) => o.sign(x),
  relu: (o, x) => o.sign(o.relu(x)),
  sign: (o) => o.constant(0),
} satisfies Record<string, <T>(o: Algebra<T>, x: T, y: T) => T>;

type Unary = keyof typeof SLOPES;
const UNARY = Object.keys(SLOPES) as Unary[];

/** a + ε b with ε² = 0: a value and its derivative along one direction. */
export interface Dual<T> {
  readonly value: T;
  readonly tangent: T;
}

/** Algebras made from another one, by that one: making them costs more than most formulas. */
const dualsOver = new WeakMap<object, unknown>();
const tapesOver = new WeakMap<object, unknown>();

/** What `make` gives for `o`, made once. */
function once<R>(known: WeakMap<object, unknown>, o: object, make: () => R): R {
  const found = known.get(o) as R | undefined;
  if (found) return found;
  const made = make();
  known.set(o, made);
  return made;
}

/** Dual numbers over another algebra (forward differentiation). Nest them for higher derivatives. */
export const dual = <T>(o: Algebra<T>): Algebra<Dual<T>> => once(dualsOver, o, () => makeDual(o));

function makeDual<T>(o: Algebra<T>): Algebra<Dual<T>> {
  const constant = (value: number): Dual<T> => ({ value: o.constant(value), tangent: o.constant(0) });
  const lift = (x: Dual<T> | number) => (typeof x === 'number' ? constant(x) : x);
  const make = (value: T, tangent: T): Dual<T> => ({ value, tangent });
  const unary = Object.fromEntries(
    UNARY.map((name) => [
      name,
      (x: Dual<T>) => {
        const y = o[name](x.value);
        return make(y, o.mul(SLOPES[name](o, x.value, y), x.tangent));
      },
    ]),
  ) as Pick<Algebra<Dual<T>>, Unary>;
  return {
    ...unary,
    constant,
    value: (x) => o.value(x.value),
    add(a, b) {
      const [x, y] = [lift(a), lift(b)];
      return make(o.add(x.value, y.value), o.add(x.tangent, y.tangent));
    },
    sub(a, b) {
      const [x, y] = [lift(a), lift(b)];
      return make(o.sub(x.value, y.value), o.sub(x.tangent, y.tangent));
    },
    mul(a, b) {
      const [x, y] = [lift(a), lift(b)];
      return make(o.mul(x.value, y.value), o.add(o.mul(x.tangent, y.value), o.mul(x.value, y.tangent)));
    },
    div(a, b) {
      const [x, y] = [lift(a), lift(b)];
      const ratio = o.div(x.value, y.value);
      return make(ratio, o.div(o.sub(x.tangent, o.mul(ratio, y.tangent)), y.value));
    },
    pow: (x, exponent) =>
      exponent === 0
        ? constant(1)
        : make(o.pow(x.value, exponent), o.mul(o.mul(exponent, o.pow(x.value, exponent - 1)), x.tangent)),
  };
}

/** A variable on a tape: its value, and the slopes of the operation that made it. */
interface Variable<T> {
  readonly value: T;
  readonly index: number;
  readonly parents: readonly Variable<T>[];
  readonly slopes: readonly T[];
}

/** Records operations so that one sweep backwards gives all derivatives (reverse differentiation). */
function makeTape<T>(o: Algebra<T>) {
  let record: Variable<T>[] = [];
  const make = (value: T, parents: readonly Variable<T>[], slopes: readonly T[]) => {
    const variable = { value, index: record.length, parents, slopes };
    record.push(variable);
    return variable;
  };
  const constant = (value: number) => make(o.constant(value), [], []);
  const lift = (x: Variable<T> | number) => (typeof x === 'number' ? constant(x) : x);
  /** 1 over the algebra below: made anew for every sweep, since there it is a variable of that sweep's record. */
  let one = o.constant(1);
  const unary = Object.fromEntries(
    UNARY.map((name) => [
      name,
      (x: Variable<T>) => {
        const y = o[name](x.value);
        return make(y, [x], [SLOPES[name](o, x.value, y)]);
      },
    ]),
  ) as Pick<Algebra<Variable<T>>, Unary>;
  const algebra: Algebra<Variable<T>> = {
    ...unary,
    constant,
    value: (x) => o.value(x.value),
    add(a, b) {
      const [x, y] = [lift(a), lift(b)];
      return make(o.add(x.value, y.value), [x, y], [one, one]);
    },
    sub(a, b) {
      const [x, y] = [lift(a), lift(b)];
      return make(o.sub(x.value, y.value), [x, y], [one, o.constant(-1)]);
    },
    mul(a, b) {
      const [x, y] = [lift(a), lift(b)];
      return make(o.mul(x.value, y.value), [x, y], [y.value, x.value]);
    },
    div(a, b) {
      const [x, y] = [lift(a), lift(b)];
      const ratio = o.div(x.value, y.value);
      return make(ratio, [x, y], [o.div(one, y.value), o.neg(o.div(ratio, y.value))]);
    },
    pow: (x, exponent) =>
      exponent === 0
        ? constant(1)
        : make(o.pow(x.value, exponent), [x], [o.mul(exponent, o.pow(x.value, exponent - 1))]),
  };
  /** ∂output/∂(each variable of the record). */
  const backwards = (output: Variable<T>) => {
    const sums: (T | undefined)[] = new Array(record.length);
    sums[output.index] = one;
    for (let i = output.index; i >= 0; i--) {
      const sum = sums[i];
      if (sum === undefined) continue;
      const { parents, slopes } = record[i]!;
      for (let j = 0; j < parents.length; j++) {
        const share = o.mul(sum, slopes[j]!);
        const at = parents[j]!.index;
        const before = sums[at];
        sums[at] = before === undefined ? share : o.add(before, share);
      }
    }
    return sums;
  };
  /** Gradient of `f` at `x`; a gradient inside `f` over the same algebra keeps a record of its own. */
  const sweep = (f: Formula, x: ArrayLike<T>): T[] => {
    const outer = { record, one };
    record = [];
    one = o.constant(1);
    try {
      const inputs = Array.from(x, (value) => make(value, [], []));
      const sums = backwards(f(algebra, inputs));
      return inputs.map((input) => sums[input.index] ?? o.constant(0));
    } finally {
      ({ record, one } = outer);
    }
  };
  return sweep;
}

/** Gradient of a scalar formula over any algebra, in one reverse sweep: ∂f/∂x_i, as long as `x`. */
export const gradient = <T>(o: Algebra<T>, f: Formula, x: ArrayLike<T>): T[] =>
  once(tapesOver, o, () => makeTape(o))(f, x);

/** Derivative of a vector formula along `direction` (forward): values f(x) and tangents Df(x)·direction. */
export function directional<T>(
  o: Algebra<T>,
  f: VectorFormula,
  x: ArrayLike<T>,
  direction: ArrayLike<T>,
): { values: T[]; tangents: T[] } {
  const results = f(dual(o), pairUp(x, direction));
  return { values: results.map((y) => y.value), tangents: results.map((y) => y.tangent) };
}

/** Hessian times `direction`, by a reverse sweep over dual numbers: exact to rounding, no Hessian is formed. */
export function hessianVector<T>(o: Algebra<T>, f: Formula, x: ArrayLike<T>, direction: ArrayLike<T>): T[] {
  return gradient(dual(o), f, pairUp(x, direction)).map((y) => y.tangent);
}

/** The whole Hessian of a scalar formula at `x`, row by row [n][n]. */
export function hessian(f: Formula, x: ArrayLike<number>): number[][] {
  return unitVectors(x.length).map((unit) => hessianVector(real, f, x, unit));
}

/** The Jacobian of a vector formula at `x`: [outputs][inputs]. */
export function jacobian(f: VectorFormula, x: ArrayLike<number>): number[][] {
  const columns = unitVectors(x.length).map((unit) => directional(real, f, x, unit).tangents);
  return (columns[0] ?? []).map((_, row) => columns.map((column) => column[row]!));
}

/** Dual numbers from values and tangents. */
export function pairUp<T>(values: ArrayLike<T>, tangents: ArrayLike<T>): Dual<T>[] {
  return Array.from(values, (value, i) => ({ value, tangent: tangents[i]! }));
}

const unitVectors = (n: number): number[][] =>
  Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)));

/** Σ x_i over any algebra. */
export function sum<T>(o: Algebra<T>, terms: ArrayLike<T>): T {
  let total: T = terms.length > 0 ? terms[0]! : o.constant(0);
  for (let i = 1; i < terms.length; i++) total = o.add(total, terms[i]!);
  return total;
}

/** Σ a_i b_i over any algebra. */
export function dot<T>(o: Algebra<T>, a: ArrayLike<T | number>, b: ArrayLike<T | number>): T {
  return sum(
    o,
    Array.from(a, (x, i) => o.mul(x, b[i]!)),
  );
}

/** A function of (q, p) as a function of the vector that joins them; q has the first `dimension` entries. */
export const joined =
  (formula: PairFormula, dimension: number): Formula =>
  (o, x) => {
    const both = Array.from(x);
    return formula(o, both.slice(0, dimension), both.slice(dimension));
  };

/** x² over any algebra. */
export const square = <T>(o: Algebra<T>, x: T): T => o.mul(x, x);
