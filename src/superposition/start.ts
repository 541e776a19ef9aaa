/** @file Where training of a toy model begins: random weights from a seed. */
import { random } from '../core/random.ts';
import type { ToyTask, ToyWeights } from './types.ts';

/** Starting weights: normal of variance 2/(n + m) (Glorot and Bengio 2010), biases 0. */
export function startWeights(task: ToyTask, seed: number): ToyWeights {
  const { features, neurons, kind } = task;
  const stream = random(seed).fork('weights');
  const scale = Math.sqrt(2 / (features + neurons));
  const matrix = () => Float64Array.from({ length: features * neurons }, () => scale * stream.normal());
  const encoder = kind === 'absolute' ? { encoder_NM: matrix() } : {};
  return { features, neurons, W_NM: matrix(), b_N: new Float64Array(features), ...encoder };
}
