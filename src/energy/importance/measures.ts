/** @file What features are ranked by: conservation of energy, its parts, gradients, and how much and how often they fire. */
import type { Random } from '../../core/random.ts';
import { featureMotion } from '../sequence/motion.ts';
import type { FeatureSeries } from './paths.ts';
import type { MeasureName } from './types.ts';

/** Every measure with what it says, in the order in which they are reported. */
export const MEASURES: Readonly<Record<MeasureName, string>> = {
  drift: 'sequence clock: minus the drift of E = T + V, so that conserved energy ranks first',
  'drift-permuted': 'the same with V permuted over the tokens of each text: a null of the drift',
  'mean-energy': 'sequence clock: mean |E|, E = T + V',
  'mean-kinetic': 'sequence clock: mean T = ½(q(t+1) − q(t))², unit mass',
  'mean-potential': 'sequence clock: mean |V|, V = f·∂L/∂f',
  'integrated-gradients': 'depth clock: mean over examples of |Σ e|, e along the line to the other state',
  'gradient-activation': 'mean over examples of |Σ f·∂m/∂f|',
  activation: 'mean activation over positions at which it is active',
  frequency: 'share of positions at which it is active',
  chance: 'random numbers',
};

/** All names in the order of reports. */
export const measureNames = Object.keys(MEASURES) as MeasureName[];

/** Minus the drift; what neither moves nor counts has none, and ranks last. */
const stillness = (drift: number): number => (Number.isNaN(drift) ? -Number.MAX_VALUE : 0 - drift);

/**
 * Every measure of one feature; larger ranks first. Where prompts are too short for a step, T, V and |E| are 0.
 * @param energies_B Σ e over positions of each example, by integrated gradients
 */
export function measuresOf(
  texts: readonly FeatureSeries[],
  energies_B: ArrayLike<number>,
  random: Random,
): Record<MeasureName, number> {
  // L = −m, so V = f·∂L/∂f = −q·p.
  const potential = texts.map(({ q_T, p_T }) => q_T.map((q, t) => -q * p_T[t]!));
  const permuted = potential.map((V_T) => Float64Array.from(random.permutation(V_T.length), (i) => V_T[i]!));
  const moving = (V: readonly Float64Array[]) =>
    featureMotion(texts.map(({ q_T }, b) => ({ q_T, V_T: V[b]! })));
  const [motion, shuffled] = [moving(potential), moving(permuted)];
  const all = texts.flatMap(({ q_T }) => [...q_T]);
  const active = all.filter((q) => q !== 0);
  const sum = (values: ArrayLike<number>) => Array.from(values).reduce((total, v) => total + v, 0);
  const meanSize = (values: readonly number[]) =>
    values.reduce((total, v) => total + Math.abs(v), 0) / Math.max(1, values.length);
  return {
    drift: stillness(motion.drift),
    'drift-permuted': stillness(shuffled.drift),
    'mean-energy': meanSize(
      texts.flatMap(({ q_T }, b) =>
        Array.from(
          { length: Math.max(0, q_T.length - 1) },
          (_, t) => (motion.mass * (q_T[t + 1]! - q_T[t]!) ** 2) / 2 + potential[b]![t]!,
        ),
      ),
    ),
    // With the mass that makes ⟨T⟩ = ⟨|V|⟩ the mean of T would be that of |V|.
    'mean-kinetic': motion.kinetic / motion.mass || 0,
    'mean-potential': motion.absPotential || 0,
    'integrated-gradients': meanSize(Array.from(energies_B)),
    'gradient-activation': meanSize(potential.map(sum)),
    activation: meanSize(active),
    frequency: active.length / Math.max(1, all.length),
    chance: random.uniform(),
  };
}
