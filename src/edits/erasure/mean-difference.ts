/** @file Difference in means: the direction between two groups' means is projected out. */
import { EditError } from '../../core/errors.ts';
import type { Eraser, LabelledRows } from './eraser.ts';
import { moments } from './moments.ts';

/** Shares of the largest possible covariance below it are round-off. */
const NO_DIFFERENCE = 1e-9;

/**
 * x′ = x − δ δᵀ(x − μ)/δᵀδ with δ = Σ_Xz, which is the difference of the two groups' means times p(1 − p). Like LEACE it
 * leaves no correlation; unlike LEACE it moves the rows further than it has to.
 * @throws EditError `edit.shape` (also for more than one concept), `edit.one-value`, `edit.no-carrier`.
 */
export function meanDifference(source: LabelledRows): Eraser {
  if (source.concepts !== 1) {
    throw new EditError('edit.shape', `a difference in means has one concept, not ${source.concepts}`, {
      hint: 'use LEACE for a concept of several values',
    });
  }
  const { mean_D, cross_DZ, covariance_DD, deviation_Z } = moments(source);
  const length = Math.sqrt(cross_DZ.reduce((sum, value) => sum + value * value, 0));
  const spread = Math.sqrt(mean_D.reduce((sum, _, d) => sum + covariance_DD[d * (source.width + 1)]!, 0));
  if (!(length > NO_DIFFERENCE * spread * deviation_Z[0]!)) {
    throw new EditError('edit.no-carrier', 'both groups have the same mean', {
      hint: 'nothing carries the concept in the means at this site',
    });
  }
  const direction = cross_DZ.map((value) => value / length);
  return {
    method: 'mean-difference',
    width: source.width,
    rank: 1,
    U_DK: direction,
    V_DK: direction,
    mean_D,
  };
}
