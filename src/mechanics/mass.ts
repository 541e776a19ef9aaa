/** @file Mass matrices: one number, a diagonal or a full matrix, checked to be positive; kinetic energy from them. */
import { MechanicsError } from '../core/errors.ts';
import { dot, type Formula, type PairFormula, square } from './differentiate.ts';
import type { Mass, Vector } from './types.ts';

/** A mass as users give it: one for all coordinates, one for each, or a matrix row by row. */
export type MassSpec = number | ArrayLike<number> | readonly ArrayLike<number>[];

/**
 * The mass matrix M of T = ½ pᵀM⁻¹p for `dimension` degrees of freedom.
 * Throws `mechanics.mass` when it is not symmetric and positive definite, or has another size.
 */
export function massMatrix(spec: MassSpec, dimension: number, name: string): Mass {
  if (typeof spec === 'number') return diagonalMass(new Float64Array(dimension).fill(spec), dimension, name);
  const rows: ArrayLike<unknown> = spec;
  if (typeof rows[0] === 'number')
    return diagonalMass(Float64Array.from(spec as ArrayLike<number>), dimension, name);
  return fullMass(
    (spec as readonly ArrayLike<number>[]).map((row) => Float64Array.from(row)),
    dimension,
    name,
  );
}

const notPositive = (name: string, what: string) =>
  new MechanicsError('mechanics.mass', `the mass of ${name} ${what}`, {
    where: name,
    hint: 'give a positive number, a positive number per degree of freedom, or a symmetric positive definite matrix',
  });

function diagonalMass(diagonal: Vector, dimension: number, name: string): Mass {
  if (diagonal.length !== dimension)
    throw notPositive(name, `has ${diagonal.length} entries, not ${dimension}`);
  const bad = diagonal.findIndex((m) => !(m > 0 && Number.isFinite(m)));
  if (bad >= 0) throw notPositive(name, `is ${diagonal[bad]} at ${bad}: not positive`);
  const inverse = diagonal.map((m) => 1 / m);
  return {
    diagonal,
    times(v, out) {
      for (let i = 0; i < dimension; i++) out[i] = diagonal[i]! * v[i]!;
    },
    solve(p, out) {
      for (let i = 0; i < dimension; i++) out[i] = inverse[i]! * p[i]!;
    },
  };
}

function fullMass(matrix: readonly Vector[], dimension: number, name: string): Mass {
  if (matrix.length !== dimension || matrix.some((row) => row.length !== dimension)) {
    throw notPositive(name, `is not a matrix of ${dimension} × ${dimension}`);
  }
  for (let i = 0; i < dimension; i++) {
    for (let j = 0; j < i; j++) {
      if (matrix[i]![j] !== matrix[j]![i]) throw notPositive(name, `is not symmetric at ${i}, ${j}`);
    }
  }
  const lower = cholesky(matrix);
  if (!lower) throw notPositive(name, 'is not positive definite');
  return {
    diagonal: Float64Array.from(matrix, (row, i) => row[i]!),
    matrix,
    times(v, out) {
      for (let i = 0; i < dimension; i++) {
        let sum = 0;
        for (let j = 0; j < dimension; j++) sum += matrix[i]![j]! * v[j]!;
        out[i] = sum;
      }
    },
    solve(p, out) {
      for (let i = 0; i < dimension; i++) {
        let sum = p[i]!;
        for (let j = 0; j < i; j++) sum -= lower[i]![j]! * out[j]!;
        out[i] = sum / lower[i]![i]!;
      }
      for (let i = dimension - 1; i >= 0; i--) {
        let sum = out[i]!;
        for (let j = i + 1; j < dimension; j++) sum -= lower[j]![i]! * out[j]!;
        out[i] = sum / lower[i]![i]!;
      }
    },
  };
}

/** L with L Lᵀ = `matrix`; undefined when the matrix is not positive definite. */
function cholesky(matrix: readonly Vector[]): Vector[] | undefined {
  const lower = matrix.map((row) => new Float64Array(row.length));
  for (let i = 0; i < matrix.length; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i]![j]!;
      for (let k = 0; k < j; k++) sum -= lower[i]![k]! * lower[j]![k]!;
      if (i === j && !(sum > 0 && Number.isFinite(sum))) return undefined;
      lower[i]![j] = i === j ? Math.sqrt(sum) : sum / lower[j]![j]!;
    }
  }
  return lower;
}

/** T(p) = ½ pᵀM⁻¹p over any algebra. */
export function kineticFormula(mass: Mass): Formula {
  const { diagonal, matrix } = mass;
  if (!matrix) {
    return (o, p) =>
      o.mul(
        0.5,
        dot(
          o,
          Array.from(p, (x) => square(o, x)),
          diagonal.map((m) => 1 / m),
        ),
      );
  }
  const inverse = matrix.map((_, i) => {
    const unit = new Float64Array(diagonal.length);
    unit[i] = 1;
    mass.solve(unit, unit);
    return unit;
  });
  return quadratic(inverse);
}

/** L(q, v) = ½ vᵀMv − V(q) over any algebra. */
export function lagrangianFormula(mass: Mass, potential: Formula): PairFormula {
  const kinetic = mass.matrix
    ? quadratic(mass.matrix)
    : (((o, v) =>
        o.mul(
          0.5,
          dot(
            o,
            Array.from(v, (x) => square(o, x)),
            mass.diagonal,
          ),
        )) satisfies Formula);
  return (o, q, v) => o.sub(kinetic(o, v), potential(o, q));
}

/** ½ xᵀAx. */
const quadratic =
  (rows: readonly Vector[]): Formula =>
  (o, x) =>
    o.mul(
      0.5,
      dot(
        o,
        rows.map((row) => dot(o, x, row)),
        x,
      ),
    );
