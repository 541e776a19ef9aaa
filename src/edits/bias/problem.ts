/** @file A problem of the bias study as data: labelled pooled rows, edits of them, and what measures an edit elsewhere. */
import type { Estimate } from '../../core/statistics.ts';
import type { TaskCollateral } from '../collateral/types.ts';
import type { Eraser } from '../erasure/eraser.ts';

/** Examples as one row each: the mean of the state over the positions that the dictionary reads, and of its features. */
export interface BiasRows {
  /** Pooled states at the cut, row-major [N, D]. */
  readonly x_ND: Float32Array;
  /** Pooled activations of all features, row-major [N, F]. */
  readonly features_NF: Float32Array;
  /** 0 or 1: what the classifier tells (the field). */
  readonly outcome_N: Uint8Array;
  /** 0 or 1: what it should not use (gender). */
  readonly protected_N: Uint8Array;
  /** 1 for counterfactuals made by swapping words, 0 for rows as they were found. */
  readonly swapped_N: Uint8Array;
  /** Person or record. A row and its counterfactual have the same one: resampling keeps them together. */
  readonly ids: readonly string[];
}

/** A binary attribute, and what its values 0 and 1 mean. */
export interface BiasAttribute {
  readonly name: string;
  readonly values: readonly [string, string];
}

/** What an edit does to other things, on data that have nothing to do with the task. */
export interface Collateral {
  /** KL(original ‖ edited) in nats per token of plain text (of a table: per record); units are windows (records). */
  readonly kl: Estimate;
  /** The same of each window (record), in one order for all edits: differences between edits are taken in pairs. */
  readonly kl_W: readonly number[];
  /** Perplexity of plain text under the edit; of a table exp(cross-entropy) of what the network was trained on. */
  readonly perplexity: number;
  /** Mean ‖Δx‖ per position of plain text. */
  readonly deltaX: number;
}

/** What an edit at every position does to behaviours of the network that are not the classifier's. */
export interface OtherTasks {
  /** Held-out pairs of every task; `random`: features drawn among the active ones, with the same mean ‖Δx‖. */
  readonly tasks: readonly TaskCollateral[];
  /** Mean over the tasks that the edit is not about of |share of m(clean) − m(patch) that goes|; pairs are drawn again. */
  readonly moved: Estimate;
  /** The same of the random edits, one at a time: what any edit as large does. */
  readonly random: Estimate;
}

/** How rows change: everything that can be said of one row of the cut, so that it also acts on every position. */
export type PooledEdit =
  | { readonly kind: 'none' }
  /** x′ = x − Σ_i (1 − α_i) f_i d_i. */
  | { readonly kind: 'strengths'; readonly features: readonly number[]; readonly alpha: Float64Array }
  /** x′ = x − strength · U Vᵀ(x − μ). */
  | { readonly kind: 'eraser'; readonly eraser: Eraser; readonly strength: number }
  /** x′_d = x_d − strength · (x_d − mean_d) for some coordinates d (neurons) only. */
  | {
      readonly kind: 'coordinates';
      readonly coordinates: readonly number[];
      readonly mean_D: Float64Array;
      readonly strength: number;
    };

/** All that the methods see. One dictionary's view: several dictionaries are several problems with the same rows x. */
export interface BiasProblem {
  readonly name: string;
  readonly outcome: BiasAttribute;
  readonly protected: BiasAttribute;
  /** D. */
  readonly width: number;
  /** F. */
  readonly features: number;
  /** Decoder directions, row-major [F, D]. */
  readonly W_dec_FD: Float32Array;
  /** Confounded: outcome = protected in every row. The classifier is trained on it. */
  readonly train: BiasRows;
  /** Confounded too, other examples where there are enough: the task loss of the paths is taken on it. */
  readonly retain: BiasRows;
  /**
   * Where methods may learn what the protected attribute looks like: examples of other fields (text), or without a look
   * at the outcome (table). `outcome_N` of it means nothing and is not read.
   */
  readonly auxiliary: BiasRows;
  /** Test: every combination of outcome and protected value, natural and swapped. Nothing is chosen on it. */
  readonly balanced: BiasRows;
  /** Balanced too, other examples: for the oracle and the skyline, and for training the probes that measure leakage. */
  readonly oracleTrain: BiasRows;
  /** The same rows pooled after the words that tell the protected value were deleted. */
  readonly withoutTokens?: {
    readonly train: BiasRows;
    readonly balanced: BiasRows;
    readonly oracleTrain: BiasRows;
  };
  /** States of concept words at the cut, row-major [C, D]: what the concept bottleneck reads. */
  readonly concepts?: { readonly names: readonly string[]; readonly vectors_CD: Float32Array };
  /** Plain text (or other records) through the rest of the network. */
  collateral(edit: PooledEdit): Promise<Collateral>;
  /** Other behaviours of the rest of the network; undefined where it has none that can be scored. */
  otherTasks?(edit: PooledEdit): Promise<OtherTasks | undefined>;
  /** Fisher metric of the rest of the network over strengths of `features` at α, row-major [n, n]; without μI. */
  fisher?(features: readonly number[], alpha: Float64Array): Promise<Float64Array>;
  /** Name of a feature where one is known. */
  label?(feature: number): string | undefined;
}
