/**
 * @file The ensemble of strengths: features between taken out (α_i = 0) and kept (1), with weights exp(−βV(α)) on the unit box,
 * sampled by Hamiltonian or microcanonical dynamics.
 */
import type { Random } from '../../core/random.ts';
import type { Landscape } from '../../mechanics/landscape.ts';
import type { Chain, MonteCarlo } from '../../mechanics/samplers/chain.ts';
import { hmc } from '../../mechanics/samplers/hmc.ts';
import { microcanonicalHmc } from '../../mechanics/samplers/microcanonical.ts';
import { nuts } from '../../mechanics/samplers/nuts.ts';
import { thermodynamics } from '../../mechanics/samplers/thermodynamics.ts';
import type { MaskEnergies } from './masks.ts';

/**
 * V(α) = Σ_s V(s) Π_i α_i^{s_i} (1 − α_i)^{1−s_i}: the mean of V when each feature is kept with probability α_i. It is V at the
 * corners and multilinear between them.
 */
export function multilinear({ features: n, V_S }: MaskEnergies): Landscape {
  // Folding one coordinate after another halves what is left; the gradient needs the fold with each one left out.
  const fold = (alpha: ArrayLike<number>, without: number) => {
    let values = V_S;
    for (let i = n - 1; i >= 0; i--) {
      const half = values.length / 2;
      const next = new Float64Array(half);
      for (let s = 0; s < half; s++) {
        const [off, on] = [values[s]!, values[s + half]!];
        next[s] = i === without ? on - off : off + alpha[i]! * (on - off);
      }
      values = next;
    }
    return values[0]!;
  };
  return {
    name: `masks of ${n} features, multilinear`,
    dimension: n,
    at(alpha, gradient) {
      for (let i = 0; i < n; i++) gradient[i] = fold(alpha, i);
      return fold(alpha, -1);
    },
  };
}

/** The ensemble of strengths at one temperature, sampled. */
export interface StrengthThermal {
  readonly beta: number;
  readonly temperature: number;
  /** F = −log(∫ e^{−βV(α)} dα)/β over the unit box. */
  readonly freeEnergy: { readonly value: number; readonly error: number };
  readonly energy: MonteCarlo;
  /** C/n, of the strengths alone (momenta would add ½). */
  readonly specificHeat: MonteCarlo;
}

/** Samplers of mechanics that the ensemble is drawn by. */
export type StrengthSampler = 'hmc' | 'nuts' | 'microcanonical';

/** How long, and by what. */
export interface StrengthOptions {
  readonly sampler?: StrengthSampler;
  readonly draws?: number;
  readonly warmUp?: number;
  readonly random: Random;
  readonly signal?: AbortSignal;
}

/** Where the ladder begins, in units of the first temperature: there Z is known, 1 up to first order. */
const ANCHOR = 1e-3;

/**
 * Free energy, energy and specific heat over a ladder of inverse temperatures, rising. The box is opened by α = σ(u); its
 * Jacobian is part of the measure, so the weight on the box is exp(−βV) and nothing else.
 * @throws MechanicsError what samplers and `thermodynamics` throw
 */
export function strengthThermodynamics(
  V: Landscape,
  betas: readonly number[],
  options: StrengthOptions,
): StrengthThermal[] {
  const n = V.dimension;
  const ladder = betas[0] === undefined ? [] : [ANCHOR * betas[0], ...betas];
  const found = thermodynamics(V, ladder, (heated) => sampledOnBox(heated, options));
  // log Z at the anchor: −β₀⟨V⟩, its second order being below 1e-6 of the first temperature's.
  const start = ladder.length > 0 ? ladder[0]! * found[0]!.energy.value : 0;
  return found.slice(1).map(({ beta, energy, heatCapacity, freeEnergy }) => ({
    beta,
    temperature: 1 / beta,
    freeEnergy: { value: (start + freeEnergy.value) / beta, error: freeEnergy.error / beta },
    energy,
    specificHeat: { ...heatCapacity, value: heatCapacity.value / n, error: heatCapacity.error / n },
  }));
}

/** A chain of strengths: drawn over u, handed back as α with V alone as its value. */
function sampledOnBox(
  V: Landscape,
  { sampler = 'nuts', draws = 2000, warmUp = 500, random, signal }: StrengthOptions,
): Chain {
  const n = V.dimension;
  const alpha = new Float64Array(n);
  const open: Landscape = {
    name: V.name,
    dimension: n,
    at(u, gradient) {
      let jacobian = 0;
      for (let i = 0; i < n; i++) {
        alpha[i] = 1 / (1 + Math.exp(-u[i]!));
        // log σ′(u) = −|u| − 2 log(1 + e^{−|u|})
        jacobian -= Math.abs(u[i]!) + 2 * Math.log1p(Math.exp(-Math.abs(u[i]!)));
      }
      const value = V.at(alpha, gradient);
      for (let i = 0; i < n; i++) {
        const a = alpha[i]!;
        gradient[i] = gradient[i]! * a * (1 - a) - (1 - 2 * a);
      }
      return value - jacobian;
    },
  };
  const start = new Float64Array(n);
  const common = { draws, warmUp, ...(signal ? { signal } : {}) };
  const chain =
    sampler === 'hmc'
      ? hmc(open, start, { ...common, step: 0.5, length: 3 }, random)
      : sampler === 'nuts'
        ? nuts(open, start, { ...common, step: 0.5 }, random)
        : microcanonicalHmc(open, start, { ...common, step: 0.5, length: 2 * Math.sqrt(n) }, random);
  const draws_KN = chain.draws_KN.map((u) => 1 / (1 + Math.exp(-u)));
  const scratch = new Float64Array(n);
  const values = chain.values.map((_, k) => V.at(draws_KN.slice(k * n, (k + 1) * n), scratch));
  return { ...chain, draws_KN, values };
}
