/** @file What the benchmark of the graph engine compares, and the messages that its processes speak. */
import type { ModelShape } from '../../src/models/types.ts';

/** SmolLM2-135M's shape (its config.json). */
const shape: ModelShape = {
  family: 'llama',
  layers: 30,
  width: 576,
  heads: 9,
  kvHeads: 3,
  headWidth: 64,
  mlpWidth: 1536,
  vocabulary: 49_152,
  context: 8192,
  ropeBase: 100_000,
  normEpsilon: 1e-5,
  tied: true,
};

export type Mode = 'forward' | 'backward';

export interface Settings {
  readonly shape: ModelShape;
  /** Texts, and tokens of each. */
  readonly batch: number;
  readonly length: number;
  readonly threads: number;
  readonly seed: number;
  /** Ours: texts per run of a backward pass, which bounds memory; the peers run all at once. */
  readonly textsPerRun: number;
  /** Ours: whether waiting threads spin; tried both ways before the rounds. */
  readonly spin: boolean;
}

export const smollm2: Settings = {
  shape,
  batch: 8,
  length: 128,
  threads: 2,
  seed: 0,
  textsPerRun: 2,
  spin: false,
};

export type Command =
  | { setup: Settings }
  /** Passes with all residual sites read, no logits. */
  | { forward: number }
  /** Passes with the metric's gradients at all residual sites. */
  | { backward: number }
  /** Ours: the bare matrix products of so many forward passes. */
  | { product: number };

export interface Answer {
  readonly seconds?: number;
  /** Processor time over all threads. */
  readonly cpuSeconds?: number;
  /** Residual sites that came back. */
  readonly sites?: number;
  /** Most resident memory of the process so far. */
  readonly peakBytes?: number;
  /** Ours: seconds for making the backward graph and for opening a session on it, and its nodes. */
  readonly buildSeconds?: number;
  readonly openSeconds?: number;
  readonly nodes?: number;
}
