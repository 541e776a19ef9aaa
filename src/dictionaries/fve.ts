/** @file Fraction of variance explained, by the one formula this house uses. */

/**
 * 1 − Σ‖x−x̂‖²/Σ‖x−x̄‖² over all rows of [B, D], with x̄ the mean of these rows: predicting the mean gives 0.
 * Sums in float64, variance about the mean in a second pass.
 */
export function fractionOfVarianceExplained(
  x_BD: Float32Array,
  xhat_BD: Float32Array,
  width: number,
): number {
  const rows = x_BD.length / width;
  const mean = new Float64Array(width);
  for (let i = 0, d = 0; i < x_BD.length; i++) {
    mean[d]! += x_BD[i]! / rows;
    if (++d === width) d = 0;
  }
  let error = 0;
  let variance = 0;
  for (let i = 0, d = 0; i < x_BD.length; i++) {
    error += (x_BD[i]! - xhat_BD[i]!) ** 2;
    variance += (x_BD[i]! - mean[d]!) ** 2;
    if (++d === width) d = 0;
  }
  return 1 - error / variance;
}
