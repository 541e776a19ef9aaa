/** @file Means and covariances of labelled activations, in float64. */
import type { LabelledRows } from './eraser.ts';
import { countRows } from './eraser.ts';

export interface Moments {
  readonly rows: number;
  readonly mean_D: Float64Array;
  readonly meanZ_Z: Float64Array;
  /** Standard deviations of the concepts. */
  readonly deviation_Z: Float64Array;
  /** Σ_XX, [D, D], divided by N. */
  readonly covariance_DD: Float64Array;
  /** Σ_XZ, [D, Z], divided by N. */
  readonly cross_DZ: Float64Array;
}

const mean = (values: ArrayLike<number>, width: number, rows: number): Float64Array => {
  const sums = new Float64Array(width);
  for (let i = 0; i < rows * width; i++) sums[i % width]! += values[i]!;
  return sums.map((sum) => sum / rows);
};

/** First and second moments, centred on the means in a second pass. @throws EditError as `countRows`. */
export function moments(source: LabelledRows): Moments {
  const { x_ND, width: D, z_NZ, concepts: Z } = source;
  const rows = countRows(source);
  const mean_D = mean(x_ND, D, rows);
  const meanZ_Z = mean(z_NZ, Z, rows);
  const covariance_DD = new Float64Array(D * D);
  const cross_DZ = new Float64Array(D * Z);
  const deviation_Z = new Float64Array(Z);
  for (let i = 0; i < rows * Z; i++) deviation_Z[i % Z]! += (z_NZ[i]! - meanZ_Z[i % Z]!) ** 2 / rows;
  for (let z = 0; z < Z; z++) deviation_Z[z] = Math.sqrt(deviation_Z[z]!);
  const x_D = new Float64Array(D);
  for (let n = 0; n < rows; n++) {
    for (let d = 0; d < D; d++) x_D[d] = x_ND[n * D + d]! - mean_D[d]!;
    for (let a = 0; a < D; a++) {
      const value = x_D[a]!;
      for (let b = a; b < D; b++) covariance_DD[a * D + b]! += value * x_D[b]!;
      for (let z = 0; z < Z; z++) cross_DZ[a * Z + z]! += value * (z_NZ[n * Z + z]! - meanZ_Z[z]!);
    }
  }
  for (let a = 0; a < D; a++) {
    for (let b = a; b < D; b++) {
      const value = covariance_DD[a * D + b]! / rows;
      covariance_DD[a * D + b] = value;
      covariance_DD[b * D + a] = value;
    }
  }
  const cross = cross_DZ.map((sum) => sum / rows);
  return { rows, mean_D, meanZ_Z, deviation_Z, covariance_DD, cross_DZ: cross };
}

/** Largest |correlation| between a coordinate of x and a concept; coordinates that do not vary count as 0. */
export function largestCorrelation(source: LabelledRows): number {
  const { width: D, concepts: Z } = source;
  const { deviation_Z, covariance_DD, cross_DZ } = moments(source);
  let largest = 0;
  for (let d = 0; d < D; d++) {
    for (let z = 0; z < Z; z++) {
      const size = Math.sqrt(covariance_DD[d * D + d]!) * deviation_Z[z]!;
      if (size > 0) largest = Math.max(largest, Math.abs(cross_DZ[d * Z + z]!) / size);
    }
  }
  return largest;
}
