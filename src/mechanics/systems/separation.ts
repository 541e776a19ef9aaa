/** @file Unit directions that repel each other where they overlap: Σ_{i≠j} w_ij ReLU(d_i·d_j)², each d_i on a sphere. */
import { separable } from '../build.ts';
import { constrained, spheres } from '../constraints.ts';
import { dot, type Formula, square } from '../differentiate.ts';
import type { Constrained, Separable, Vector } from '../types.ts';

/** How many directions repel each other, in how many dimensions, and how strongly. */
export interface SeparationOptions {
  /** Number of directions. */
  readonly features?: number;
  /** Dimension of the space they lie in. */
  readonly width?: number;
  /** Co-activation w_ij, symmetric [features × features], row by row; all 1 unless given. */
  readonly weights?: ArrayLike<number>;
}

/** The separation potential of directions d_i = q[i·width …], with its force by hand. */
export function separationPotential({ features = 5, width = 2, weights }: SeparationOptions = {}): {
  potential: Formula;
  force: (q: Vector, out: Vector) => void;
} {
  const w = (i: number, j: number) => weights?.[i * features + j] ?? 1;
  return {
    potential(o, q) {
      const rows = Array.from({ length: features }, (_, i) =>
        Array.from(q).slice(i * width, (i + 1) * width),
      );
      let total = o.constant(0);
      for (let i = 0; i < features; i++) {
        for (let j = 0; j < i; j++) {
          const overlap = o.relu(dot(o, rows[i]!, rows[j]!));
          total = o.add(total, o.mul(w(i, j) + w(j, i), square(o, overlap)));
        }
      }
      return total;
    },
    force(q, out) {
      out.fill(0);
      for (let i = 0; i < features; i++) {
        for (let j = 0; j < i; j++) {
          let overlap = 0;
          for (let k = 0; k < width; k++) overlap += q[i * width + k]! * q[j * width + k]!;
          if (overlap <= 0) continue;
          const pull = -2 * (w(i, j) + w(j, i)) * overlap;
          for (let k = 0; k < width; k++) {
            out[i * width + k]! += pull * q[j * width + k]!;
            out[j * width + k]! += pull * q[i * width + k]!;
          }
        }
      }
    },
  };
}

/** Directions under the separation potential, free to leave their spheres. */
export function separation(options: SeparationOptions = {}): Separable {
  const { features = 5, width = 2 } = options;
  return separable({ name: 'separation', dimension: features * width, ...separationPotential(options) });
}

/** The same held on unit spheres: move it with RATTLE. */
export function separationOnSpheres(options: SeparationOptions = {}): Constrained {
  const { features = 5, width = 2 } = options;
  return constrained(separation(options), spheres(features, width), 'separation-on-spheres');
}
