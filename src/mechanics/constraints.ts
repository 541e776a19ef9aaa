/** @file Holonomic constraints: a separable system held on g(q) = 0. */
import { MechanicsError } from '../core/errors.ts';
import { dot, jacobian, real, type VectorFormula } from './differentiate.ts';
import type { Constrained, Constraints, Separable } from './types.ts';

/** `free` held on g(q) = 0. Throws `mechanics.needs` when its kinetic energy is not ½ pᵀM⁻¹p. */
export function constrained(
  free: Separable,
  constraints: Constraints,
  name = `constrained-${free.name}`,
): Constrained {
  if (!free.mass) {
    throw new MechanicsError('mechanics.needs', `${free.name} has a kinetic energy without a mass matrix`, {
      where: free.name,
      hint: 'constraints need T = ½ pᵀM⁻¹p: give the system a mass',
    });
  }
  const { dimension, momenta, energy } = free;
  return { kind: 'constrained', name, dimension, momenta, free, constraints, energy };
}

/** Constraints from a formula; the Jacobian follows by differentiation unless a faster one is given. */
export function constraintsOf(
  count: number,
  formula: VectorFormula,
  fast: Partial<Pick<Constraints, 'values' | 'jacobian'>> = {},
): Constraints {
  return {
    count,
    formula,
    values: (q, out) => out.set(formula(real, q)),
    jacobian(q, out) {
      jacobian(formula, q).forEach((row, i) => {
        out.set(row, i * q.length);
      });
    },
    ...fast,
  };
}

/** (|d_i|² − 1)/2 = 0 for `count` vectors of length `width` in a row: features on unit spheres. */
export function spheres(count: number, width: number): Constraints {
  const formula: VectorFormula = (o, q) =>
    Array.from({ length: count }, (_, i) => {
      const d = Array.from(q).slice(i * width, (i + 1) * width);
      return o.mul(0.5, o.sub(dot(o, d, d), 1));
    });
  return constraintsOf(count, formula, {
    jacobian(q, out) {
      out.fill(0);
      for (let i = 0; i < count; i++) {
        for (let at = i * width; at < (i + 1) * width; at++) out[i * q.length + at] = q[at]!;
      }
    },
  });
}
