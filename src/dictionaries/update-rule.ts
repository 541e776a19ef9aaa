/** @file The optimiser of a plan, from mechanics' one interface, and what is done to decoder rows around its step. */

import { frictionOf } from '../mechanics/optimisers/heavy-ball.ts';
import type { Optimiser } from '../mechanics/optimisers/optimiser.ts';
import { makeOptimiser } from '../mechanics/optimisers/table.ts';
import { courseAt } from './courses.ts';
import type { TrainingPlan } from './plan.ts';

/**
 * The optimiser that a plan names. Its rate η follows the plan's course: Adam's rate; h = √η with γ = −ln β / √η_max for those
 * with friction, which is v ← βv − ηg at the plateau; the length of a step, over √η of ECD itself, for ECD.
 */
export function optimiserOf(plan: TrainingPlan): Optimiser {
  const { optimiser: choice, rate, steps, seed } = plan;
  const learningRate = (step: number) => Math.max(courseAt(rate, step, steps), Number.MIN_VALUE);
  switch (choice.name) {
    case 'adam':
      return makeOptimiser('adam', {
        learningRate,
        ...{ beta1: choice.beta1, beta2: choice.beta2, epsilon: choice.epsilon },
      });
    case 'ecd':
      return makeOptimiser('ecd', {
        step: learningRate,
        ...{ eta: choice.eta, floor: choice.floor, noise: choice.noise, seed },
      });
    default: {
      const { friction } = frictionOf(rate.value, choice.momentum);
      const step = (n: number) => Math.sqrt(learningRate(n));
      const options = { step, friction, mass: choice.mass };
      if (choice.name === 'relativistic')
        return makeOptimiser('relativistic', { ...options, speed: choice.speed });
      return makeOptimiser(choice.name, options);
    }
  }
}

/** Takes from each row of g [F, E] its part along the unit row of W [F, E]: the step stays on the sphere to first order. */
export function projectRows(g: Float32Array, W: Float32Array, width: number): void {
  for (let from = 0; from < W.length; from += width) {
    let along = 0;
    for (let i = from; i < from + width; i++) along += g[i]! * W[i]!;
    for (let i = from; i < from + width; i++) g[i]! -= along * W[i]!;
  }
}

/** Scales rows [F, E] back to norm 1; rows of 0 stay. */
export function unitRows(W: Float32Array, width: number): void {
  for (let from = 0; from < W.length; from += width) {
    let square = 0;
    for (let i = from; i < from + width; i++) square += W[i]! ** 2;
    if (square === 0) continue;
    const factor = 1 / Math.sqrt(square);
    for (let i = from; i < from + width; i++) W[i]! *= factor;
  }
}
