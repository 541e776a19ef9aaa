/**
 * @file How much energy it takes to merge two features: the estimated barrier between a separated state and the merged set
 * (mechanics.md §4).
 */
import { EnergyError, throwIfAborted } from '../../core/errors.ts';
import { nudgedElasticBand } from '../../mechanics/diagnostics/elastic-band.ts';
import type { Landscape } from '../../mechanics/landscape.ts';
import { between, cosineOf, heldTogether, largestCosine, type MergedSet, turnedTogether } from './merged.ts';

/** A path into M, and the highest V on it before it enters. */
export interface SeparationBarrier {
  /** An upper estimate: there may be a lower way. No certificate. */
  readonly kind: 'estimated barrier';
  readonly pair: readonly [number, number];
  /** V at the start. */
  readonly floor: number;
  /** V_b. */
  readonly barrier: number;
  /** Where the path enters M. */
  readonly entry: Float64Array;
  /** V along the path up to there, for a picture. */
  readonly energies: Float64Array;
  readonly converged: boolean;
  /** Ways tried: pairs × ways to bring a pair together. */
  readonly ways: number;
}

/** How it is looked for. */
export interface BarrierOptions {
  /** Pairs of directions; all unless given. */
  readonly pairs?: readonly (readonly [number, number])[];
  /** Images of a band; 9 unless given. */
  readonly images?: number;
  /** Largest force of a relaxed band relative to its first; 1e-3 unless given. */
  readonly tolerance?: number;
  readonly maxIterations?: number;
  readonly signal?: AbortSignal;
}

/** Points of a piece of the path at which V and the cosine are looked at. */
const PER_PIECE = 32;

/**
 * Brings every pair together (each towards the other, and both half way), lets everything else relax with the pair held
 * at cosine c by a penalty, relaxes a nudged elastic band between, and takes the lowest way found.
 * @param start a separated minimum
 * @throws EnergyError `energy.no-way`
 */
export function separationBarrier(
  V: Landscape,
  start: ArrayLike<number>,
  set: MergedSet,
  options: BarrierOptions = {},
): SeparationBarrier {
  const from = Float64Array.from(start);
  const { directions } = set;
  const { least = 0.1 } = set;
  const present = directions.map((d) => Math.hypot(...d.map((at) => from[at]!)) >= least);
  const pairs =
    options.pairs ??
    directions.flatMap((_, i) => directions.slice(0, i).map((__, j) => [i, j] as [number, number]));
  let best: SeparationBarrier | undefined;
  let ways = 0;
  for (const pair of pairs.filter(([i, j]) => present[i] && present[j])) {
    for (const share of [0, 0.5, 1]) {
      throwIfAborted(options.signal);
      ways++;
      const found = wayInto(V, from, set, pair, share, best?.barrier ?? Number.POSITIVE_INFINITY, options);
      if (found && (!best || found.barrier < best.barrier)) best = found;
    }
  }
  if (!best) {
    throw new EnergyError('energy.no-way', `no two of ${directions.length} directions could be merged`, {
      where: V.name,
      hint: 'give a separated state with two directions of some length, and a cosine below 1',
    });
  }
  return { ...best, ways };
}

/** One way: direction i moves by `share` of the angle and j by the rest; not looked for where its end is above `known`. */
function wayInto(
  V: Landscape,
  from: Float64Array,
  set: MergedSet,
  [i, j]: readonly [number, number],
  share: number,
  known: number,
  { images = 9, tolerance = 1e-3, maxIterations = 2000, signal }: BarrierOptions,
): SeparationBarrier | undefined {
  const [a, b] = [set.directions[i]!, set.directions[j]!];
  const end = heldTogether(V, turnedTogether(from, a, b, share), a, b, set);
  if (cosineOf(end, a, b, set) < set.cosine) return undefined;
  const slope = new Float64Array(V.dimension);
  if (V.at(end, slope) > known) return undefined;
  const steepest = Math.hypot(...slope);
  const band = nudgedElasticBand(V, from, end, {
    path: Array.from({ length: images + 2 }, (_, k) => between(from, end, set, k / (images + 1))),
    tolerance: Math.max(1e-12, tolerance * steepest),
    maxIterations,
    ...(signal ? { signal } : {}),
  });
  const energies: number[] = [];
  const scratch = new Float64Array(V.dimension);
  for (let k = 0; k + 1 < band.path.length; k++) {
    const [here, there] = [band.path[k]!, band.path[k + 1]!];
    for (let s = 0; s <= PER_PIECE; s++) {
      const at = (share: number) => here.map((value, d) => value + (share / PER_PIECE) * (there[d]! - value));
      let x: Float64Array = at(s);
      const entered = largestCosine(x, set) >= set.cosine;
      if (entered) x = entryOf(at, s, set);
      energies.push(V.at(x, scratch));
      if (!entered) continue;
      return {
        kind: 'estimated barrier',
        pair: [i, j],
        floor: energies[0]!,
        barrier: energies.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY),
        entry: x,
        energies: Float64Array.from(energies),
        converged: band.converged,
        ways: 1,
      };
    }
  }
  return undefined;
}

/** Where a path enters M between the steps s − 1 and s, by bisection. */
function entryOf(at: (share: number) => Float64Array, s: number, set: MergedSet): Float64Array {
  let [outside, inside] = [s - 1, s];
  for (let k = 0; k < 40; k++) {
    const middle = (outside + inside) / 2;
    if (largestCosine(at(middle), set) >= set.cosine) inside = middle;
    else outside = middle;
  }
  return at(inside);
}
