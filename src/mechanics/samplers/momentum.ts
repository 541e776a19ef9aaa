/** @file Fresh momenta and the Metropolis rule, which the samplers share. */
import type { Random } from '../../core/random.ts';
import type { Separable } from '../types.ts';

/** A trajectory with a larger energy error is called divergent (Stan's bound). */
export const MOST_ENERGY_ERROR = 1000;

/** p ~ N(0, M), M diagonal. */
export const drawMomentum = ({ dimension, mass }: Separable, random: Random): Float64Array =>
  Float64Array.from({ length: dimension }, (_, i) => Math.sqrt(mass?.diagonal[i] ?? 1) * random.normal());

/** A direction, uniform on the unit sphere. */
export function drawDirection(dimension: number, random: Random): Float64Array {
  const u = Float64Array.from({ length: dimension }, () => random.normal());
  const length = Math.hypot(...u);
  return u.map((ui) => ui / length);
}

/** Accepts with probability min(1, e^(−error)); never where the error is not a number. */
export function metropolis(error: number, random: Random): { probability: number; accepted: boolean } {
  const probability = Number.isNaN(error) ? 0 : Math.min(1, Math.exp(-error));
  return { probability, accepted: random.uniform() < probability };
}
