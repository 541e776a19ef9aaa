/** @file How good clusters are: the adjusted Rand index against known groups, and Jaccard stability under resampling. */
import type { Random } from '../../core/random.ts';
import { bootstrap, type Estimate } from '../../core/statistics.ts';

const pairs = (count: number): number => (count * (count - 1)) / 2;

/**
 * Adjusted Rand index (Hubert & Arabie 1985): 1 when two groupings of the same things agree, about 0 when they agree by
 * chance. Groups may be named by anything.
 */
export function adjustedRand(a: readonly unknown[], b: readonly unknown[]): number {
  const cells = new Map<unknown, Map<unknown, number>>();
  const [rows, columns] = [new Map<unknown, number>(), new Map<unknown, number>()];
  const more = (counts: Map<unknown, number>, key: unknown) => counts.set(key, (counts.get(key) ?? 0) + 1);
  a.forEach((group, i) => {
    const row = cells.get(group) ?? new Map<unknown, number>();
    cells.set(group, row);
    more(row, b[i]);
    more(rows, group);
    more(columns, b[i]);
  });
  const sum = (counts: Iterable<number>) => [...counts].reduce((total, count) => total + pairs(count), 0);
  const together = [...cells.values()].reduce((total, row) => total + sum(row.values()), 0);
  const [inA, inB] = [sum(rows.values()), sum(columns.values())];
  const expected = (inA * inB) / (pairs(a.length) || 1);
  const most = (inA + inB) / 2;
  return most === expected ? 1 : (together - expected) / (most - expected);
}

/** Adjusted Rand with a 95 % bootstrap interval over the things that are grouped. */
export const randEstimate = (
  found: readonly unknown[],
  known: readonly unknown[],
  random: Random,
): Estimate =>
  bootstrap(
    found.map((group, i) => [group, known[i]] as const),
    (sample) =>
      adjustedRand(
        sample.map(([group]) => group),
        sample.map(([, truth]) => truth),
      ),
    random,
    400,
  );

/** Jaccard similarity |A ∩ B| / |A ∪ B|. */
export function jaccard(a: ReadonlySet<number>, b: ReadonlySet<number>): number {
  let both = 0;
  for (const item of a) if (b.has(item)) both++;
  return both / (a.size + b.size - both || 1);
}

/** One resample: which things were clustered again, and where they went. */
export interface Resample {
  readonly members: readonly number[];
  readonly clusters: readonly number[];
}

/**
 * Stability of each cluster (Hennig 2007): mean over resamples of the largest Jaccard similarity between the cluster, as
 * far as it was drawn, and a cluster of the resample. Above 0.75 it is usually called stable.
 * @param clusters of the whole, numbered from 0
 */
export function stability(clusters: readonly number[], resamples: readonly Resample[]): number[] {
  const count = Math.max(-1, ...clusters) + 1;
  return Array.from({ length: count }, (_, cluster) => {
    const values = resamples.flatMap(({ members, clusters: again }) => {
      const own = new Set(members.filter((i) => clusters[i] === cluster));
      if (own.size === 0) return [];
      const others = new Map<number, Set<number>>();
      members.forEach((i, j) => {
        const group = others.get(again[j]!) ?? new Set<number>();
        others.set(again[j]!, group.add(i));
      });
      return [Math.max(...[...others.values()].map((other) => jaccard(own, other)))];
    });
    return values.reduce((sum, value) => sum + value, 0) / (values.length || 1);
  });
}
