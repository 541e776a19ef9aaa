/** @file Statistical mechanics of a landscape: mean energy, heat capacity and free energy over a range of temperatures. */
import { MechanicsError } from '../../core/errors.ts';
import type { Landscape } from '../landscape.ts';
import { type Chain, type MonteCarlo, monteCarloMean } from './chain.ts';

/** The ensemble exp(−βV) at one inverse temperature; k_B = 1. */
export interface Thermal {
  readonly beta: number;
  /** ⟨V⟩. */
  readonly energy: MonteCarlo;
  /** β²(⟨V²⟩ − ⟨V⟩²): of the positions alone; momenta add n/2. */
  readonly heatCapacity: MonteCarlo;
  /** βF − β₀F₀ = −log(Z/Z₀) against the first temperature of the ladder. */
  readonly freeEnergy: { readonly value: number; readonly error: number };
}

/** βV as a landscape. */
export const heated = (V: Landscape, beta: number): Landscape => ({
  ...V,
  at(x, gradient) {
    const value = V.at(x, gradient);
    for (let i = 0; i < gradient.length; i++) gradient[i]! *= beta;
    return beta * value;
  },
});

/**
 * Samples exp(−βV) at each β with `sample` and joins neighbours by Bennett's acceptance ratio (Bennett 1976, eqs. 12–13),
 * which needs their energies to overlap. Errors assume independent chains.
 * @throws MechanicsError `mechanics.option` for fewer than one temperature or one that is not positive;
 * `mechanics.no-overlap` where two neighbours share no energies.
 */
export function thermodynamics(
  V: Landscape,
  betas: readonly number[],
  sample: (V: Landscape) => Chain,
): Thermal[] {
  if (betas.length === 0 || betas.some((beta) => !(beta > 0 && Number.isFinite(beta))))
    throw new MechanicsError('mechanics.option', `the inverse temperatures are ${betas.join(', ')}`, {
      where: V.name,
      hint: 'give at least one, all of them positive',
    });
  const rows: Thermal[] = [];
  let before: Float64Array | undefined;
  betas.forEach((beta, k) => {
    const values = sample(heated(V, beta)).values.map((value) => value / beta);
    const energy = monteCarloMean(values);
    const heatCapacity = monteCarloMean(values.map((value) => beta * beta * (value - energy.value) ** 2));
    const last = rows.at(-1);
    let freeEnergy = { value: 0, error: 0 };
    if (last && before) {
      const step = bennett(before, values, beta - betas[k - 1]!, V.name);
      freeEnergy = {
        value: last.freeEnergy.value + step.value,
        error: Math.hypot(last.freeEnergy.error, step.error),
      };
    }
    rows.push({ beta, energy, heatCapacity, freeEnergy });
    before = values;
  });
  return rows;
}

/** −log(Z₁/Z₀) from energies drawn at β₀ and at β₀ + Δ, by bisection of Bennett's equation. */
function bennett(at0: Float64Array, at1: Float64Array, difference: number, where: string) {
  const ratio = Math.log(at1.length / at0.length);
  const fermi = (x: number) => 1 / (1 + Math.exp(x));
  const forward = (f: number) => Array.from(at0, (v) => fermi(difference * v - f - ratio));
  const backward = (f: number) => Array.from(at1, (v) => fermi(-difference * v + f + ratio));
  const total = (terms: number[]) => terms.reduce((sum, term) => sum + term, 0);
  const works = [...at0, ...at1].map((v) => difference * v);
  let low = works.reduce((least, w) => Math.min(least, w), Number.POSITIVE_INFINITY) - 50;
  let high = works.reduce((most, w) => Math.max(most, w), Number.NEGATIVE_INFINITY) + 50;
  for (let i = 0; i < 200 && high - low > 1e-13 * (1 + Math.abs(low)); i++) {
    const middle = (low + high) / 2;
    if (total(forward(middle)) < total(backward(middle))) low = middle;
    else high = middle;
  }
  const value = (low + high) / 2;
  const [a, b] = [monteCarloMean(forward(value)), monteCarloMean(backward(value))];
  const overlap = Math.min(a.value, b.value);
  if (!(overlap > 1e-6))
    throw new MechanicsError('mechanics.no-overlap', 'two neighbouring temperatures share no energies', {
      where,
      hint: 'put more temperatures between them',
    });
  return { value, error: Math.hypot(a.error / a.value, b.error / b.value) };
}
