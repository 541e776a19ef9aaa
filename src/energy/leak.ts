/** @file The leak of an energy budget: what linearisation or quadrature loses, ρ = Σ|Σe − Δm| / Σ|Δm| over examples. */

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
