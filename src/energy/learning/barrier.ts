/**
 * @file How much energy it takes to merge two features: the estimated barrier between a separated state and the merged set
 * M = {a pair of directions with cosine ≥ c}, the margin below it, and a run that tests it (mechanics.md §4).
 */
import { EnergyError, throwIfAborted } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { stateOf } from '../../mechanics/build.ts';
import { nudgedElasticBand } from '../../mechanics/diagnostics/elastic-band.ts';
import { relaxed } from '../../mechanics/diagnostics/relax.ts';
import { integrate } from '../../mechanics/integrate.ts';
import { leapfrogKDK } from '../../mechanics/integrators/leapfrog.ts';
import { type Landscape, particle } from '../../mechanics/landscape.ts';

/** Which parameters are directions, and when two are merged. */
export interface MergedSet {
  /** Parameters of each direction, by their numbers. */
  readonly directions: readonly (readonly number[])[];
  /** c. */
  readonly cosine: number;
  /** Directions shorter than this are no features that could merge; 0.1 unless given. */
  readonly least?: number;
}

/** Largest cosine of two directions (both not shorter than `least`); −1 when there are fewer than two. */
export function largestCosine(x: ArrayLike<number>, set: MergedSet): number {
  const { directions } = set;
  let largest = -1;
  for (let i = 0; i < directions.length; i++) {
    for (let j = 0; j < i; j++) largest = Math.max(largest, cosineOf(x, directions[i]!, directions[j]!, set));
  }
  return largest;
}

function cosineOf(
  x: ArrayLike<number>,
  a: readonly number[],
  b: readonly number[],
  { least = 0.1 }: MergedSet,
): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let k = 0; k < a.length; k++) {
    const [u, v] = [x[a[k]!]!, x[b[k]!]!];
    ab += u * v;
    aa += u * u;
    bb += v * v;
  }
  return Math.min(aa, bb) < least * least ? -1 : ab / Math.sqrt(aa * bb);
}

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
    images,
    tolerance: Math.max(1e-12, tolerance * steepest),
    maxIterations,
    ...(signal ? { signal } : {}),
  });
  const energies: number[] = [];
  const scratch = new Float64Array(V.dimension);
  for (let k = 0; k + 1 < band.path.length; k++) {
    const [here, there] = [band.path[k]!, band.path[k + 1]!];
    for (let s = 0; s <= PER_PIECE; s++) {
      const x = here.map((value, d) => value + (s / PER_PIECE) * (there[d]! - value));
      energies.push(V.at(x, scratch));
      if (largestCosine(x, set) < set.cosine) continue;
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

function slopeOf(V: Landscape, x: Float64Array): number {
  const gradient = new Float64Array(V.dimension);
  V.at(x, gradient);
  return Math.hypot(...gradient);
}

/** Both directions turned onto one, keeping their lengths. */
function turnedTogether(
  from: Float64Array,
  a: readonly number[],
  b: readonly number[],
  share: number,
): Float64Array {
  const [la, lb] = [Math.hypot(...a.map((at) => from[at]!)), Math.hypot(...b.map((at) => from[at]!))];
  const mixed = a.map((at, k) => ((1 - share) * from[at]!) / la + (share * from[b[k]!]!) / lb);
  let length = Math.hypot(...mixed);
  if (length < 1e-6) {
    // Opposite directions half way: any direction across will do.
    const across = a.map((_, k) => (k === 0 ? -from[a[1] ?? a[0]!]! / la : k === 1 ? from[a[0]!]! / la : 0));
    across.forEach((value, k) => {
      mixed[k] = value;
    });
    length = Math.hypot(...mixed) || 1;
  }
  const x = from.slice();
  mixed.forEach((value, k) => {
    x[a[k]!] = (la * value) / length;
    x[b[k]!] = (lb * value) / length;
  });
  return x;
}

/** The lowest V near x with the pair's cosine at c: a penalty that grows until the pair is inside M. */
function heldTogether(
  V: Landscape,
  x: Float64Array,
  a: readonly number[],
  b: readonly number[],
  set: MergedSet,
): Float64Array {
  const scale = Math.max(slopeOf(V, x), 1e-9);
  // Aims a little inside, so that the penalty's minimum is not outside.
  const aim = set.cosine + (1 - set.cosine) * 0.02;
  let at: Float64Array = x;
  for (const strength of [30, 300, 3000, 30_000]) {
    const held: Landscape = {
      ...V,
      at(point, gradient) {
        const value = V.at(point, gradient);
        const { cosine, slope } = cosineSlope(point, a, b);
        const short = aim - cosine;
        if (short <= 0) return value;
        slope.forEach((d, at) => {
          gradient[at]! -= 2 * strength * scale * short * d;
        });
        return value + strength * scale * short * short;
      },
    };
    at = relaxed(held, at, { tolerance: 1e-3 * scale, maxIterations: 2000 }).x;
    if (cosineOf(at, a, b, set) >= set.cosine) return at;
  }
  return at;
}

/** cos(d_a, d_b) and its derivatives by parameter. */
function cosineSlope(x: Float64Array, a: readonly number[], b: readonly number[]) {
  const [u, v] = [a.map((at) => x[at]!), b.map((at) => x[at]!)];
  const [lu, lv] = [Math.hypot(...u), Math.hypot(...v)];
  const cosine = u.reduce((sum, ui, k) => sum + ui * v[k]!, 0) / (lu * lv);
  const slope = new Map<number, number>();
  a.forEach((at, k) => {
    slope.set(at, v[k]! / (lu * lv) - (cosine * u[k]!) / (lu * lu));
  });
  b.forEach((at, k) => {
    slope.set(at, u[k]! / (lu * lv) - (cosine * v[k]!) / (lv * lv));
  });
  return { cosine, slope };
}

/** A run that starts in the separated state with H₀ = V_min + r(V_b − V_min). */
export interface SeparationRun {
  /** r. */
  readonly height: number;
  readonly energy: number;
  /** Barrier − H₀. */
  readonly margin: number;
  /** Largest |H − H₀| on the way: the integrator's error. */
  readonly energyError: number;
  /** Whether the margin exceeds that error: only then does staying below the barrier mean anything. */
  readonly marginHolds: boolean;
  /** Largest cosine of a pair seen, and whether it reached c. */
  readonly largestCosine: number;
  readonly merged: boolean;
  readonly steps: number;
}

/** Moves the separated state at a given energy by leapfrog, in a random direction, and watches for a merger. */
export function separationRun(
  V: Landscape,
  start: ArrayLike<number>,
  set: MergedSet,
  { floor, barrier }: Pick<SeparationBarrier, 'floor' | 'barrier'>,
  options: {
    readonly height: number;
    readonly step: number;
    readonly steps: number;
    readonly random: Random;
  },
): SeparationRun {
  const { height, step, steps, random } = options;
  const kinetic = height * (barrier - floor);
  const direction = Float64Array.from({ length: V.dimension }, () => random.normal());
  const speed = Math.sqrt(2 * kinetic) / Math.hypot(...direction);
  const start0 = stateOf(
    start,
    direction.map((d) => speed * d),
  );
  const run = integrate(particle(V), leapfrogKDK, start0, { step, steps, clock: 'learning' });
  const H0 = run.energies[0]!;
  let [error, cosine] = [0, -1];
  for (let k = 0; k < run.times.length; k++) {
    error = Math.max(error, Math.abs(run.energies[k]! - H0));
    cosine = Math.max(cosine, largestCosine(run.q_KN.subarray(k * V.dimension, (k + 1) * V.dimension), set));
  }
  const margin = barrier - H0;
  return {
    height,
    energy: H0,
    margin,
    energyError: error,
    marginHolds: margin > error,
    largestCosine: cosine,
    merged: cosine >= set.cosine,
    steps,
  };
}
