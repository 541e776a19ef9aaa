/** @file What the benchmarks of dictionary training compare, and the messages that their processes speak. */

/** Equal for all trainers: sizes, optimiser, stream; and what a library needs beside that. */
export interface Settings {
  readonly kind: string;
  readonly width: number;
  readonly features: number;
  /** Active features a row; the dense kinds' target where they take one. */
  readonly k: number;
  readonly batch: number;
  readonly threads: number;
  /** Adam's rate after a linear warm-up; it falls to 0 from step `decayStart` on. */
  readonly rate: number;
  readonly warmUp: number;
  readonly decayStart: number;
  /** Steps over which the sparsity penalty rises. */
  readonly sparsityWarmUp: number;
  /** Weight of the sparsity penalty (dense kinds). */
  readonly coefficient: number;
  /** Ours only: active features that λ is controlled towards. */
  readonly sparsityTarget?: number;
  /** JumpReLU: width of the rectangle that stands for the jump's derivative. */
  readonly bandwidth: number;
  /** Steps that the run may take at most. */
  readonly steps: number;
  readonly seed: number;
  /** Ours only: find candidates by a product of bytes. */
  readonly screened?: boolean;
  /** Ours only: no dense products of frequent features. */
  readonly gathered?: boolean;
  /** SAELens TopK: sparse tensors for the activations. */
  readonly sparse: boolean;
  /** SAELens JumpReLU: its quadratic loss about this L0 instead of its step loss. */
  readonly targetL0?: number;
  /** BatchTopK: dictionary_learning's first step and decay of the threshold's average, SAELens' rate of it. */
  readonly thresholdStart?: number;
  readonly thresholdBeta?: number;
  readonly thresholdRate?: number;
  /** Raw float32 rows, centred and divided by their RMS; batches take them in order, pass after pass. */
  readonly train: string;
  readonly heldOut: string;
}

export type Command =
  | { setup: Settings }
  /** Steps to run; answers { seconds }. */
  | { train: number }
  /** Answers { fve, l0 } on the first `rows` held-out rows. */
  | { evaluate: true; rows?: number }
  /** Answers { peakMiB } of the process. */
  | { memory: true }
  /** Peers only: writes the dictionary into a folder in the library's own form. */
  | { save: string }
  /** Ours only: times the bare encoder product for so many batches, in `layout` or the best one; answers { seconds, layout }. */
  | { product: number; layout?: string };

export interface Answer {
  readonly seconds?: number;
  readonly fve?: number;
  readonly l0?: number;
  readonly peakMiB?: number;
  readonly layout?: string;
  /** Milliseconds by phase and thread of the last `train`. */
  readonly phases?: Readonly<Record<string, number>>;
}
