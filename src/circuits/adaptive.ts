/** @file Integrated gradients with as many points as each example needs: midpoints in threes until the effects add up. */
import type { Quadrature } from '../autodiff/quadrature.ts';
import { type Network, placeOf } from './cuts.ts';
import { type Pairs, pickPairs } from './examples.ts';
import { lineCostates, type Start } from './line.ts';
import type { RunOptions } from './run-options.ts';

/** Points tried: each rule has those of the one before it among its own, so that no gradient is taken twice. */
const LEVELS = [3, 9, 27, 81, 243] as const;

export interface AdaptiveCostates {
  readonly costate_BTD: Float32Array;
  /** Gradients taken, example by example. */
  readonly points_B: Int32Array;
}

/**
 * λ̄ of the midpoint rule with 3, 9, 27 … 243 points, the first with which the effects of an example add up to its change
 * within `tolerance` of the mean |change|: so that Σ|error| ≤ tolerance · Σ|change| over the examples, unless 243 points
 * do not suffice for some.
 * @param change_B what the effects of each example have to add up to
 */
export async function adaptiveCostates(
  network: Network,
  site: string,
  pairs: Pairs,
  clean_BTD: Float32Array,
  patch_BTD: Float32Array,
  change_B: ArrayLike<number>,
  tolerance: number,
  options: RunOptions,
  start?: Start,
): Promise<AdaptiveCostates> {
  const size = pairs.positions * placeOf(network, site).width;
  const costate_BTD = new Float32Array(pairs.examples * size);
  const points_B = new Int32Array(pairs.examples);
  let scale = 0;
  for (let b = 0; b < pairs.examples; b++) scale += Math.abs(change_B[b]!) / pairs.examples;
  let open = Array.from({ length: pairs.examples }, (_, b) => b);
  for (const count of LEVELS) {
    const rule = newMidpoints(count);
    const rowsOf = (x: ArrayLike<number>, width: number) => {
      const rows = new Float32Array(open.length * width);
      open.forEach((b, j) => {
        for (let i = 0; i < width; i++) rows[j * width + i] = x[b * width + i]!;
      });
      return rows;
    };
    const from = start && {
      site: start.site,
      x_BTD: rowsOf(start.x_BTD, start.x_BTD.length / pairs.examples),
    };
    const [added] = (await lineCostates(
      network,
      site,
      pickPairs(pairs, open),
      rowsOf(clean_BTD, size),
      rowsOf(patch_BTD, size),
      [rule],
      options,
      from,
    )) as [Float32Array];
    const still: number[] = [];
    open.forEach((b, j) => {
      let sum = 0;
      for (let i = 0; i < size; i++) {
        const at = b * size + i;
        costate_BTD[at] = (points_B[b] === 0 ? 0 : costate_BTD[at]! / 3) + added[j * size + i]!;
        sum += costate_BTD[at]! * (patch_BTD[at]! - clean_BTD[at]!);
      }
      points_B[b] = count;
      if (Math.abs(sum - change_B[b]!) > tolerance * scale) still.push(b);
    });
    open = still;
    if (open.length === 0) break;
  }
  return { costate_BTD, points_B };
}

/** The points of the midpoint rule with `count` points that the one with a third of them lacks. */
function newMidpoints(count: number): Quadrature {
  const all = Array.from({ length: count }, (_, j) => j).filter((j) => count === LEVELS[0] || j % 3 !== 1);
  return {
    name: `midpoint-${count}`,
    points: all.map((j) => (j + 0.5) / count),
    weights: all.map(() => 1 / count),
  };
}
