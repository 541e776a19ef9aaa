import { expect, test } from 'vitest';
import { type Algebra, type Formula, gradient, hessian, real } from '../../src/mechanics/differentiate.ts';

const formulas: Record<string, Formula> = {
  sum: (o, x) => o.add(o.mul(x[0]!, x[1]!), o.mul(x[0]!, x[2]!)),
  cosine: (o, x) => o.cos(o.mul(x[0]!, o.sub(x[1]!, 2))),
  quotient: (o, x) => o.div(o.exp(x[2]!), o.add(1, o.mul(x[0]!, x[0]!))),
};

test.each(Object.entries(formulas))(
  'a gradient of a gradient (reverse over reverse) equals the Hessian: %s',
  (_, f) => {
    const x = [0.4, -0.7, 0.3];
    /** Σ_i (i + 1) ∂f/∂x_i */
    const weighed: Formula = <T>(o: Algebra<T>, z: ArrayLike<T>) =>
      gradient(o, f, z).reduce((sum, g, i) => o.add(sum, o.mul(i + 1, g)), o.constant(0));
    const expected = hessian(f, x).map((row) => row.reduce((sum, h, i) => sum + (i + 1) * h, 0));
    gradient(real, weighed, x).forEach((g, i) => {
      expect(g).toBeCloseTo(expected[i]!, 14);
    });
  },
);
