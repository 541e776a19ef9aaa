/** @file Which polytopes the features of a model form: digons, triangles, tetrahedra, pentagons, square antiprisms, named by their angles. */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { overlaps } from './landscape.ts';
import { REPRESENTED } from './measures.ts';
import type { ToyWeights } from './types.ts';

/** A set of features that interfere with each other, and with no others. */
export interface Polytope {
  /** `alone`, `digon` … `square antiprism`, or e.g. `7 in 3` for one without a name. */
  readonly name: string;
  readonly features: readonly number[];
  /** Dimensions that the set spans. */
  readonly dimensions: number;
  /** Root mean square difference between its cosines and those of the ideal one; NaN without a name. */
  readonly deviation: number;
}

/** Cosine above which two features count as touching. */
const TOUCHING = 0.2;
/** Share of the largest eigenvalue of the cosines above which a direction counts as a dimension. */
const DIMENSION = 0.15;
/** Largest deviation of cosines with which a set still gets a name. */
const NAMED = 0.1;

const polygon = (corners: number): number[] =>
  Array.from({ length: corners }, (_, k) => Math.cos((2 * Math.PI * k) / corners));

/** Cosines from one corner to all (every corner sees the same), by corners and dimensions. */
const ideals: readonly { name: string; dimensions: number; cosines: readonly number[] }[] = [
  { name: 'alone', dimensions: 1, cosines: [1] },
  { name: 'digon', dimensions: 1, cosines: [1, -1] },
  { name: 'triangle', dimensions: 2, cosines: polygon(3) },
  { name: 'tetrahedron', dimensions: 3, cosines: [1, -1 / 3, -1 / 3, -1 / 3] },
  { name: '4-simplex', dimensions: 4, cosines: [1, -1 / 4, -1 / 4, -1 / 4, -1 / 4] },
  { name: 'pentagon', dimensions: 2, cosines: polygon(5) },
  { name: 'hexagon', dimensions: 2, cosines: polygon(6) },
  { name: 'heptagon', dimensions: 2, cosines: polygon(7) },
  { name: 'octagon', dimensions: 2, cosines: polygon(8) },
  { name: 'square antiprism', dimensions: 3, cosines: antiprism() },
  { name: 'cube', dimensions: 3, cosines: [1, -1, 1, 1, 1, -1, -1, -1].map((x, i) => (i < 2 ? x : x / 3)) },
].map((one) => ({ ...one, cosines: one.cosines.toSorted((a, b) => a - b) }));

/** Two squares at heights ±z turned by 45°, in the tight form z² = 1/3, where D = 3/8. */
function antiprism(): number[] {
  const [height, radius] = [1 / 3, 2 / 3];
  return Array.from({ length: 8 }, (_, k) =>
    k < 4
      ? height + radius * Math.cos((Math.PI / 2) * k)
      : -height + radius * Math.cos(Math.PI / 4 + (Math.PI / 2) * k),
  );
}

/**
 * The polytopes of the represented features: connected sets of features with |cos| > 0.2, each named after the ideal one
 * whose cosines it has. Orthogonal sums fall apart into their parts (an octahedron is three digons).
 */
export function polytopes(weights: ToyWeights, represented = REPRESENTED): Polytope[] {
  const n = weights.features;
  const G = overlaps(weights);
  const norm = (i: number) => Math.sqrt(G[i * n + i]!);
  const cosine = (i: number, j: number) => G[i * n + j]! / (norm(i) * norm(j));
  const left = new Set([...Array(n).keys()].filter((i) => norm(i) > represented));
  const found: Polytope[] = [];
  for (const first of [...left]) {
    if (!left.delete(first)) continue;
    const features = [first];
    for (const i of features)
      for (const j of [...left])
        if (Math.abs(cosine(i, j)) > TOUCHING) {
          left.delete(j);
          features.push(j);
        }
    features.sort((a, b) => a - b);
    found.push(
      named(
        features,
        features.map((i) => features.map((j) => cosine(i, j))),
      ),
    );
  }
  return found;
}

function named(features: readonly number[], cosines: readonly (readonly number[])[]): Polytope {
  const values = new EigenvalueDecomposition(new Matrix(cosines.map((row) => [...row])), {
    assumeSymmetric: true,
  }).realEigenvalues;
  const largest = Math.max(...values);
  const dimensions = values.filter((value) => value > DIMENSION * largest).length;
  let best: { name: string; deviation: number } | undefined;
  for (const ideal of ideals) {
    if (ideal.dimensions !== dimensions || ideal.cosines.length !== features.length) continue;
    let sum = 0;
    for (const row of cosines)
      for (const [i, c] of row.toSorted((a, b) => a - b).entries()) sum += (c - ideal.cosines[i]!) ** 2;
    const deviation = Math.sqrt(sum / features.length ** 2);
    if (deviation < NAMED && (!best || deviation < best.deviation)) best = { name: ideal.name, deviation };
  }
  const { name = `${features.length} in ${dimensions}`, deviation = Number.NaN } = best ?? {};
  return { name, features, dimensions, deviation };
}

/** Names with their numbers, e.g. `2 digons, 1 alone`; the largest first. */
export function describePolytopes(found: readonly Polytope[]): string {
  const counts = new Map<string, number>();
  for (const { name } of found.toSorted((a, b) => b.features.length - a.features.length))
    counts.set(name, (counts.get(name) ?? 0) + 1);
  if (counts.size === 0) return 'nothing is represented';
  return [...counts].map(([name, count]) => (count === 1 ? name : `${count} × ${name}`)).join(', ');
}
