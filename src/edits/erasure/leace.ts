/** @file LEACE: the smallest affine change after which no linear probe finds the concept (Belrose et al. 2023, arXiv:2306.03819). */
import { EigenvalueDecomposition, Matrix, SingularValueDecomposition } from 'ml-matrix';
import { EditError } from '../../core/errors.ts';
import type { Eraser, LabelledRows } from './eraser.ts';
import { moments } from './moments.ts';

/** Directions whose share of the largest variance is below it count as having none (float64 round-off). */
const NO_VARIANCE = 1e-12;
/** Singular values of the whitened cross-covariance below this share of the largest are round-off. */
const NO_CORRELATION = 1e-10;
/** The same as a share of the concept's own deviation: the largest that any correlation can make them. */
const NO_CONCEPT = 1e-9;

/**
 * r(x) = x − W⁺ P W (x − μ), W = (Σ_XX^{1/2})⁺, P the orthogonal projection on the columns of W Σ_XZ (theorem 4.3).
 * Afterwards Cov(r(x), z) = 0, so the best linear probe is a constant; no other affine map with that property moves
 * the rows it was fitted on less, in any norm that comes from an inner product.
 * @throws EditError `edit.shape`, `edit.one-value`, `edit.no-carrier` (the activations do not vary).
 */
export function leace(source: LabelledRows): Eraser {
  const { width: D, concepts: Z } = source;
  const { mean_D, covariance_DD, cross_DZ, deviation_Z } = moments(source);
  const { whiten, colour } = roots(covariance_DD, D);
  const whitened = whiten.mmul(Matrix.from1DArray(D, Z, cross_DZ));
  // The transpose of a wide matrix: the decomposition wants at least as many rows as columns.
  const svd = new SingularValueDecomposition(whitened, { autoTranspose: true });
  const least = Math.max(NO_CORRELATION * (svd.diagonal[0] ?? 0), NO_CONCEPT * Math.hypot(...deviation_Z));
  const rank = svd.diagonal.filter((value) => value > least).length;
  const basis = svd.leftSingularVectors.subMatrix(0, D - 1, 0, Math.max(0, rank - 1));
  const none = new Float64Array(0);
  return {
    method: 'leace',
    width: D,
    rank,
    U_DK: rank === 0 ? none : Float64Array.from(colour.mmul(basis).to1DArray()),
    V_DK: rank === 0 ? none : Float64Array.from(whiten.mmul(basis).to1DArray()),
    mean_D,
  };
}

/** (Σ^{1/2})⁺ and Σ^{1/2}, both symmetric, on the directions that vary. */
function roots(covariance_DD: Float64Array, D: number): { whiten: Matrix; colour: Matrix } {
  const { realEigenvalues: values, eigenvectorMatrix: vectors } = new EigenvalueDecomposition(
    Matrix.from1DArray(D, D, covariance_DD),
    { assumeSymmetric: true },
  );
  const largest = Math.max(...values);
  if (!(largest > 0)) {
    throw new EditError('edit.no-carrier', 'the activations are the same in every example', {
      hint: 'nothing carries the concept at this site: choose another one, or other examples',
    });
  }
  const power = (exponent: number): Matrix => {
    const scaled = values.map((value) => (value > NO_VARIANCE * largest ? value ** exponent : 0));
    return vectors.clone().mulRowVector(scaled).mmul(vectors.transpose());
  };
  return { whiten: power(-0.5), colour: power(0.5) };
}
