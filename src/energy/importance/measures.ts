/** @file What features are ranked by: conservation of energy, its parts, gradients, and how much and how often they fire. */
import type { Random } from '../../core/random.ts';
import type { FeatureWork } from '../learning/feature-work.ts';
import { type FeatureSteps, stepMotion } from '../sequence/motion.ts';
import type { FeaturePath } from './paths.ts';
import type { LearningMeasure, MeasureName, ReadMeasure } from './types.ts';

/** Every measure with what it says, in the order in which they are reported. */
export const MEASURES: Readonly<Record<MeasureName, string>> = {
  drift: 'sequence clock: minus the drift of E = T + V, so that conserved energy ranks first',
  'drift-permuted': 'the same with V permuted over the tokens of each text: a null of the drift',
  'mean-energy': 'sequence clock: mean |E|, E = T + V',
  'mean-kinetic': 'sequence clock: mean T = ½(q(t+1) − q(t))², unit mass',
  'mean-potential': 'sequence clock: mean |V|, V = f·∂L/∂f',
  'learning-work':
    'learning clock: |∫∇_i V · dw_i|, what the motion of its own parameters changed of the loss',
  'learning-kinetic': 'learning clock: mean T = ½|ẇ_i|², unit mass',
  'learning-drift': 'learning clock: minus the drift of E = T + V over the steps, V the work so far',
  'learning-drift-permuted': 'the same with V permuted over the steps: a null of that drift',
  'integrated-gradients': 'depth clock: mean over examples of |Σ e|, e along the line to the other state',
  'gradient-activation': 'mean over examples of |Σ f·∂m/∂f|',
  activation: 'mean activation over positions at which it is active',
  frequency: 'share of positions at which it is active',
  chance: 'random numbers',
};

const isLearning = (name: MeasureName): name is LearningMeasure => name.startsWith('learning-');

/** All names in the order of reports. */
export const allMeasures = Object.keys(MEASURES) as MeasureName[];

/** Those of any dictionary. */
export const measureNames = allMeasures.filter((name): name is ReadMeasure => !isLearning(name));

/** Minus the drift; what neither moves nor counts has none, and ranks last. */
const stillness = (drift: number): number => (Number.isNaN(drift) ? -Number.MAX_VALUE : 0 - drift);

/**
 * Every measure of one feature; larger ranks first. Where prompts are too short for a step, T, V and |E| are 0.
 * @param energies_B Σ e over positions of each example, by integrated gradients
 */
export function measuresOf(
  paths: readonly FeaturePath[],
  energies_B: ArrayLike<number>,
  random: Random,
): Record<ReadMeasure, number> {
  const steps = paths.map((path) => path.steps);
  const motion = stepMotion(steps);
  const shuffled = stepMotion(steps.map((own) => permutedInTime(own, random)));
  const sum = (values: ArrayLike<number>) => Array.from(values).reduce((total, v) => total + v, 0);
  const meanSize = (values: readonly number[]) =>
    values.reduce((total, v) => total + Math.abs(v), 0) / Math.max(1, values.length);
  const active = paths.flatMap(({ q_T }) => [...q_T]).filter((q) => q !== 0);
  return {
    drift: stillness(motion.drift),
    'drift-permuted': stillness(shuffled.drift),
    'mean-energy': meanSize(
      steps.flatMap(({ a_K, V_K }) => Array.from(a_K, (a, k) => motion.mass * a + V_K[k]!)),
    ),
    // With the mass that makes ⟨T⟩ = ⟨|V|⟩ the mean of T would be that of |V|.
    'mean-kinetic': motion.kinetic / motion.mass || 0,
    'mean-potential': motion.absPotential || 0,
    'integrated-gradients': meanSize(Array.from(energies_B)),
    'gradient-activation': meanSize(paths.map(({ V_T }) => sum(V_T))),
    activation: meanSize(active),
    frequency: active.length / Math.max(1, sum(paths.map(({ read }) => read))),
    chance: random.uniform(),
  };
}

/** Rankings of one feature of a dictionary whose training was recorded. */
export function learningMeasuresOf(
  { features: F, kinetic_SF, potential_SF }: FeatureWork,
  feature: number,
  random: Random,
): Record<LearningMeasure, number> {
  const column = (values_SF: Float64Array) =>
    Float64Array.from({ length: values_SF.length / F }, (_, s) => values_SF[s * F + feature]!);
  const steps: FeatureSteps = { a_K: column(kinetic_SF), V_K: column(potential_SF) };
  const motion = stepMotion([steps]);
  return {
    'learning-work': Math.abs(steps.V_K[steps.V_K.length - 1] ?? 0),
    'learning-kinetic': motion.kinetic / motion.mass,
    'learning-drift': stillness(motion.drift),
    'learning-drift-permuted': stillness(stepMotion([permutedInTime(steps, random)]).drift),
  };
}

/** The same steps with V in another order. */
const permutedInTime = ({ a_K, V_K }: FeatureSteps, random: Random): FeatureSteps => ({
  a_K,
  V_K: Float64Array.from(random.permutation(V_K.length), (k) => V_K[k]!),
});
