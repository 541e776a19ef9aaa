/** @file A subspace found by supervision: swapping it between two examples moves one behaviour and nothing else (DAS). */
import { EditError, giveWay } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import type { Eraser } from './erasure/eraser.ts';

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
  const differences = parts.map(({ base_ND, source_ND }) =>
    Float64Array.from(source_ND, (x, i) => x - base_ND[i]!),
  );
  const before = await Promise.all(parts.map((part) => part.loss(Float64Array.from(part.base_ND))));
  const lossBefore = before.reduce((sum, { loss }) => sum + loss, 0);
  /** Loss at R and its gradient along the manifold: (I − R Rᵀ)(M + Mᵀ)R with M = Σ_n g_n δ_nᵀ. */
  const at = async (R: Float64Array) => {
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
  let best: Subspace | undefined;
  for (let start = 0; start < starts; start++) {
    let now = await at(
      orthonormal(
        Float64Array.from({ length: D * K }, () => random.normal()),
        D,
        K,
      ),
    );
    let step = 1 / Math.max(length(now.gradient), Number.MIN_VALUE);
    let taken = 0;
    for (; taken < iterations; taken++) {
      await giveWay(signal);
      const square = length(now.gradient) ** 2;
      if (Math.sqrt(square) <= 1e-10 * (1 + lossBefore)) break;
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
      const [dR, dG] = [
        next.R.map((r, i) => r - now.R[i]!),
        next.gradient.map((g, i) => g - now.gradient[i]!),
      ];
      const bend = Math.abs(inner(dR, dG));
      step = bend > 0 ? inner(dR, dR) / bend : 2 * step;
      now = next;
    }
    if (!best || now.loss < best.loss) {
      const { R, loss, gradient } = now;
      best = { width: D, rank: K, R_DK: R, loss, lossBefore, slope: length(gradient), iterations: taken };
    }
  }
  return best!;
}

/** The subspace set to its mean: x′ = x − R Rᵀ(x − mean), as an eraser, for rows and for graphs. */
export const subspaceEraser = (
  { R_DK, width, rank }: Pick<Subspace, 'R_DK' | 'width' | 'rank'>,
  mean_D: Float64Array,
): Eraser => ({ method: 'subspace', width, rank, U_DK: R_DK, V_DK: R_DK, mean_D });

function inner(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
const length = (a: Float64Array): number => Math.sqrt(inner(a, a));

/** x [N, D] · R [D, K]. */
function multiply(x: ArrayLike<number>, R: Float64Array, D: number, K: number): Float64Array {
  const rows = x.length / D;
  const out = new Float64Array(rows * K);
  for (let n = 0; n < rows; n++)
    for (let d = 0; d < D; d++) {
      const value = x[n * D + d]!;
      for (let k = 0; k < K; k++) out[n * K + k]! += value * R[d * K + k]!;
    }
  return out;
}

/** base + read · Rᵀ. */
function swapped(
  base: ArrayLike<number>,
  read_NK: Float64Array,
  R: Float64Array,
  D: number,
  K: number,
): Float64Array {
  const out = Float64Array.from(base);
  for (let n = 0; n < out.length / D; n++)
    for (let d = 0; d < D; d++)
      for (let k = 0; k < K; k++) out[n * D + d]! += read_NK[n * K + k]! * R[d * K + k]!;
  return out;
}

/** sum [D, K] += xᵀ [D, N] · y [N, K]. */
function addOuter(sum: Float64Array, x: Float64Array, y: Float64Array, D: number, K: number): void {
  for (let n = 0; n < x.length / D; n++)
    for (let d = 0; d < D; d++) for (let k = 0; k < K; k++) sum[d * K + k]! += x[n * D + d]! * y[n * K + k]!;
}

/** G − R RᵀG. */
function alongManifold(R: Float64Array, G: Float64Array, D: number, K: number): Float64Array {
  const inside = new Float64Array(K * K);
  for (let d = 0; d < D; d++)
    for (let k = 0; k < K; k++)
      for (let l = 0; l < K; l++) inside[k * K + l]! += R[d * K + k]! * G[d * K + l]!;
  return G.map((g, at) => {
    const [d, l] = [Math.floor(at / K), at % K];
    let out = g;
    for (let k = 0; k < K; k++) out -= R[d * K + k]! * inside[k * K + l]!;
    return out;
  });
}

/** Gram–Schmidt, twice, by columns. */
function orthonormal(A: Float64Array, D: number, K: number): Float64Array {
  const Q = A.slice();
  for (let k = 0; k < K; k++) {
    for (let round = 0; round < 2; round++)
      for (let l = 0; l < k; l++) {
        let along = 0;
        for (let d = 0; d < D; d++) along += Q[d * K + l]! * Q[d * K + k]!;
        for (let d = 0; d < D; d++) Q[d * K + k]! -= along * Q[d * K + l]!;
      }
    let square = 0;
    for (let d = 0; d < D; d++) square += Q[d * K + k]! ** 2;
    const norm = Math.sqrt(square);
    for (let d = 0; d < D; d++) Q[d * K + k]! /= norm;
  }
  return Q;
}
