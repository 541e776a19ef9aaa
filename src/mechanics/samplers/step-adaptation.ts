/** @file Chooses a step length by dual averaging, so that trajectories are accepted as often as wanted. */
import { requireAbove } from '../optimisers/optimiser.ts';

/** Finds the step of a sampler while it warms up. */
export interface StepAdaptation {
  /** The step to try next. */
  step(): number;
  /** Learns from the acceptance probability of the last trajectory. */
  learn(acceptance: number): void;
  /** The averaged step, to be used after warm-up. */
  settled(): number;
}

/** Nesterov's dual averaging (Hoffman and Gelman 2014, §3.2.1, with their parameters), from a first step. */
export function stepAdaptation(first: number, target: number, where: string): StepAdaptation {
  requireAbove(first, 0, `${where}.step`);
  const [gamma, offset, kappa, centre] = [0.05, 10, 0.75, Math.log(10 * first)];
  let [count, shortfall, log, average] = [0, 0, Math.log(first), 0];
  return {
    step: () => Math.exp(log),
    learn(acceptance) {
      count++;
      const weight = 1 / (count + offset);
      shortfall = (1 - weight) * shortfall + weight * (target - acceptance);
      log = centre - (Math.sqrt(count) / gamma) * shortfall;
      const share = count ** -kappa;
      average = share * log + (1 - share) * average;
    },
    settled: () => (count === 0 ? first : Math.exp(average)),
  };
}
