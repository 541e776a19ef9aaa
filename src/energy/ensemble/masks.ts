/**
 * @file The ensemble of masks: a few features, each kept (s_i = 1) or taken out (0), with weights exp(−βV(s)). All 2ⁿ masks are
 * counted, so that free energy, specific heat and entropy are exact. k_B = 1; energies in the unit of V.
 */
import { EnergyError } from '../../core/errors.ts';

/** Most features whose masks are counted: 65,536 masks. */
const MOST = 16;

/** V of every mask, [2ⁿ]: bit i of the index is s_i. The last one keeps all features. */
export interface MaskEnergies {
  readonly features: number;
  readonly V_S: Float64Array;
}

/** @throws EnergyError `energy.masks` unless 1 to 16 features, and an energy for each mask, are given */
export function maskEnergies(V_S: ArrayLike<number>): MaskEnergies {
  const features = Math.log2(V_S.length);
  if (Number.isInteger(features) && features >= 1 && features <= MOST)
    return { features, V_S: Float64Array.from(V_S) };
  throw new EnergyError(
    'energy.masks',
    `${V_S.length} energies are not those of all masks of 1 to ${MOST} features`,
    {
      where: 'ensemble',
      hint: `choose 1 to ${MOST} features; each doubles the number of masks`,
    },
  );
}

/** The ensemble at one temperature. */
export interface MaskThermal {
  readonly beta: number;
  /** 1/β. */
  readonly temperature: number;
  /** F = −log(Σ_s e^{−βV(s)}) / β. */
  readonly freeEnergy: number;
  /** ⟨V⟩. */
  readonly energy: number;
  /** S = β(⟨V⟩ − F), in nats: n log 2 when every mask is as likely, 0 when one is certain. */
  readonly entropy: number;
  /** C/n = β²(⟨V²⟩ − ⟨V⟩²)/n. */
  readonly specificHeat: number;
  /** ⟨s_i⟩: how often each feature is kept. */
  readonly kept_N: readonly number[];
}

/** Sums over all masks, at each inverse temperature. */
export function maskThermodynamics({ features, V_S }: MaskEnergies, betas: readonly number[]): MaskThermal[] {
  const lowest = V_S.reduce((least, V) => Math.min(least, V), Number.POSITIVE_INFINITY);
  return betas.map((beta) => {
    if (!(beta > 0 && Number.isFinite(beta))) throw notATemperature(beta);
    let [Z, first, second] = [0, 0, 0];
    const kept = new Float64Array(features);
    V_S.forEach((V, s) => {
      // Energies over the lowest: nothing overflows, and the variance keeps its digits.
      const above = V - lowest;
      const weight = Math.exp(-beta * above);
      Z += weight;
      first += weight * above;
      second += weight * above * above;
      for (let i = 0; i < features; i++) if (s & (1 << i)) kept[i]! += weight;
    });
    const mean = first / Z;
    const freeEnergy = lowest - Math.log(Z) / beta;
    return {
      beta,
      temperature: 1 / beta,
      freeEnergy,
      energy: lowest + mean,
      entropy: beta * mean + Math.log(Z),
      specificHeat: (beta * beta * Math.max(0, second / Z - mean * mean)) / features,
      kept_N: Array.from(kept, (sum) => sum / Z),
    };
  });
}

const notATemperature = (beta: number) =>
  new EnergyError('energy.temperature', `${beta} is no inverse temperature`, {
    where: 'ensemble',
    hint: 'give finite numbers above 0',
  });

/**
 * The null: the same single effects, no interaction. V₀(s) = V(all) + Σ_i (1 − s_i) Δ_i, Δ_i what taking out i alone costs;
 * its partition function is a product, so that any difference comes from features that act together.
 */
export function withoutInteraction({ features, V_S }: MaskEnergies): MaskEnergies {
  const all = V_S.length - 1;
  const alone = Array.from({ length: features }, (_, i) => V_S[all ^ (1 << i)]! - V_S[all]!);
  return {
    features,
    V_S: V_S.map((_, s) => alone.reduce((V, cost, i) => (s & (1 << i) ? V : V + cost), V_S[all]!)),
  };
}

/** The highest specific heat and where it is: a peak is where the ensemble chooses. */
export function heatPeak(rows: readonly MaskThermal[]): {
  readonly temperature: number;
  readonly specificHeat: number;
} {
  const { temperature, specificHeat } = rows.reduce((best, row) =>
    row.specificHeat > best.specificHeat ? row : best,
  );
  return { temperature, specificHeat };
}

/** Inverse temperatures around the scale of V (its spread over masks): `count` of them, from 1/30 to 30 over it. */
export function temperatureLadder({ V_S }: MaskEnergies, count = 25): number[] {
  const mean = V_S.reduce((sum, V) => sum + V, 0) / V_S.length;
  const spread = Math.sqrt(V_S.reduce((sum, V) => sum + (V - mean) ** 2, 0) / V_S.length) || 1;
  return Array.from({ length: count }, (_, k) => 30 ** ((2 * k) / (count - 1) - 1) / spread);
}
