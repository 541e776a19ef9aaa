/** @file What the benchmark of toy models trains, and the messages that its processes speak. */

/** Instances of one model: n features of importance 1 in m neurons, trained by Adam. */
export interface Settings {
  readonly features: number;
  readonly neurons: number;
  readonly instances: number;
  readonly sparsity: number;
  readonly batch: number;
  readonly learningRate: number;
  readonly threads: number;
}

export const settings: Settings = {
  ...{ features: 20, neurons: 5, instances: 50, sparsity: 0.9 },
  ...{ batch: 1024, learningRate: 3e-3, threads: 2 },
};

/** `train`: that many steps on fresh samples. `reach`: our closed-form gradients until the mean loss is not above it. */
export type Command = { readonly setup: Settings } | { readonly train: number } | { readonly reach: number };

/** Steps over which a point of a curve is averaged. */
export const PIECE = 25;

/** Seconds of what was asked; mean loss of all instances over each 25 steps (samples), or after the last (closed form). */
export interface Answer {
  readonly seconds?: number;
  readonly steps?: number;
  readonly curve?: readonly number[];
  readonly loss?: number;
}
