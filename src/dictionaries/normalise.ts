/** @file Normalisation of training data: their mean and size, and whether they can be trained on at all. */
import { DictionaryError } from '../core/errors.ts';

/** z = (x − centre)·scale has mean 0 and, over all its numbers, root mean square 1. */
export interface Normalisation {
  readonly centre: Float32Array;
  readonly scale: number;
}

/**
 * Mean of rows [N, D] and 1/RMS about it, summed in float64.
 * @throws DictionaryError `dictionary.not-finite` (names the row), `dictionary.constant`.
 */
export function normalisation(x_ND: Float32Array, width: number, site: string): Normalisation {
  const rows = x_ND.length / width;
  const sum = new Float64Array(width);
  for (let i = 0, d = 0; i < x_ND.length; i++) {
    sum[d]! += x_ND[i]!;
    if (++d === width) d = 0;
  }
  if (sum.some((s) => !Number.isFinite(s))) {
    const row = Math.floor(x_ND.findIndex((v) => !Number.isFinite(v)) / width);
    throw new DictionaryError(
      'dictionary.not-finite',
      `row ${row} of the activations holds NaN or infinity`,
      {
        where: site,
        hint: 'harvest again; if it stays, the model itself makes such values on this text',
      },
    );
  }
  const centre = Float32Array.from(sum, (s) => s / rows);
  let square = 0;
  for (let i = 0, d = 0; i < x_ND.length; i++) {
    square += (x_ND[i]! - centre[d]!) ** 2;
    if (++d === width) d = 0;
  }
  const scale = 1 / Math.sqrt(square / x_ND.length);
  // A constant in float32 leaves rounding of the mean; anything that small is not a signal.
  const size = Math.sqrt(sum.reduce((a, s) => a + (s / rows) ** 2, 0) / width);
  if (!Number.isFinite(scale) || 1 / scale <= 1e-6 * size) {
    throw new DictionaryError('dictionary.constant', 'the activations are the same in every row', {
      where: site,
      hint: 'there is nothing to learn at this site; choose another one',
    });
  }
  return { centre, scale };
}
