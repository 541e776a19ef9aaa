/** @file Data whose features are known: sparse sums of random unit directions; and how well a dictionary found them. */
import type { Random } from '../core/random.ts';

/** What synthetic rows are made of. */
export interface SyntheticOptions {
  readonly rows: number;
  readonly width: number;
  /** True features. */
  readonly features: number;
  /** Features that are active in a row on average: each with the same probability, independently. */
  readonly active: number;
  /** Standard deviation of Gaussian noise in each number; 0 unless given. */
  readonly noise?: number;
}

/** Rows and the directions that made them. */
export interface SyntheticRows {
  /** [N, D], each Σ_i a_i u_i with a_i uniform in [½, 1½] for active features. */
  readonly x_ND: Float32Array;
  /** Unit directions [G, D]. */
  readonly truth_GD: Float32Array;
}

/** Rows of sparse sums, after the toy set-up of Sharkey et al. 2022 ("Taking features out of superposition", §2). */
export function syntheticRows(options: SyntheticOptions, random: Random): SyntheticRows {
  const { rows, width: D, features: G, active, noise = 0 } = options;
  const truth_GD = new Float32Array(G * D);
  const directions = random.fork('directions');
  for (let g = 0; g < G; g++) {
    let square = 0;
    for (let d = 0; d < D; d++) {
      const value = directions.normal();
      truth_GD[g * D + d] = value;
      square += value * value;
    }
    for (let d = 0; d < D; d++) truth_GD[g * D + d]! /= Math.sqrt(square);
  }
  const x_ND = new Float32Array(rows * D);
  const draws = random.fork('rows');
  for (let n = 0; n < rows; n++) {
    // Distances between active features are geometric: nothing is drawn for those between.
    const stays = Math.log1p(-active / G);
    for (let g = gap(draws, stays); g < G; g += 1 + gap(draws, stays)) {
      const size = 0.5 + draws.uniform();
      for (let d = 0; d < D; d++) x_ND[n * D + d]! += size * truth_GD[g * D + d]!;
    }
    if (noise > 0) for (let d = 0; d < D; d++) x_ND[n * D + d]! += noise * draws.normal();
  }
  return { x_ND, truth_GD };
}

const gap = (random: Random, stays: number) => Math.floor(Math.log(1 - random.uniform()) / stays);

/** How well directions were found. */
export interface Recovery {
  /** Mean over true features of the cosine with the learned one that an optimal one-to-one assignment gives them. */
  readonly matched: number;
  /** The same with greedy one-to-one assignment: the largest cosine first. */
  readonly greedy: number;
  /** The same with the best learned feature for each, several times where need be. */
  readonly nearest: number;
  /** Share of true features whose assigned cosine is above 0.9. */
  readonly found: number;
}

/**
 * Mean max cosine similarity (MCC) of learned rows [F, D] with true directions [G, D]. Needs F ≥ G for a whole assignment;
 * with fewer, features that get none count 0.
 */
export function recovery(learned_FD: Float32Array, truth_GD: Float32Array, width: number): Recovery {
  const F = learned_FD.length / width;
  const G = truth_GD.length / width;
  const cosines = cosineTable(truth_GD, learned_FD, width);
  const nearest = mean(G, (g) => {
    let best = -1;
    for (let f = 0; f < F; f++) best = Math.max(best, cosines[g * F + f]!);
    return best;
  });
  const pairs = bestAssignment(cosines, G, F);
  const greedyPairs = greedyAssignment(cosines, G, F);
  const of = (assigned: Int32Array, g: number) => (assigned[g]! < 0 ? 0 : cosines[g * F + assigned[g]!]!);
  return {
    matched: mean(G, (g) => of(pairs, g)),
    greedy: mean(G, (g) => of(greedyPairs, g)),
    nearest,
    found: mean(G, (g) => (of(pairs, g) > 0.9 ? 1 : 0)),
  };
}

/** Learned row of each true direction in the one-to-one assignment with the largest sum of cosines; −1 where they run out. */
export function assignment(learned_FD: Float32Array, truth_GD: Float32Array, width: number): Int32Array {
  const [F, G] = [learned_FD.length / width, truth_GD.length / width];
  return bestAssignment(cosineTable(truth_GD, learned_FD, width), G, F);
}

/** Cosines [G, F]; 0 for rows of length 0. */
function cosineTable(a_GD: Float32Array, b_FD: Float32Array, D: number): Float64Array {
  const [G, F] = [a_GD.length / D, b_FD.length / D];
  const norms = (x: Float32Array, n: number) =>
    Float64Array.from({ length: n }, (_, i) => Math.hypot(...x.subarray(i * D, (i + 1) * D)));
  const [na, nb] = [norms(a_GD, G), norms(b_FD, F)];
  const out = new Float64Array(G * F);
  for (let g = 0; g < G; g++) {
    for (let f = 0; f < F; f++) {
      let dot = 0;
      for (let d = 0; d < D; d++) dot += a_GD[g * D + d]! * b_FD[f * D + d]!;
      const size = na[g]! * nb[f]!;
      out[g * F + f] = size > 0 ? dot / size : 0;
    }
  }
  return out;
}

/**
 * Column of each row in the assignment with the largest sum, or −1 where columns run out (Hungarian method with shortest
 * augmenting paths: Jonker & Volgenant 1987; O(G²F)).
 */
export function bestAssignment(score_GF: Float64Array, G: number, F: number): Int32Array {
  const columns = Math.max(F, G);
  const cost = (g: number, f: number) => (f < F ? -score_GF[g * F + f]! : 0);
  const u = new Float64Array(G + 1);
  const v = new Float64Array(columns + 1);
  const row = new Int32Array(columns + 1).fill(G);
  for (let g = 0; g < G; g++) {
    row[columns] = g;
    let at = columns;
    const least = new Float64Array(columns + 1).fill(Number.POSITIVE_INFINITY);
    const from = new Int32Array(columns + 1).fill(columns);
    const used = new Uint8Array(columns + 1);
    do {
      used[at] = 1;
      const i = row[at]!;
      let delta = Number.POSITIVE_INFINITY;
      let next = columns;
      for (let f = 0; f < columns; f++) {
        if (used[f]) continue;
        const reduced = cost(i, f) - u[i]! - v[f]!;
        if (reduced < least[f]!) {
          least[f] = reduced;
          from[f] = at;
        }
        if (least[f]! < delta) {
          delta = least[f]!;
          next = f;
        }
      }
      for (let f = 0; f <= columns; f++) {
        if (used[f]) {
          u[row[f]!]! += delta;
          v[f]! -= delta;
        } else least[f]! -= delta;
      }
      at = next;
    } while (row[at] !== G);
    while (at !== columns) {
      const before = from[at]!;
      row[at] = row[before]!;
      at = before;
    }
  }
  const assigned = new Int32Array(G).fill(-1);
  for (let f = 0; f < F; f++) if (row[f]! < G) assigned[row[f]!] = f;
  return assigned;
}

/** Column of each row, the largest score first; −1 where columns run out. */
export function greedyAssignment(score_GF: Float64Array, G: number, F: number): Int32Array {
  const order = Uint32Array.from({ length: G * F }, (_, i) => i).sort((a, b) => score_GF[b]! - score_GF[a]!);
  const assigned = new Int32Array(G).fill(-1);
  const taken = new Uint8Array(F);
  for (const i of order) {
    const [g, f] = [Math.floor(i / F), i % F];
    if (assigned[g]! >= 0 || taken[f]) continue;
    assigned[g] = f;
    taken[f] = 1;
  }
  return assigned;
}

function mean(n: number, of: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += of(i);
  return sum / n;
}
