/** @file A subspace found by supervision: swapping it between two examples moves one behaviour and nothing else (DAS). */
import { EditError, giveWay } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import type { Eraser } from './erasure/eraser.ts';
import {
  addOuter,
  alongManifold,
  inner,
  length,
  multiply,
  orthonormal,
  swapped,
} from './subspace-matrices.ts';

/** A loss of states [N, D] with its gradient, e.g. of the network above (`metricPart`). */
export type StateLoss = (x_ND: Float64Array) => Promise<StateLossAt> | StateLossAt;

export interface StateLossAt {
  readonly loss: number;
  readonly gradient_ND: Float64Array;
}

/** Examples whose subspace is swapped, and what should come of it. */
export interface SubspacePart {
  /** States that are changed, row-major [N, D]. */
  readonly base_ND: ArrayLike<number>;
  /** States that the subspace is taken from, one for each. */
  readonly source_ND: ArrayLike<number>;
  readonly loss: StateLoss;
}

export interface SubspaceOptions {
  readonly width: number;
  /** K. */
  readonly rank: number;
  readonly random: Random;
  /** Gradient steps at most, from each start; 200 unless given. */
  readonly iterations?: number;
  /** Random starts, of which the best is kept; 2 unless given. */
  readonly starts?: number;
  readonly signal?: AbortSignal;
}

/** Orthonormal directions and how well swapping them does. */
export interface Subspace {
  readonly width: number;
  readonly rank: number;
  /** Row-major [D, K], orthonormal columns. */
  readonly R_DK: Float64Array;
  /** Sum of the parts' losses after the swap. */
  readonly loss: number;
  /** The same with nothing swapped. */
  readonly lossBefore: number;
  /** Length of the gradient along the manifold. */
  readonly slope: number;
  readonly iterations: number;
}

/**
 * Minimises the parts' losses at x′ = base + R Rᵀ(source − base) over orthonormal R: distributed alignment search (Geiger et al. 2024,
 * arXiv:2303.02536) by gradient descent on the Grassmann manifold, with Barzilai–Borwein steps, backtracking and a QR
 * retraction (Absil, Mahony & Sepulchre 2008, §4). Not convex: the best of several starts.
 * @throws EditError `edit.shape`, `edit.subspace` (a rank that does not fit)
 */
export async function findSubspace(
  parts: readonly SubspacePart[],
  options: SubspaceOptions,
): Promise<Subspace> {
  const { width: D, rank: K, random, iterations = 200, starts = 2, signal } = options;
  requireParts(parts, D, K);
  const before = await Promise.all(parts.map((part) => part.loss(Float64Array.from(part.base_ND))));
  const lossBefore = before.reduce((sum, { loss }) => sum + loss, 0);
  const at = lossAt(parts, D, K);
  let best: Subspace | undefined;
  for (let start = 0; start < starts; start++) {
    const normals = Float64Array.from({ length: D * K }, () => random.normal());
    const begin = await at(orthonormal(normals, D, K));
    const flat = 1e-10 * (1 + lossBefore);
    const { point, taken } = await descend(begin, at, D, K, {
      iterations,
      flat,
      ...(signal ? { signal } : {}),
    });
    if (!best || point.loss < best.loss) {
      const { R, loss, gradient } = point;
      best = { width: D, rank: K, R_DK: R, loss, lossBefore, slope: length(gradient), iterations: taken };
    }
  }
  return best!;
}

function requireParts(parts: readonly SubspacePart[], D: number, K: number): void {
  if (!Number.isInteger(K) || K < 1 || K > D) {
    throw new EditError('edit.subspace', `a subspace of ${K} directions was asked for in ${D}`, {
      hint: `give a whole number from 1 to ${D}`,
    });
  }
  for (const { base_ND, source_ND } of parts) {
    if (base_ND.length % D === 0 && base_ND.length > 0 && base_ND.length === source_ND.length) continue;
    throw new EditError('edit.shape', 'states that are changed and states that are read do not go together', {
      hint: `give one source row of width ${D} for each base row`,
    });
  }
}

/** Orthonormal R [D, K], the loss there and its gradient along the manifold. */
interface Point {
  readonly R: Float64Array;
  readonly loss: number;
  readonly gradient: Float64Array;
}
type PointAt = (R: Float64Array) => Promise<Point>;

/** Loss at R and its gradient along the manifold: (I − R Rᵀ)(M + Mᵀ)R with M = Σ_n g_n δ_nᵀ. */
function lossAt(parts: readonly SubspacePart[], D: number, K: number): PointAt {
  const differences = parts.map(({ base_ND, source_ND }) =>
    Float64Array.from(source_ND, (x, i) => x - base_ND[i]!),
  );
  return async (R) => {
    let loss = 0;
    const gradient = new Float64Array(D * K);
    for (const [k, part] of parts.entries()) {
      const delta = differences[k]!;
      const read = multiply(delta, R, D, K);
      const moved = swapped(part.base_ND, read, R, D, K);
      const { loss: own, gradient_ND } = await part.loss(moved);
      loss += own;
      addOuter(gradient, gradient_ND, read, D, K);
      addOuter(gradient, delta, multiply(gradient_ND, R, D, K), D, K);
    }
    return { R, loss, gradient: alongManifold(R, gradient, D, K) };
  };
}

/** Barzilai–Borwein steps with backtracking, until the gradient is at most `flat` long or no step helps. */
async function descend(
  begin: Point,
  at: PointAt,
  D: number,
  K: number,
  { iterations, flat, signal }: { iterations: number; flat: number; signal?: AbortSignal },
): Promise<{ readonly point: Point; readonly taken: number }> {
  let now = begin;
  let step = 1 / Math.max(length(now.gradient), Number.MIN_VALUE);
  let taken = 0;
  for (; taken < iterations; taken++) {
    await giveWay(signal);
    const square = length(now.gradient) ** 2;
    if (Math.sqrt(square) <= flat) break;
    let next = now;
    for (let tries = 0; tries < 30; tries++) {
      const moved = now.R.map((r, i) => r - step * now.gradient[i]!);
      const tried = await at(orthonormal(moved, D, K));
      if (tried.loss <= now.loss - 1e-4 * step * square) {
        next = tried;
        break;
      }
      step /= 2;
    }
    if (next === now) break;
    const [dR, dG] = [next.R.map((r, i) => r - now.R[i]!), next.gradient.map((g, i) => g - now.gradient[i]!)];
    const bend = Math.abs(inner(dR, dG));
    step = bend > 0 ? inner(dR, dR) / bend : 2 * step;
    now = next;
  }
  return { point: now, taken };
}

/** The subspace set to its mean: x′ = x − R Rᵀ(x − mean), as an eraser, for rows and for graphs. */
export const subspaceEraser = (
  { R_DK, width, rank }: Pick<Subspace, 'R_DK' | 'width' | 'rank'>,
  mean_D: Float64Array,
): Eraser => ({ method: 'subspace', width, rank, U_DK: R_DK, V_DK: R_DK, mean_D });
