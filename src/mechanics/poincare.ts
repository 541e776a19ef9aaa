/** @file Poincaré both ways: is a vector field Hamiltonian, where not, and if so, of which H. */
import { MechanicsError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import { jacobian, real, type VectorFormula } from './differentiate.ts';
import { integral } from './quadrature.ts';
import type { Vector } from './types.ts';

/** A vector field on (q, p) ∈ R²ⁿ. */
export interface VectorField {
  /** 2n. */
  readonly dimension: number;
  value(x: Vector, out: Vector): void;
  /** Df at x, rows [2n][2n]; needed to test the field, not to integrate it. */
  jacobian?(x: Vector): readonly ArrayLike<number>[];
}

/** A field from a formula of x = (q, p); its Jacobian is exact. */
export const vectorField = (dimension: number, formula: VectorFormula): VectorField => ({
  dimension,
  value(x, out) {
    out.set(formula(real, x));
  },
  jacobian: (x) => jacobian(formula, x),
});

/** Whether a vector field is Hamiltonian, and where it is not. */
export interface HamiltonianTest {
  /** Largest entry of J·Df − (J·Df)ᵀ over the largest entry of Df, over all points looked at. */
  readonly defect: number;
  /** The field is locally Hamiltonian, as far as the points show. */
  readonly hamiltonian: boolean;
  /** Where it is not: the points that fail, the worst first. */
  readonly failures: readonly { readonly x: Float64Array; readonly defect: number }[];
}

/** Points at which a field is tested. */
export interface TestRegion {
  readonly random: Random;
  /** Middle of the box; the origin unless given. */
  readonly centre?: ArrayLike<number>;
  /** Half width of the box; 1 unless given. */
  readonly width?: number;
  readonly points?: number;
  /** Defect that passes; 1e-10 unless given. */
  readonly tolerance?: number;
}

/**
 * A flow is symplectic exactly if J·Df is symmetric everywhere (Hairer, Lubich and Wanner 2006, theorem VI.2.6 and
 * lemma VI.2.7): looked at in random points of a box. A few points prove a failure, and only suggest a pass.
 * @throws MechanicsError `mechanics.needs` without a Jacobian, `mechanics.option` for an odd dimension.
 */
export function testHamiltonian(field: VectorField, region: TestRegion): HamiltonianTest {
  const { random, centre, width = 1, points = 64, tolerance = 1e-10 } = region;
  const n = requireEven(field);
  if (!field.jacobian)
    throw new MechanicsError('mechanics.needs', 'the test needs the derivative of the field', {
      where: 'testHamiltonian',
      hint: 'give the field as a formula (vectorField), or its Jacobian',
    });
  const found = Array.from({ length: points }, () => {
    const x = Float64Array.from(
      { length: 2 * n },
      (_, i) => (centre?.[i] ?? 0) + width * (2 * random.uniform() - 1),
    );
    const D = field.jacobian!(x);
    /** Entry of J·Df: the lower rows of Df, then minus the upper ones. */
    const entry = (i: number, j: number) => (i < n ? D[n + i]![j]! : -D[i - n]![j]!);
    let [size, worst] = [0, 0];
    for (let i = 0; i < 2 * n; i++)
      for (let j = 0; j < 2 * n; j++) {
        size = Math.max(size, Math.abs(D[i]![j]!));
        worst = Math.max(worst, Math.abs(entry(i, j) - entry(j, i)));
      }
    if (Number.isNaN(size + worst)) return { x, defect: Number.POSITIVE_INFINITY };
    return { x, defect: size === 0 ? 0 : worst / size };
  });
  const defect = Math.max(...found.map((one) => one.defect));
  return {
    defect,
    hamiltonian: defect <= tolerance,
    failures: found.filter((one) => one.defect > tolerance).sort((a, b) => b.defect - a.defect),
  };
}

/** How exact the line integral of `recoverHamiltonian` is. */
export interface LineIntegralOptions {
  /** Change between two refinements that passes, relative to the integrand's terms; 1e-13 unless given. */
  readonly tolerance?: number;
  /** Rounding that the field's own values carry; 0 unless given. */
  readonly noise?: number;
}

/**
 * H with f = J∇H and H(base) = 0, by the line integral of −Jf·dx along the straight line from `base` (Poincaré's lemma):
 * the constant is not determined, and where J·Df is not symmetric the answer depends on the path and means nothing.
 * Pieces are halved until the integral stands still.
 * @throws MechanicsError `mechanics.not-converged` when the field is not smooth on the line, `mechanics.option`.
 */
export function recoverHamiltonian(
  field: VectorField,
  base: ArrayLike<number>,
  options: LineIntegralOptions = {},
): (x: ArrayLike<number>) => number {
  requireEven(field);
  const from = Float64Array.from(base);
  return (to) =>
    lineIntegral(
      field,
      (s) => from.map((b, i) => b + s * (to[i]! - b)),
      from.map((b, i) => to[i]! - b),
      options,
    );
}

/**
 * ∮ −Jf·dx round a closed polygon. A field that passes the test but has a circulation other than 0 has no single H
 * there: the loop goes round a hole where the field is not defined.
 */
export function circulation(
  field: VectorField,
  corners: readonly ArrayLike<number>[],
  options: LineIntegralOptions = {},
): number {
  requireEven(field);
  return corners.reduce((sum, corner, k) => {
    const energy = recoverHamiltonian(field, corner, options);
    return sum + energy(corners[(k + 1) % corners.length]!);
  }, 0);
}

const MOST_PIECES = 1 << 12;
/** Integrals this small have lost their digits to underflow. */
const UNDERFLOW = 1e-300;

function lineIntegral(
  field: VectorField,
  point: (s: number) => Float64Array,
  direction: Float64Array,
  { tolerance = 1e-13, noise = 0 }: LineIntegralOptions,
): number {
  const n = field.dimension / 2;
  const f = new Float64Array(2 * n);
  /** Largest sum of the integrand's terms: what its rounding is relative to. */
  let size = 0;
  const integrand = (s: number) => {
    field.value(point(s), f);
    let [dot, terms] = [0, 0];
    for (let i = 0; i < n; i++) {
      const [rise, fall] = [f[i]! * direction[n + i]!, f[n + i]! * direction[i]!];
      dot += rise - fall;
      terms += Math.abs(rise) + Math.abs(fall);
    }
    size = Math.max(size, terms);
    return dot;
  };
  const floor = noise * direction.reduce((sum, d) => sum + Math.abs(d), 0) + UNDERFLOW;
  let before = integral(integrand, 0, 1, 1);
  for (let pieces = 2; pieces <= MOST_PIECES; pieces *= 2) {
    const now = integral(integrand, 0, 1, pieces);
    if (Math.abs(now - before) <= tolerance * size + floor) return now;
    before = now;
  }
  throw new MechanicsError('mechanics.not-converged', 'the line integral of the field does not settle', {
    where: 'recoverHamiltonian',
    hint: 'choose a base from which straight lines stay where the field is smooth, or raise the tolerance',
  });
}

function requireEven({ dimension }: VectorField): number {
  if (dimension > 0 && dimension % 2 === 0) return dimension / 2;
  throw new MechanicsError('mechanics.option', `a field of ${dimension} numbers has no pairs of q and p`, {
    where: 'poincare',
    hint: 'give a field on (q, p), of even dimension',
  });
}
