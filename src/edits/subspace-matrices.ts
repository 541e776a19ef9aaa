/** @file Matrices of the search for a subspace: row-major [N, D] rows, orthonormal [D, K]. */

/** a · b. */
export function inner(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
/** ‖a‖. */
export const length = (a: Float64Array): number => Math.sqrt(inner(a, a));

/** x [N, D] · R [D, K]. */
export function multiply(x: ArrayLike<number>, R: Float64Array, D: number, K: number): Float64Array {
  const rows = x.length / D;
  const out = new Float64Array(rows * K);
  for (let n = 0; n < rows; n++)
    for (let d = 0; d < D; d++) {
      const value = x[n * D + d]!;
      for (let k = 0; k < K; k++) out[n * K + k]! += value * R[d * K + k]!;
    }
  return out;
}

/** base + read · Rᵀ. */
export function swapped(
  base: ArrayLike<number>,
  read_NK: Float64Array,
  R: Float64Array,
  D: number,
  K: number,
): Float64Array {
  const out = Float64Array.from(base);
  for (let n = 0; n < out.length / D; n++)
    for (let d = 0; d < D; d++)
      for (let k = 0; k < K; k++) out[n * D + d]! += read_NK[n * K + k]! * R[d * K + k]!;
  return out;
}

/** sum [D, K] += xᵀ [D, N] · y [N, K]. */
export function addOuter(sum: Float64Array, x: Float64Array, y: Float64Array, D: number, K: number): void {
  for (let n = 0; n < x.length / D; n++)
    for (let d = 0; d < D; d++) for (let k = 0; k < K; k++) sum[d * K + k]! += x[n * D + d]! * y[n * K + k]!;
}

/** G − R RᵀG. */
export function alongManifold(R: Float64Array, G: Float64Array, D: number, K: number): Float64Array {
  const inside = new Float64Array(K * K);
  for (let d = 0; d < D; d++)
    for (let k = 0; k < K; k++)
      for (let l = 0; l < K; l++) inside[k * K + l]! += R[d * K + k]! * G[d * K + l]!;
  return G.map((g, at) => {
    const [d, l] = [Math.floor(at / K), at % K];
    let out = g;
    for (let k = 0; k < K; k++) out -= R[d * K + k]! * inside[k * K + l]!;
    return out;
  });
}

/** Gram–Schmidt, twice, by columns. */
export function orthonormal(A: Float64Array, D: number, K: number): Float64Array {
  const Q = A.slice();
  for (let k = 0; k < K; k++) {
    for (let round = 0; round < 2; round++)
      for (let l = 0; l < k; l++) {
        let along = 0;
        for (let d = 0; d < D; d++) along += Q[d * K + l]! * Q[d * K + k]!;
        for (let d = 0; d < D; d++) Q[d * K + k]! -= along * Q[d * K + l]!;
      }
    let square = 0;
    for (let d = 0; d < D; d++) square += Q[d * K + k]! ** 2;
    const norm = Math.sqrt(square);
    for (let d = 0; d < D; d++) Q[d * K + k]! /= norm;
  }
  return Q;
}
