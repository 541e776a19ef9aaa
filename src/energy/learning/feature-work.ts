/**
 * @file The learning clock of features: a training run's change of loss, split exactly over the parameters of each feature
 * (path work), and each feature's kinetic energy (mechanics.md §4).
 */
import { quadrature } from '../../autodiff/quadrature.ts';
import type { Optimiser } from '../../mechanics/optimisers/optimiser.ts';
import {
  type TrainingEnergies,
  type TrainingOptions,
  type TrainingSystem,
  trainingSteps,
} from './training.ts';

/** Whose each parameter is: the number of its feature, or −1 where all share it (a decoder bias). */
export interface ParameterOwners {
  readonly features: number;
  readonly owner_N: Int32Array;
}

/** Energies of every feature over a training run: S samples, where each step begins and after the last one. */
export interface FeatureWork extends TrainingEnergies {
  readonly clock: 'learning';
  readonly features: number;
  /** T_i = m|ẇ_i|²/2, [S, F], ẇ_i from what the step moves. */
  readonly kinetic_SF: Float64Array;
  /** V_i = ∫∇_i V · dw_i from the start, [S, F]: below 0 where the motion of feature i has lowered the loss. */
  readonly potential_SF: Float64Array;
  /** The same integral over the parameters that no feature owns, at the end. */
  readonly shared: number;
  /** V(end) − V(start), by two runs. */
  readonly change: number;
  /** |Σ_i V_i(end) + shared − change| / |change|: what the quadrature (and rounding) loses. */
  readonly completeness: number;
  /** Parameters at the end. */
  readonly end: Float64Array;
}

export interface FeatureWorkOptions extends TrainingOptions {
  /** Quadrature of ∇V along the straight line of each step; `midpoint-1` unless given, one gradient a step. */
  readonly rule?: string;
  /** Told of every step. */
  readonly advance?: (steps: number) => void;
}

/**
 * Trains and splits ΔV = Σ_i ∫∇_i V · dw_i, a line integral along the path that the parameters take, step by step. Exact for
 * any path; the quadrature's error is what `completeness` says.
 * @throws CircuitError `circuit.unknown-rule`; what system and optimiser throw
 */
export async function featureWork(
  system: TrainingSystem,
  optimiser: Optimiser,
  start: ArrayLike<number>,
  { features: F, owner_N }: ParameterOwners,
  { rule = 'midpoint-1', advance, ...options }: FeatureWorkOptions,
): Promise<FeatureWork> {
  const { steps, time = 1, mass = 1 } = options;
  const { points, weights } = quadrature(rule);
  const n = system.dimension;
  const kinetic_SF = new Float64Array((steps + 1) * F);
  const potential_SF = new Float64Array((steps + 1) * F);
  const [at, slope] = [new Float64Array(n), new Float64Array(n)];
  let shared = 0;
  let end = new Float64Array(0);
  const run = await trainingSteps(system, optimiser, start, options, async ({ step, from, to }) => {
    advance?.(1);
    const [now, next] = [step * F, (step + 1) * F];
    for (let i = 0; i < n; i++) {
      const f = owner_N[i]!;
      if (f >= 0) kinetic_SF[now + f]! += (mass * (to[i]! - from[i]!) ** 2) / (2 * time * time);
    }
    if (step === steps) {
      end = from.slice();
      return;
    }
    for (let f = 0; f < F; f++) potential_SF[next + f] = potential_SF[now + f]!;
    for (const [j, alpha] of points.entries()) {
      for (let i = 0; i < n; i++) at[i] = from[i]! + alpha * (to[i]! - from[i]!);
      await slopeAt(system, at, slope, step);
      for (let i = 0; i < n; i++) {
        const work = weights[j]! * slope[i]! * (to[i]! - from[i]!);
        const f = owner_N[i]!;
        if (f >= 0) potential_SF[next + f]! += work;
        else shared += work;
      }
    }
  });
  const change = run.potential_K.at(-1)! - run.potential_K[0]!;
  let total = shared;
  for (let f = 0; f < F; f++) total += potential_SF[steps * F + f]!;
  return {
    ...run,
    ...{ clock: 'learning', features: F, kinetic_SF, potential_SF, shared, change, end },
    completeness: change === 0 ? Math.abs(total) : Math.abs(total - change) / Math.abs(change),
  };
}

/** V and its gradient. */
const slopeAt = (
  system: TrainingSystem,
  x: Float64Array,
  out: Float64Array,
  step: number,
): number | Promise<number> => system.potential?.(x, out) ?? system.gradient(x, out, step);
