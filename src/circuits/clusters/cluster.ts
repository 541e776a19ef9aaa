/** @file Behaviours without a hypothesis: clusters of contexts, how stable each is, its name, and the features behind it. */
import { throwIfAborted } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import type { Context } from './contexts.ts';
import { type ClusterName, nameClusters } from './names.ts';
import { type Resample, stability } from './scores.ts';
import { cosines, pickRows, project, type SparseRows, unitRows } from './sparse-rows.ts';
import { angularSimilarity, kMeans, spectralClusters } from './spectral.ts';
import type { ContextVectors } from './vectors.ts';

/** What is compared, and how. Spectral: angular similarity. Projected: sparse random projection, then k-means. */
export const clusterMethods = [
  'spectral-effects',
  'spectral-activations',
  'projected-effects',
  'projected-activations',
  'dense-k-means',
] as const;
export type ClusterMethod = (typeof clusterMethods)[number];

export interface ClusterOptions {
  readonly method: ClusterMethod;
  readonly k: number;
  /** Subsets of 80 % that are clustered again for stability. */
  readonly resamples: number;
  /** Features listed for each cluster. */
  readonly features: number;
  readonly signal?: AbortSignal;
}

export const CLUSTER_DEFAULTS = { method: 'spectral-activations', resamples: 20, features: 20 } as const;

/** Dimensions of sparse random projection. Published: 30,000 for gradients of all parameters; features are far fewer. */
const PROJECTED = 300;
/** Of a resample: its size, and how often its k-means begins anew. */
const SHARE = 0.8;
const RESTARTS = 3;

/** A feature of a cluster's circuit. `effect`: IE on the log-probability, mean over the cluster's contexts. */
export interface ClusterFeature {
  readonly site: string;
  readonly feature: number;
  readonly effect: number;
  /** The same over all other contexts. */
  readonly elsewhere: number;
}

export interface Cluster {
  readonly name: ClusterName;
  readonly members: readonly number[];
  /** Hennig's mean Jaccard similarity over resamples. */
  readonly stability: number;
  /** Features with the largest |mean effect|, largest first: the circuit, summed over positions. */
  readonly features: readonly ClusterFeature[];
  /** Share of Σ|mean effect| of all features that those listed have. */
  readonly share: number;
}

export interface Clustering {
  readonly method: ClusterMethod;
  /** Cluster of each context; clusters are numbered by size, largest first. */
  readonly assigned: readonly number[];
  readonly clusters: readonly Cluster[];
}

/** The cluster of each of the chosen rows. */
export function assignClusters(
  vectors: ContextVectors,
  method: ClusterMethod,
  k: number,
  random: Random,
  { rows, restarts }: { readonly rows?: readonly number[]; readonly restarts?: number } = {},
): number[] {
  const some = (x: SparseRows) => (rows ? pickRows(x, rows) : x);
  const spectral = (x: SparseRows) =>
    spectralClusters(angularSimilarity(cosines(x)), x.rows, Math.min(k, x.rows), random, restarts);
  const projected = (x: SparseRows) =>
    kMeans(project(unitRows(x), PROJECTED, random.fork('projection')), k, random, restarts);
  switch (method) {
    case 'spectral-effects':
      return spectral(some(vectors.effects));
    case 'spectral-activations':
      return spectral(some(vectors.activations));
    case 'projected-effects':
      return projected(some(vectors.effects));
    case 'projected-activations':
      return projected(some(vectors.activations));
    case 'dense-k-means':
      return kMeans(rows ? rows.map((r) => vectors.dense[r]!) : vectors.dense, k, random, restarts);
  }
}

/**
 * Clusters contexts and says of each cluster how stable it is, what its examples have in common, and which features
 * carry it.
 */
export function clusterContexts(
  contexts: readonly Context[],
  vectors: ContextVectors,
  { method, k, resamples, features, signal }: ClusterOptions,
  decode: (token: number) => string,
  random: Random,
): Clustering {
  const assigned = bySize(assignClusters(vectors, method, k, random.fork('all')));
  const again: Resample[] = [];
  for (let r = 0; r < resamples; r++) {
    throwIfAborted(signal);
    const stream = random.fork(`resample ${r}`);
    const order = stream.permutation(contexts.length);
    const members = Array.from(order.slice(0, Math.round(SHARE * contexts.length))).sort((a, b) => a - b);
    again.push({
      members,
      clusters: assignClusters(vectors, method, k, stream, { rows: members, restarts: RESTARTS }),
    });
  }
  const stable = stability(assigned, again);
  const names = nameClusters(contexts, assigned, decode);
  return {
    method,
    assigned,
    clusters: names.map((name, cluster) => {
      const members = assigned.flatMap((c, i) => (c === cluster ? [i] : []));
      return { name, members, stability: stable[cluster]!, ...clusterFeatures(vectors, members, features) };
    }),
  };
}

/** Clusters numbered by size. */
function bySize(clusters: readonly number[]): number[] {
  const sizes = new Map<number, number>();
  for (const cluster of clusters) sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1);
  const order = [...sizes].sort((a, b) => b[1] - a[1] || a[0] - b[0]).map(([cluster]) => cluster);
  return clusters.map((cluster) => order.indexOf(cluster));
}

function clusterFeatures(
  { effects, sites, offsets }: ContextVectors,
  members: readonly number[],
  most: number,
): Pick<Cluster, 'features' | 'share'> {
  const inside = new Set(members);
  const [own, other] = [new Float64Array(effects.width), new Float64Array(effects.width)];
  const others = effects.rows - members.length || 1;
  for (let r = 0; r < effects.rows; r++) {
    const [sums, count] = inside.has(r) ? [own, members.length] : [other, others];
    for (let j = effects.start[r]!; j < effects.start[r + 1]!; j++)
      sums[effects.columns[j]!]! += effects.values[j]! / count;
  }
  const total = own.reduce((sum, value) => sum + Math.abs(value), 0);
  const ranked = Array.from(own.keys())
    .filter((column) => own[column] !== 0)
    .sort((a, b) => Math.abs(own[b]!) - Math.abs(own[a]!))
    .slice(0, most);
  return {
    share: ranked.reduce((sum, column) => sum + Math.abs(own[column]!), 0) / (total || 1),
    features: ranked.map((column) => {
      const d = offsets.findIndex((offset, i) => column >= offset && column < offsets[i + 1]!);
      return {
        site: sites[d]!,
        feature: column - offsets[d]!,
        effect: own[column]!,
        elsewhere: other[column]!,
      };
    }),
  };
}
