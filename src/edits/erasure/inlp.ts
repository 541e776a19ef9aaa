/** @file INLP: probe, project out what it found, probe again (Ravfogel et al. 2020, arXiv:2004.07667). */
import { fitProbe } from '../../activations/probe.ts';
import { EditError, giveWay } from '../../core/errors.ts';
import { type Eraser, erase, type LabelledRows } from './eraser.ts';
import { moments } from './moments.ts';

export interface InlpOptions {
  /** Directions at most. */
  readonly directions?: number;
  /** Stops when the probe's loss is within this of the constant predictor's, in nats. */
  readonly tolerance?: number;
  readonly ridge?: number;
  readonly signal?: AbortSignal;
}

/**
 * Iterative null-space projection for a concept of two values (0 and 1): in each round the weights of a logistic probe,
 * made orthogonal to those before, join the directions that are projected out. The mean stays where it is (the paper
 * projects around 0), so that it compares with LEACE.
 * @throws EditError `edit.shape`, `edit.one-value`.
 */
export async function inlp(source: LabelledRows, options: InlpOptions = {}): Promise<Eraser> {
  const { directions = 32, tolerance = 1e-3, ridge = 1e-4, signal } = options;
  const { x_ND, width, z_NZ, concepts } = source;
  if (concepts !== 1 || Array.from(z_NZ).some((z) => z !== 0 && z !== 1)) {
    throw new EditError('edit.shape', 'INLP needs one concept with values 0 and 1', {
      hint: 'use LEACE for numbers or several values',
    });
  }
  const { mean_D, meanZ_Z } = moments(source);
  const p = meanZ_Z[0]!;
  const constant = -p * Math.log(p) - (1 - p) * Math.log(1 - p);
  const found: Float64Array[] = [];
  const eraser = (): Eraser => {
    const rank = found.length;
    const Q_DK = new Float64Array(width * rank);
    for (let k = 0; k < rank; k++) for (let d = 0; d < width; d++) Q_DK[d * rank + k] = found[k]![d]!;
    return { method: 'inlp', width, rank, U_DK: Q_DK, V_DK: Q_DK, mean_D };
  };
  while (found.length < Math.min(directions, width)) {
    const probe = fitProbe(erase(eraser(), x_ND), z_NZ, width, ridge);
    if (constant - probe.loss < tolerance) break;
    const w = probe.w_D.slice();
    // Twice, since once leaves what round-off put back.
    for (const q of [...found, ...found]) {
      const along = w.reduce((sum, value, d) => sum + value * q[d]!, 0);
      for (let d = 0; d < width; d++) w[d]! -= along * q[d]!;
    }
    const length = Math.sqrt(w.reduce((sum, value) => sum + value * value, 0));
    if (!(length > 0)) break;
    found.push(w.map((value) => value / length));
    await giveWay(signal);
  }
  return eraser();
}
