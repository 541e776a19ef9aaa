/** @file Adam and AdamW: the baselines that every claim about momentum has to beat. */
import { at, type Optimiser, optimiser, requireAbove, type Schedule } from './optimiser.ts';

/** Options of `adam`, with the usual values. */
export interface AdamOptions {
  /** Step; 0.001 unless given. */
  readonly learningRate?: Schedule;
  /** Decay of the mean of the gradient; 0.9 unless given. */
  readonly beta1?: number;
  /** Decay of the mean of its square; 0.999 unless given. */
  readonly beta2?: number;
  /** Added to the root of the second moment; 1e-8 unless given. */
  readonly epsilon?: number;
}

/** Options of `adamW`: those of Adam and the decay of the weights. */
export interface AdamWOptions extends AdamOptions {
  /** θ ← θ − η·decay·θ beside the step; 0.01 unless given. */
  readonly weightDecay?: number;
}

/** Adam (Kingma and Ba 2015, algorithm 1). @throws MechanicsError `mechanics.option` for a decay outside [0, 1). */
export const adam = (options: AdamOptions = {}): Optimiser => withDecay('adam', options, 0);

/** Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2). */
export const adamW = (options: AdamWOptions = {}): Optimiser =>
  withDecay('adamw', options, options.weightDecay ?? 0.01);

function withDecay(name: string, options: AdamOptions, weightDecay: number): Optimiser {
  const { learningRate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  for (const [key, beta] of Object.entries({ beta1, beta2 })) requireAbove(1 - beta, 0, `${name}.1 − ${key}`);
  return optimiser({
    name,
    structure: 'none',
    vectors: ['mean', 'square'],
    numbers: {},
    apply({ step, parameters, gradient, vectors: { mean, square } }) {
      const rate = at(learningRate, step, `${name}.learningRate`);
      const shrink = 1 - rate * weightDecay;
      const rateUnbiased = rate / (1 - beta1 ** (step + 1));
      const squareUnbiased = 1 / (1 - beta2 ** (step + 1));
      for (let i = 0; i < parameters.length; i++) {
        const g = gradient[i]!;
        const m = beta1 * mean[i]! + (1 - beta1) * g;
        const v = beta2 * square[i]! + (1 - beta2) * g * g;
        mean[i] = m;
        square[i] = v;
        parameters[i] =
          shrink * parameters[i]! - (rateUnbiased * m) / (Math.sqrt(v * squareUnbiased) + epsilon);
      }
    },
  });
}
