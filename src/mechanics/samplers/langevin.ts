/** @file Langevin dynamics without rejection: the sampler that also works with gradients from mini-batches. */
import { throwIfAborted } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { checked, counted, type Landscape } from '../landscape.ts';
import { requireAbove } from '../optimisers/optimiser.ts';
import { type Chain, recorder, type SamplingOptions } from './chain.ts';

/**
 * x ← x − (ε/2)∇V + √ε ξ (Welling and Teh 2011 with a fixed step). Biased by order ε; with a landscape whose values come
 * from mini-batches it is stochastic-gradient Langevin dynamics.
 */
export function langevin(
  given: Landscape,
  start: ArrayLike<number>,
  { draws, warmUp = 0, step, signal }: SamplingOptions & { readonly step: number },
  random: Random,
): Chain {
  requireAbove(step, 0, 'langevin.step');
  const V = counted(checked(given));
  const n = V.dimension;
  const record = recorder(n, draws);
  const [x, slope, root] = [Float64Array.from(start), new Float64Array(n), Math.sqrt(step)];
  let value = V.at(x, slope);
  for (let k = -warmUp; k < draws; k++) {
    if (k % 256 === 0) throwIfAborted(signal);
    for (let i = 0; i < n; i++) x[i]! += -(step / 2) * slope[i]! + root * random.normal();
    value = V.at(x, slope);
    if (k >= 0) record.keep(x, value, 1, false);
  }
  return record.chain('langevin', step, V.evaluations());
}
