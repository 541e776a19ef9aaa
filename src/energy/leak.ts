/** @file Energies along a line, and the leak of a budget: what linearisation or quadrature loses, ρ = Σ|Σe − Δm| / Σ|Δm|. */
import type { Pairs } from '../circuits/examples.ts';

/**
 * @param energy_B Σe of each example (energies, −IE)
 * @param deltaM_B m(clean) − m(patch) of each example
 * @returns NaN when no example changes the metric
 */
export function leak(energy_B: ArrayLike<number>, deltaM_B: ArrayLike<number>): number {
  let lost = 0;
  let whole = 0;
  for (let b = 0; b < deltaM_B.length; b++) {
    lost += Math.abs(energy_B[b]! - deltaM_B[b]!);
    whole += Math.abs(deltaM_B[b]!);
  }
  return whole > 0 ? lost / whole : Number.NaN;
}

/** Σe of each example: λ̄·(x^clean − x^patch). */
export function lineEnergies(
  costate_BTD: ArrayLike<number>,
  clean_BTD: ArrayLike<number>,
  patch_BTD: ArrayLike<number>,
  { examples }: Pick<Pairs, 'examples'>,
): Float64Array {
  const size = clean_BTD.length / examples;
  const energies = new Float64Array(examples);
  for (let b = 0; b < examples; b++) {
    for (let i = b * size; i < (b + 1) * size; i++) {
      energies[b]! += costate_BTD[i]! * (clean_BTD[i]! - patch_BTD[i]!);
    }
  }
  return energies;
}
