/** @file The minimum below a point of a landscape. */

import { checked, type Landscape } from '../landscape.ts';
import { fire } from './fire.ts';

/** Where a descent came to rest. */
export interface Minimum {
  readonly x: Float64Array;
  readonly energy: number;
  /** |∇V| there. */
  readonly slope: number;
  readonly iterations: number;
}

/** How a minimum is looked for. */
export interface RelaxOptions {
  /** |∇V| when done; 1e-9 unless given. */
  readonly tolerance?: number;
  /** 20,000 unless given. */
  readonly maxIterations?: number;
  /** 1 for a coordinate that moves, 0 for one that stays. */
  readonly free?: ArrayLike<number>;
}

/** Follows the force downhill with inertia (FIRE, Bitzek et al. 2006) until the slope is below the tolerance. */
export function relaxed(given: Landscape, from: ArrayLike<number>, options: RelaxOptions = {}): Minimum {
  const { tolerance = 1e-9, maxIterations = 20_000, free } = options;
  const V = checked(given);
  const x = Float64Array.from(from);
  const force = new Float64Array(V.dimension);
  const motion = fire(V.dimension, 1, 0.1);
  for (let iterations = 0; ; iterations++) {
    const energy = V.at(x, force);
    let square = 0;
    for (let i = 0; i < force.length; i++) {
      force[i] = free && free[i] === 0 ? 0 : -force[i]!;
      square += force[i]! ** 2;
    }
    const slope = Math.sqrt(square);
    if (slope <= tolerance || iterations === maxIterations) return { x, energy, slope, iterations };
    motion.move(x, force);
  }
}
