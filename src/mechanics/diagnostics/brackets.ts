/** @file Poisson brackets of any two observables, exact, and nested as deep as one likes. */
import { type Algebra, gradient, joined, type PairFormula, real } from '../differentiate.ts';

/** {a, b} = Σ ∂a/∂q_i ∂b/∂p_i − ∂a/∂p_i ∂b/∂q_i, itself an observable. */
export function poissonBracket(a: PairFormula, b: PairFormula): PairFormula {
  return <T>(o: Algebra<T>, q: ArrayLike<T>, p: ArrayLike<T>): T => {
    const [da, db] = [slopes(o, a, q, p), slopes(o, b, q, p)];
    const n = q.length;
    let sum = o.constant(0);
    for (let i = 0; i < n; i++) sum = o.add(sum, o.sub(o.mul(da[i]!, db[n + i]!), o.mul(da[n + i]!, db[i]!)));
    return sum;
  };
}

/** Residuals of the laws that make a bracket a Poisson bracket, at a point; 0 to rounding. */
export interface BracketLaws {
  /** {a, b} + {b, a} */
  readonly antisymmetry: number;
  /** {ab, c} − a{b, c} − {a, c}b */
  readonly leibniz: number;
  /** {a, {b, c}} + {b, {c, a}} + {c, {a, b}} */
  readonly jacobi: number;
}

/** Tests the laws for three observables at a point, each relative to the size of its terms. */
export function bracketLaws(
  [a, b, c]: readonly [PairFormula, PairFormula, PairFormula],
  q: ArrayLike<number>,
  p: ArrayLike<number>,
): BracketLaws {
  const at = (f: PairFormula) => f(real, q, p);
  const bracket = (f: PairFormula, g: PairFormula) => at(poissonBracket(f, g));
  const product: PairFormula = (o, x, y) => o.mul(a(o, x, y), b(o, x, y));
  const relative = (...terms: number[]) => {
    const size = terms.reduce((sum, term) => sum + Math.abs(term), 0);
    return size === 0 ? 0 : Math.abs(terms.reduce((sum, term) => sum + term, 0)) / size;
  };
  return {
    antisymmetry: relative(bracket(a, b), bracket(b, a)),
    leibniz: relative(bracket(product, c), -at(a) * bracket(b, c), -bracket(a, c) * at(b)),
    jacobi: relative(
      bracket(a, poissonBracket(b, c)),
      bracket(b, poissonBracket(c, a)),
      bracket(c, poissonBracket(a, b)),
    ),
  };
}

/** ∂f/∂(q, p), [2n]. */
function slopes<T>(o: Algebra<T>, f: PairFormula, q: ArrayLike<T>, p: ArrayLike<T>): T[] {
  return gradient(o, joined(f, q.length), [...Array.from(q), ...Array.from(p)]);
}
