/** @file What the benchmark of TopK training compares, and the messages that its processes speak. */

/** Equal for all trainers: sizes, optimiser, stream. */
export interface Settings {
  readonly width: number;
  readonly features: number;
  readonly k: number;
  readonly batch: number;
  readonly threads: number;
  /** Adam (0.9, 0.999) at this rate after a linear warm-up, gradients clipped to norm 1, no decay. */
  readonly rate: number;
  readonly warmUp: number;
  /** Steps that the run may take at most. */
  readonly steps: number;
  readonly seed: number;
  /** Ours only: find candidates by a product of bytes. */
  readonly screened?: boolean;
  /** Raw float32 rows, centred and divided by their RMS; batches take them in order, pass after pass. */
  readonly train: string;
  readonly heldOut: string;
}

export type Command =
  | { setup: Settings }
  /** Steps to run; answers { seconds }. */
  | { train: number }
  /** Answers { fve } on the held-out rows. */
  | { evaluate: true }
  /** Ours only: times the bare encoder product for so many batches; answers { seconds, layout }. */
  | { product: number };

export interface Answer {
  readonly seconds?: number;
  readonly fve?: number;
  readonly torch?: string;
  readonly layout?: string;
  /** Milliseconds by phase and thread of the last `train`. */
  readonly phases?: Readonly<Record<string, number>>;
}

export const sizes = { width: 512, features: 8192, k: 32, batch: 4096, threads: 2 } as const;
