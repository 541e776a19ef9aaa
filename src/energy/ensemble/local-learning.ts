/** @file The local learning coefficient of a trained network: how many of its parameters count, half of them at a regular minimum. */
import type { Random } from '../../core/random.ts';
import type { Landscape } from '../../mechanics/landscape.ts';
import type { Chain } from '../../mechanics/samplers/chain.ts';
import { learningCoefficient } from '../../mechanics/samplers/learning-coefficient.ts';
import { nuts } from '../../mechanics/samplers/nuts.ts';

/** λ̂ beside the value of a regular minimum. */
export interface LocalLearning {
  readonly name: string;
  readonly parameters: number;
  readonly examples: number;
  /** λ̂ and its Monte Carlo standard error. */
  readonly value: number;
  readonly error: number;
  /** d/2: every parameter counts. */
  readonly regular: number;
  /** 2λ̂: the effective number of parameters. */
  readonly effective: number;
  /** Loss at the point, and its length of slope: λ̂ means something at a minimum only. */
  readonly loss: number;
  readonly slope: number;
  /**
   * Share of draws with a lower loss than at the point. Where it is not 0 the chain has found its way into a lower basin, and
   * λ̂ says nothing of this one: take more examples (a colder chain) or a stronger localisation.
   */
  readonly lower: number;
}

/** Length of the chain, and what n is. */
export interface LocalLearningOptions {
  /** n: examples that the loss is a mean over. */
  readonly examples: number;
  readonly draws?: number;
  readonly warmUp?: number;
  /** γ; 1 unless given. */
  readonly localisation?: number;
  readonly random: Random;
  readonly signal?: AbortSignal;
}

/** λ̂ at a trained minimum, drawn by NUTS at β = 1/log n (Lau et al. 2023). */
export function localLearning(
  loss: Landscape,
  minimum: ArrayLike<number>,
  { examples, draws = 2000, warmUp = 500, localisation = 1, random, signal }: LocalLearningOptions,
): LocalLearning {
  const gradient = new Float64Array(loss.dimension);
  const at = loss.at(Float64Array.from(minimum), gradient);
  const { value, error, chain } = learningCoefficient(loss, minimum, {
    examples,
    localisation,
    sample: (V, start) =>
      nuts(V, start, { draws, warmUp, step: 0.05, depth: 8, ...(signal ? { signal } : {}) }, random),
  });
  return {
    name: loss.name,
    parameters: loss.dimension,
    examples,
    value,
    error,
    regular: loss.dimension / 2,
    effective: 2 * value,
    loss: at,
    slope: Math.hypot(...gradient),
    lower: lowerDraws(chain, Float64Array.from(minimum), localisation),
  };
}

/** The chain's values are nβ(L − L(w*)) + γ/2|w − w*|². */
function lowerDraws({ values, draws_KN, dimension: n }: Chain, minimum: Float64Array, gamma: number): number {
  let lower = 0;
  values.forEach((value, k) => {
    const distance = minimum.reduce((sum, w, i) => sum + (draws_KN[k * n + i]! - w) ** 2, 0);
    if (value - (gamma / 2) * distance < -1e-9) lower++;
  });
  return lower / values.length;
}
