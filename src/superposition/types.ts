/** @file What a toy model of superposition is: sparse features, few neurons, and the weights between them. */

/** Features that are not independent: all of them are active at once, or never two of them. */
export interface FeatureGroup {
  /** `together`: one decision for all (correlated). `exclusive`: at most one is active (anti-correlated). */
  readonly kind: 'together' | 'exclusive';
  readonly features: readonly number[];
}

/**
 * What is computed:
 * `relu`: x′ = ReLU(WᵀWx + b); `linear`: x′ = WᵀWx + b (Elhage et al. 2022, "Demonstrating Superposition");
 * `absolute`: y = ReLU(W₂ ReLU(W₁x) + b) for |x|, x in [−1, 1] ("Computation in Superposition").
 */
export type ToyKind = 'relu' | 'linear' | 'absolute';

/** A toy model's data and form: n features through m neurons. */
export interface ToyTask {
  readonly kind: ToyKind;
  /** n. */
  readonly features: number;
  /** m: dimensions of the hidden state. */
  readonly neurons: number;
  /** S: each feature is 0 with this probability, else uniform in [0, 1] ([−1, 1] for `absolute`). */
  readonly sparsity: number;
  /** I_i of the loss (1/n) Σ_i I_i (x_i − x′_i)². */
  readonly importance_N: readonly number[];
  /** Whether b is learned; without, it stays 0. */
  readonly bias: boolean;
  readonly groups: readonly FeatureGroup[];
}

/** Weights of a toy model. Row i of `W_NM` is what feature i writes into the hidden state (and how it is read). */
export interface ToyWeights {
  readonly features: number;
  readonly neurons: number;
  /** W, by features: row i is W_i [m]. For `absolute` the output weights W₂. */
  readonly W_NM: Float64Array;
  readonly b_N: Float64Array;
  /** `absolute` only: the input weights W₁, row i is how feature i enters the neurons. */
  readonly encoder_NM?: Float64Array;
}

/** One instance to train: its data, its seed (weights and samples), its learning rate. */
export interface ToyInstance {
  readonly task: ToyTask;
  readonly seed: number;
  readonly learningRate?: number;
}

/** A trained instance. */
export interface TrainedToy {
  readonly task: ToyTask;
  readonly seed: number;
  readonly weights: ToyWeights;
  /** Mean loss of the last steps (300 at most): each is (1/n) Σ I_i (x_i − x′_i)² over its batch. */
  readonly loss: number;
  /** The loss of every step. */
  readonly losses: Float32Array;
}
