/**
 * @file Clustering: k-means with restarts, and spectral clustering of a similarity (Ng, Jordan & Weiss 2002) on the angular
 * similarity 1 − arccos(cos)/π of Marks et al. (2024, App. G).
 */
import { kmeans } from 'ml-kmeans';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import type { Random } from '../../core/random.ts';

/** 1 − arccos(cos)/π of every cosine: 1 along, ½ across, 0 against. */
export const angularSimilarity = (cosines: Float64Array): Float64Array =>
  cosines.map((c) => 1 - Math.acos(Math.min(1, Math.max(-1, c))) / Math.PI);

/** Restarts of k-means, of which the tightest is kept, unless the caller says. */
const RESTARTS = 10;

/** The cluster of each point: k-means++ from `restarts` seeds, least sum of squared distances. */
export function kMeans(
  points: readonly (readonly number[])[],
  k: number,
  random: Random,
  restarts = RESTARTS,
): number[] {
  const data = points.map((point) => [...point]);
  let best = { clusters: data.map(() => 0), within: Number.POSITIVE_INFINITY };
  if (k <= 1) return best.clusters;
  for (let restart = 0; restart < restarts; restart++) {
    const { clusters, centroids } = kmeans(data, Math.min(k, data.length), { seed: random.integer(2 ** 31) });
    let within = 0;
    data.forEach((point, i) => {
      const centre = centroids[clusters[i]!]!;
      for (let d = 0; d < point.length; d++) within += (point[d]! - centre[d]!) ** 2;
    });
    if (within < best.within) best = { clusters, within };
  }
  return best.clusters;
}

/**
 * The same points in as many coordinates as there are points, where that is fewer: X = U S of the Gram matrix X Xᵀ = U S² Uᵀ.
 * Distances stay, so k-means finds the same.
 */
export function compactPoints(points: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const n = points.length;
  if (n === 0 || points[0]!.length <= n) return points;
  const x = new Matrix(points.map((point) => [...point]));
  const { eigenvectorMatrix: vectors, realEigenvalues: values } = new EigenvalueDecomposition(
    x.mmul(x.transpose()),
    { assumeSymmetric: true },
  );
  return points.map((_, i) => values.map((value, j) => vectors.get(i, j) * Math.sqrt(Math.max(0, value))));
}

/**
 * The cluster of each row of a similarity [n, n]: rows of the k leading eigenvectors of D^(−½) S D^(−½), scaled to length
 * 1, by k-means.
 */
export function spectralClusters(
  similarity: Float64Array,
  n: number,
  k: number,
  random: Random,
  restarts = RESTARTS,
): number[] {
  const degree = Float64Array.from({ length: n }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < n; j++) sum += similarity[i * n + j]!;
    return 1 / Math.sqrt(sum || 1);
  });
  const normalised = new Matrix(n, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) normalised.set(i, j, degree[i]! * similarity[i * n + j]! * degree[j]!);
  }
  // Ascending eigenvalues: the last k columns lead.
  const { eigenvectorMatrix: vectors } = new EigenvalueDecomposition(normalised, { assumeSymmetric: true });
  const points = Array.from({ length: n }, (_, i) => {
    const point = Array.from({ length: k }, (_, j) => vectors.get(i, n - 1 - j));
    const length = Math.hypot(...point) || 1;
    return point.map((value) => value / length);
  });
  return kMeans(points, k, random, restarts);
}
