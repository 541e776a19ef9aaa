/** @file Nudged elastic band: the path of least height between two states, its saddle, and an upper estimate of the barrier. */
import { MechanicsError, throwIfAborted } from '../../core/errors.ts';
import { checked, type Landscape } from '../landscape.ts';
import { fire } from './fire.ts';

/** How many images a band has, and when it is done. */
export interface ElasticBandOptions {
  /** Images between the two ends; 15 unless given. */
  readonly images?: number;
  /** A first path [images + 2][n], ends included (e.g. `refined` of a coarser band); the straight line unless given. */
  readonly path?: readonly ArrayLike<number>[];
  /** Largest force on an image when done; 1e-6 unless given. */
  readonly tolerance?: number;
  /** 20,000 unless given. */
  readonly maxIterations?: number;
  /** Spring constant; unless given, the largest force at the start over the distance of neighbours. */
  readonly spring?: number;
  readonly signal?: AbortSignal;
}

/** A path over a saddle, and the barrier on it. */
export interface ElasticBand {
  /** The relaxed path, ends included, [images + 2][n]. */
  readonly path: readonly Float64Array[];
  /** V at each point of the path. */
  readonly energies: Float64Array;
  /** The highest image after climbing; an end where the path only rises towards it. */
  readonly saddle: Float64Array;
  readonly saddleEnergy: number;
  /** |∇V| at the saddle. */
  readonly saddleSlope: number;
  /** Second derivative along the path at the saddle: negative at a true barrier. */
  readonly saddleCurvature: number;
  /** Saddle over the start, and over the end. */
  readonly barrier: { readonly forward: number; readonly backward: number };
  /** Highest V found along the straight pieces between images: an upper estimate of the lowest barrier, no certificate. */
  readonly highest: number;
  /** Largest force on an image at the end; the band arrived when it is not above the tolerance. */
  readonly residual: number;
  readonly iterations: number;
  readonly converged: boolean;
}

/** Points between two images where V is looked at for `highest`. */
const PER_PIECE = 16;
/** The highest image starts to climb when forces have fallen to this part of the first ones. */
const CLIMB_AT = 0.1;

/**
 * Climbing-image nudged elastic band with the improved tangent (Henkelman and Jónsson 2000; Henkelman, Uberuaga and
 * Jónsson 2000), relaxed by FIRE. The two ends stay; they should be minima. A band that did not arrive says so in
 * `converged`; the path and `highest` are still valid upper estimates.
 * @throws MechanicsError `mechanics.not-finite`, `mechanics.length`, `mechanics.option`.
 */
export function nudgedElasticBand(
  given: Landscape,
  from: ArrayLike<number>,
  to: ArrayLike<number>,
  options: ElasticBandOptions = {},
): ElasticBand {
  const { tolerance = 1e-6, maxIterations = 20_000 } = options;
  const V = checked(given);
  const path = firstPath(V.name, from, to, options);
  const [n, count] = [V.dimension, path.length - 2];
  const slopes = path.map(() => new Float64Array(n));
  const energies = Float64Array.from(path, (x, i) => V.at(x, slopes[i]!));
  const spacing = distance(path[0]!, path.at(-1)!) / (count + 1);
  const steepest = Math.max(...slopes.map((slope) => Math.hypot(...slope)));
  const spring = options.spring ?? (steepest > 0 ? steepest / spacing : 1);
  const inner = new Float64Array(count * n);
  for (let i = 0; i < count; i++) inner.set(path[i + 1]!, i * n);
  const force = new Float64Array(count * n);
  const motion = fire(count * n, 0.1 / Math.sqrt(spring), 0.2 * spacing);
  const tangent = new Float64Array(n);
  let [climbing, residual, first, iterations] = [false, Number.POSITIVE_INFINITY, 0, 0];
  const evaluate = () => {
    for (let i = 1; i <= count; i++) {
      path[i]!.set(inner.subarray((i - 1) * n, i * n));
      energies[i] = V.at(path[i]!, slopes[i]!);
    }
    const top = climbing ? highestInner(energies) : -1;
    residual = 0;
    for (let i = 1; i <= count; i++) {
      improvedTangent(path, energies, i, tangent);
      const on = force.subarray((i - 1) * n, i * n);
      residual = Math.max(residual, nudged(path, slopes[i]!, tangent, i, i === top ? undefined : spring, on));
    }
  };
  for (evaluate(); iterations < maxIterations; iterations++) {
    throwIfAborted(options.signal);
    if (iterations === 0) first = residual;
    if (climbing && residual <= tolerance) break;
    if (!climbing && residual <= Math.max(tolerance, CLIMB_AT * first)) {
      climbing = true;
      motion.rest();
    } else motion.move(inner, force);
    evaluate();
  }
  return report(V, path, energies, slopes, residual, iterations, residual <= tolerance);
}

/** The same path with `factor` times as many pieces, by straight interpolation: the start of a finer band. */
export function refined({ path }: ElasticBand, factor = 2): Float64Array[] {
  const pieces = (path.length - 1) * factor;
  return Array.from({ length: pieces + 1 }, (_, k) => {
    const i = Math.min(Math.floor(k / factor), path.length - 2);
    const share = k / factor - i;
    return path[i]!.map((x, j) => x + share * (path[i + 1]![j]! - x));
  });
}

function firstPath(
  where: string,
  from: ArrayLike<number>,
  to: ArrayLike<number>,
  { images = 15, path }: ElasticBandOptions,
): Float64Array[] {
  const [a, b] = [Float64Array.from(from), Float64Array.from(to)];
  const points = path
    ? path.map((x) => Float64Array.from(x))
    : Array.from({ length: images + 2 }, (_, k) => a.map((x, i) => x + (k / (images + 1)) * (b[i]! - x)));
  if (points.length < 3 || distance(a, b) === 0)
    throw new MechanicsError(
      'mechanics.option',
      'an elastic band needs two different ends and an image between',
      {
        where,
        hint: 'give at least one image, and ends that differ',
      },
    );
  [points[0], points[points.length - 1]] = [a, b];
  return points;
}

/** Unit tangent at image i: along the higher neighbour, mixed at extrema (Henkelman and Jónsson 2000, eqs. 8–11). */
function improvedTangent(path: readonly Float64Array[], V: Float64Array, i: number, out: Float64Array): void {
  const [left, here, right] = [V[i - 1]!, V[i]!, V[i + 1]!];
  let [ahead, behind] = [right > left ? 1 : 0, right > left ? 0 : 1];
  if ((here > left && here > right) || (here < left && here < right)) {
    const [more, less] = [
      Math.max(Math.abs(right - here), Math.abs(left - here)),
      Math.min(Math.abs(right - here), Math.abs(left - here)),
    ];
    [ahead, behind] = right > left ? [more, less] : [less, more];
  }
  if (ahead === 0 && behind === 0) [ahead, behind] = [1, 1];
  let squared = 0;
  for (let j = 0; j < out.length; j++) {
    const t = ahead * (path[i + 1]![j]! - path[i]![j]!) + behind * (path[i]![j]! - path[i - 1]![j]!);
    out[j] = t;
    squared += t * t;
  }
  const length = Math.sqrt(squared) || 1;
  for (let j = 0; j < out.length; j++) out[j]! /= length;
}

/** The force on image i: −∇V across the path and springs along it; without springs the image climbs. Returns its length. */
function nudged(
  path: readonly Float64Array[],
  slope: Float64Array,
  tangent: Float64Array,
  i: number,
  spring: number | undefined,
  out: Float64Array,
): number {
  let along = 0;
  for (let j = 0; j < out.length; j++) along += slope[j]! * tangent[j]!;
  const pull =
    spring === undefined
      ? 2 * along
      : along + spring * (distance(path[i + 1]!, path[i]!) - distance(path[i]!, path[i - 1]!));
  let squared = 0;
  for (let j = 0; j < out.length; j++) {
    const f = -slope[j]! + pull * tangent[j]!;
    out[j] = f;
    squared += f * f;
  }
  return Math.sqrt(squared);
}

function report(
  V: Landscape,
  path: readonly Float64Array[],
  energies: Float64Array,
  slopes: readonly Float64Array[],
  residual: number,
  iterations: number,
  converged: boolean,
): ElasticBand {
  const last = path.length - 1;
  let top = highestInner(energies);
  for (const end of [0, last]) if (energies[end]! >= energies[top]!) top = end;
  const saddle = path[top]!;
  const tangent = new Float64Array(V.dimension);
  if (top > 0 && top < last) improvedTangent(path, energies, top, tangent);
  const scratch = new Float64Array(V.dimension);
  let highest = energies[top]!;
  for (let i = 0; i < last; i++)
    for (let k = 1; k < PER_PIECE; k++) {
      const point = path[i]!.map((x, j) => x + (k / PER_PIECE) * (path[i + 1]![j]! - x));
      highest = Math.max(highest, V.at(point, scratch));
    }
  const e = 1e-4 * distance(path[0]!, path[last]!);
  const slopeAt = (by: number) => {
    V.at(
      saddle.map((x, j) => x + by * tangent[j]!),
      scratch,
    );
    return scratch.reduce((sum, g, j) => sum + g * tangent[j]!, 0);
  };
  return {
    path,
    energies,
    saddle,
    saddleEnergy: energies[top]!,
    saddleSlope: Math.hypot(...slopes[top]!),
    saddleCurvature: (slopeAt(e) - slopeAt(-e)) / (2 * e),
    barrier: { forward: energies[top]! - energies[0]!, backward: energies[top]! - energies[last]! },
    highest,
    residual,
    iterations,
    converged,
  };
}

function highestInner(energies: Float64Array): number {
  let top = 1;
  for (let i = 2; i < energies.length - 1; i++) if (energies[i]! > energies[top]!) top = i;
  return top;
}

function distance(a: Float64Array, b: Float64Array): number {
  let squared = 0;
  for (let i = 0; i < a.length; i++) squared += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(squared);
}
