/** @file A motion from a separated state at a given energy: does it stay separated, and does its margin exceed the integrator's error? */
import type { Random } from '../../core/random.ts';
import { stateOf } from '../../mechanics/build.ts';
import { integrate } from '../../mechanics/integrate.ts';
import { leapfrogKDK } from '../../mechanics/integrators/leapfrog.ts';
import { type Landscape, particle } from '../../mechanics/landscape.ts';
import type { SeparationBarrier } from './barrier.ts';
import { largestCosine, type MergedSet } from './merged.ts';

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
