/** @file Gradient descent, θ ← θ − ηg: the plain baseline. Has no momentum and no phase space. */
import { at, type Optimiser, optimiser, type Schedule } from './optimiser.ts';

/** Options of `sgd`. */
export interface SgdOptions {
  /** Step η. */
  readonly learningRate: Schedule;
}

/** Stochastic gradient descent (Robbins and Monro 1951). With momentum it is `heavyBall`. */
export const sgd = ({ learningRate }: SgdOptions): Optimiser =>
  optimiser({
    name: 'sgd',
    structure: 'none',
    vectors: [],
    numbers: {},
    apply({ step, parameters, gradient }) {
      const rate = at(learningRate, step, 'sgd.learningRate');
      for (let i = 0; i < parameters.length; i++) parameters[i]! -= rate * gradient[i]!;
    },
  });
