/** @file The merged set M of a state with directions in it, {a pair with cosine ≥ c}: how far a state is from it, and ways in. */
import { relaxed } from '../../mechanics/diagnostics/relax.ts';
import type { Landscape } from '../../mechanics/landscape.ts';

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

/** Cosine of two directions; −1 when one of them is shorter than `least`. */
export function cosineOf(
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

/**
 * A point on the way: directions turn, their lengths and everything else go straight. A straight line between opposite
 * directions would lead through 0, where a cosine means nothing.
 */
export function between(
  from: Float64Array,
  to: Float64Array,
  { directions }: MergedSet,
  share: number,
): Float64Array {
  const x = from.map((value, i) => value + share * (to[i]! - value));
  if (share === 0 || share === 1) return x;
  for (const block of directions) {
    const [a, b] = [block.map((at) => from[at]!), block.map((at) => to[at]!)];
    const [la, lb] = [Math.hypot(...a), Math.hypot(...b)];
    if (la === 0 || lb === 0 || block.length < 2) continue;
    const u = a.map((value) => value / la);
    const cosine = Math.max(
      -1,
      Math.min(
        1,
        b.reduce((sum, value, k) => sum + (value / lb) * u[k]!, 0),
      ),
    );
    let across = b.map((value, k) => value / lb - cosine * u[k]!);
    if (Math.hypot(...across) < 1e-6) across = perpendicular(u);
    const size = Math.hypot(...across);
    const angle = share * Math.acos(cosine);
    const length = la + share * (lb - la);
    block.forEach((at, k) => {
      x[at] = length * (Math.cos(angle) * u[k]! + (Math.sin(angle) * across[k]!) / size);
    });
  }
  return x;
}

/** Some vector at right angles to a unit vector of two or more numbers. */
function perpendicular(u: readonly number[]): number[] {
  const least = u.reduce((best, value, k) => (Math.abs(value) < Math.abs(u[best]!) ? k : best), 0);
  return u.map((value, k) => Number(k === least) - value * u[least]!);
}

/** Both directions turned onto one, keeping their lengths. */
export function turnedTogether(
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
    const u = a.map((at) => from[at]! / la);
    (a.length < 2 ? u : perpendicular(u)).forEach((value, k) => {
      mixed[k] = value;
    });
    length = Math.hypot(...mixed);
  }
  const x = from.slice();
  mixed.forEach((value, k) => {
    x[a[k]!] = (la * value) / length;
    x[b[k]!] = (lb * value) / length;
  });
  return x;
}

/** The lowest V near x with the pair's cosine at c: a penalty that grows until the pair is inside M. */
export function heldTogether(
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

function slopeOf(V: Landscape, x: Float64Array): number {
  const gradient = new Float64Array(V.dimension);
  V.at(x, gradient);
  return Math.hypot(...gradient);
}
