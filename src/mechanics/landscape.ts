/** @file A potential alone: a value and a gradient at a point. What elastic bands and samplers walk on. */
import { MechanicsError } from '../core/errors.ts';
import { separable } from './build.ts';
import { type Formula, gradient as gradientOf, real } from './differentiate.ts';
import type { Separable, Vector } from './types.ts';

/** A scalar function with its gradient: what samplers, bands and losses share. */
export interface Landscape {
  readonly name: string;
  readonly dimension: number;
  /** Writes ∂V/∂x into `gradient` and returns V(x). */
  at(x: Vector, gradient: Vector): number;
}

/** A landscape from a formula; the gradient is derived. */
export const landscape = (name: string, dimension: number, formula: Formula): Landscape => ({
  name,
  dimension,
  at(x, gradient) {
    gradient.set(gradientOf(real, formula, x));
    return formula(real, x);
  },
});

/** The potential energy of a system. */
export const potentialOf = ({ name, dimension, potential, force }: Separable): Landscape => ({
  name,
  dimension,
  at(x, gradient) {
    force(x, gradient);
    for (let i = 0; i < dimension; i++) gradient[i] = -gradient[i]!;
    return potential(x);
  },
});

/** The same landscape, each value and gradient checked. @throws MechanicsError `mechanics.not-finite`, `mechanics.length`. */
export const checked = (given: Landscape): Landscape => ({
  ...given,
  at(x, gradient) {
    if (x.length !== given.dimension)
      throw new MechanicsError(
        'mechanics.length',
        `a point of ${x.length} numbers in a landscape of ${given.dimension}`,
        { where: given.name, hint: 'give as many numbers as the landscape has dimensions' },
      );
    const value = given.at(x, gradient);
    let zero = value - value;
    for (let i = 0; i < gradient.length; i++) zero += gradient[i]! - gradient[i]!;
    if (zero === 0) return value;
    throw new MechanicsError(
      'mechanics.not-finite',
      `the value or gradient of ${given.name} is not a finite number`,
      {
        where: `${given.name} at [${Array.from(x.slice(0, 6), (xi) => xi.toPrecision(6)).join(', ')}${x.length > 6 ? ', …' : ''}]`,
        hint: 'lower the step, or look for a division by zero or an overflow in the function',
      },
    );
  },
});

/** A particle in the landscape: H = ½ pᵀM⁻¹p + V. Value and gradient come from one evaluation per point. */
export function particle(given: Landscape, mass: number | ArrayLike<number> = 1): Separable {
  const { name, dimension } = given;
  const V = checked(given);
  const at = new Float64Array(dimension).fill(Number.NaN);
  const slope = new Float64Array(dimension);
  let value = Number.NaN;
  const evaluate = (q: Vector) => {
    if (q.every((qi, i) => qi === at[i])) return;
    value = V.at(q, slope);
    at.set(q);
  };
  return separable({
    name,
    dimension,
    mass,
    potentialValue(q) {
      evaluate(q);
      return value;
    },
    force(q, out) {
      evaluate(q);
      for (let i = 0; i < dimension; i++) out[i] = -slope[i]!;
    },
  });
}

/** The landscape with every evaluation counted. */
export function counted(given: Landscape): Landscape & { readonly evaluations: () => number } {
  let evaluations = 0;
  return {
    ...given,
    evaluations: () => evaluations,
    at(x, gradient) {
      evaluations++;
      return given.at(x, gradient);
    },
  };
}
