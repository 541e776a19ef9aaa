/** @file Local learning coefficient: how fast the volume of low loss shrinks around a minimum, half the effective number of parameters. */
import type { Landscape } from '../landscape.ts';
import { requireAbove } from '../optimisers/optimiser.ts';
import { type Chain, monteCarloMean } from './chain.ts';

/** Temperature, localisation and sampler of `learningCoefficient`. */
export interface LearningCoefficientOptions {
  /** Number n of examples that the loss is a mean over. */
  readonly examples: number;
  /** Inverse temperature β; 1/log n unless given (Watanabe 2013). */
  readonly beta?: number;
  /** γ: keeps the chain near the minimum by γ/2|w − w*|²; 1 unless given. */
  readonly localisation?: number;
  /** Draws from exp(−V) starting at a point, e.g. by `nuts` or `langevin`. */
  readonly sample: (V: Landscape, start: Float64Array) => Chain;
}

/** The estimate with its Monte Carlo error, and the chain it comes from. */
export interface LearningCoefficient {
  /** λ̂ = nβ(⟨L⟩ − L(w*)). For a regular minimum of d parameters λ = d/2. */
  readonly value: number;
  /** Monte Carlo standard error. The systematic part is of order (m − 1)/log(nβ), m the multiplicity. */
  readonly error: number;
  readonly meanLoss: number;
  readonly chain: Chain;
}

/**
 * Local learning coefficient (Lau, Furman, Wang, Murfet and Wei 2023, definition 1; from WBIC, Watanabe 2013):
 * samples exp(−nβL − γ/2|w − w*|²).
 */
export function learningCoefficient(
  loss: Landscape,
  minimum: ArrayLike<number>,
  { examples, beta = 1 / Math.log(examples), localisation = 1, sample }: LearningCoefficientOptions,
): LearningCoefficient {
  const scale = requireAbove(examples * beta, 0, 'learning-coefficient: examples · beta');
  const centre = Float64Array.from(minimum);
  const spread = (w: Float64Array) => w.reduce((sum, wi, i) => sum + (wi - centre[i]!) ** 2, 0);
  const floor = loss.at(centre, new Float64Array(loss.dimension));
  const tempered: Landscape = {
    name: loss.name,
    dimension: loss.dimension,
    at(w, gradient) {
      const value = loss.at(w, gradient);
      for (let i = 0; i < gradient.length; i++)
        gradient[i] = scale * gradient[i]! + localisation * (w[i]! - centre[i]!);
      return scale * (value - floor) + (localisation / 2) * spread(w);
    },
  };
  const chain = sample(tempered, centre.slice());
  const n = loss.dimension;
  const { value, error } = monteCarloMean(
    chain.values.map((v, k) => v - (localisation / 2) * spread(chain.draws_KN.subarray(k * n, (k + 1) * n))),
  );
  return { value, error, meanLoss: floor + value / scale, chain };
}
