/** @file Two features in one neuron: what becomes of the second, in closed form. */

import { relaxed } from '../mechanics/diagnostics/relax.ts';
import { toyLandscape, weightsAt } from './landscape.ts';
import { measureToy, REPRESENTED } from './measures.ts';
import { toyTask } from './task.ts';
import type { ToyTask, ToyWeights } from './types.ts';

/** The extra (last) feature: not represented, with a dimension to itself, or sharing one. */
export type Phase = 'ignored' | 'dedicated' | 'superposed';

/** Interference above which a feature shares its dimension. */
const SHARED = 0.25;

/** The phase of the last feature of a trained model. */
export function phaseOf(toy: { readonly weights: ToyWeights }): Phase {
  const { norm_N, interference_N } = measureToy(toy.weights);
  const last = norm_N.length - 1;
  if (norm_N[last]! < REPRESENTED) return 'ignored';
  return interference_N[last]! > SHARED ? 'superposed' : 'dedicated';
}

/** n features through m neurons, of importance 1 but for the last. */
export const cellTask = (features: number, neurons: number, importance: number, density: number): ToyTask =>
  toyTask({
    ...{ features, neurons, sparsity: 1 - density },
    importance: Array.from({ length: features }, (_, i) => (i === features - 1 ? importance : 1)),
  });

/** The least loss of each way to put two features (importances 1 and r) into one neuron. */
export interface TwoInOne {
  /** The second feature is ignored: r(p/3 − p²/4)/2, exactly. */
  readonly ignored: number;
  /** The second has the neuron: (p/3 − p²/4)/2. */
  readonly dedicated: number;
  /** Both share it with opposite signs: the minimum over norms and biases. */
  readonly superposed: number;
  /** Of the least of them; the minimum from opposite signs may itself have let one feature go. */
  readonly phase: Phase;
}

/**
 * The two-in-one model in closed form: a feature with the neuron to itself is reproduced without error (‖W‖ = 1, b = 0),
 * one without a neuron is replaced by its mean p/2 and costs its variance p/3 − p²/4.
 */
export function twoInOne(importance: number, density: number): TwoInOne {
  const variance = (density / 3 - density ** 2 / 4) / 2;
  const task = cellTask(2, 1, importance, density);
  const { energy, x } = relaxed(toyLandscape(task), [1, -1, 0, 0], { tolerance: 1e-7, maxIterations: 2000 });
  const losses = { ignored: importance * variance, dedicated: variance, superposed: energy };
  const best = (Object.keys(losses) as Phase[]).reduce((a, b) => (losses[b] < losses[a] ? b : a));
  const phase = best === 'superposed' ? phaseOf({ weights: weightsAt(task, x) }) : best;
  return { ...losses, phase };
}
