/** @file The metric of feature strengths where no network lies above the rows: from the covariance of the states. */
import type { BiasProblem } from './problem.ts';

/**
 * The metric where no network lies above the rows: mean over the retain rows of f_i f_j d_i·Σ⁻¹·d_j with Σ the diagonal of
 * the states' covariance, KL between Gaussians of that covariance. [n, n].
 */
export function stateMetric(
  { width: D, features: F, W_dec_FD, retain }: BiasProblem,
  features: readonly number[],
): Float64Array {
  const n = features.length;
  const N = retain.ids.length;
  const variance_D = new Float64Array(D);
  const mean_D = new Float64Array(D);
  for (let i = 0; i < N * D; i++) mean_D[i % D]! += retain.x_ND[i]! / N;
  for (let i = 0; i < N * D; i++) variance_D[i % D]! += (retain.x_ND[i]! - mean_D[i % D]!) ** 2 / N;
  const G = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let [together, along] = [0, 0];
      for (let row = 0; row < N; row++) {
        together +=
          (retain.features_NF[row * F + features[i]!]! * retain.features_NF[row * F + features[j]!]!) / N;
      }
      for (let d = 0; d < D; d++) {
        if (variance_D[d]! > 0)
          along += (W_dec_FD[features[i]! * D + d]! * W_dec_FD[features[j]! * D + d]!) / variance_D[d]!;
      }
      G[i * n + j] = together * along;
      G[j * n + i] = together * along;
    }
  }
  return G;
}
