/** @file A linear probe on standardised columns, said in raw coordinates: the penalty does not depend on units. */
import { fitProbe, type LinearProbe } from '../probe.ts';

/** Mean and standard deviation of each column; columns that do not vary get deviation 1. */
export interface Columns {
  readonly mean_D: Float64Array;
  readonly deviation_D: Float64Array;
}

/** Column statistics of rows [N, D]. */
export function columnsOf(x_ND: ArrayLike<number>, width: number): Columns {
  const rows = x_ND.length / width;
  const mean_D = new Float64Array(width);
  const deviation_D = new Float64Array(width);
  for (let n = 0, i = 0; n < rows; n++) for (let d = 0; d < width; d++, i++) mean_D[d]! += x_ND[i]! / rows;
  for (let n = 0, i = 0; n < rows; n++) {
    for (let d = 0; d < width; d++, i++) deviation_D[d]! += (x_ND[i]! - mean_D[d]!) ** 2 / rows;
  }
  // Relative to the mean, so that the round-off of a column that was erased does not count as a signal.
  for (let d = 0; d < width; d++) {
    const deviation = Math.sqrt(deviation_D[d]!);
    deviation_D[d] = deviation > 1e-9 * (1 + Math.abs(mean_D[d]!)) ? deviation : 1;
  }
  return { mean_D, deviation_D };
}

/** (x − mean) / deviation. */
export function standardised(x_ND: ArrayLike<number>, { mean_D, deviation_D }: Columns): Float64Array {
  const width = mean_D.length;
  const out_ND = new Float64Array(x_ND.length);
  for (let i = 0, d = 0; i < x_ND.length; i++) {
    out_ND[i] = (x_ND[i]! - mean_D[d]!) / deviation_D[d]!;
    if (++d === width) d = 0;
  }
  return out_ND;
}

/**
 * Logistic regression on standardised columns with penalty ½‖w‖²/N (scikit-learn's C = 1 behind a StandardScaler);
 * weights and intercept are those of raw rows.
 */
export function fitStandardProbe(
  x_ND: ArrayLike<number>,
  labels_N: ArrayLike<number>,
  width: number,
): LinearProbe {
  const columns = columnsOf(x_ND, width);
  const probe = fitProbe(standardised(x_ND, columns), labels_N, width, 1 / labels_N.length, 1e-9);
  const w_D = probe.w_D.map((w, d) => w / columns.deviation_D[d]!);
  let b = probe.b;
  for (let d = 0; d < width; d++) b -= w_D[d]! * columns.mean_D[d]!;
  return { w_D, b, loss: probe.loss };
}
