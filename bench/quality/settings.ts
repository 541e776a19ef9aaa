/** @file What the comparison of quality holds equal, and what each side may choose for itself. */
import type { Settings } from '../sae/settings.ts';

/** Kinds of the comparison, by the names of the peers' process. */
export const kinds = ['topk', 'batchtopk', 'relu', 'jumprelu', 'gated'] as const;
export type Kind = (typeof kinds)[number];

export const peers = ['saelens', 'dictionary_learning'] as const;
export type Peer = (typeof peers)[number];

/** Equal for all: sizes, rows in the same order, batch; the last fifth of the steps lowers the rate to 0. */
export const equal = {
  width: 576,
  features: 1152,
  k: 32,
  batch: 2048,
  steps: 144,
  warmUp: 10,
  threads: 1,
} as const;
const decayStart = Math.round(0.8 * equal.steps);

/** L0 that the dense kinds are brought to by their coefficient; a peer's piece counts as matched within a fifth. */
export const wantedL0 = equal.k;

export const seeds = [0, 1, 2] as const;

/**
 * Rates that a peer is tried with at seed 0, on all of the data, and half as high again while the highest is the best: the best
 * one is taken for all seeds.
 */
export const rates = [3e-3, 6e-3, 8e-3] as const;

/** First coefficient of a dense kind, and whether the peer finds its L0 by itself. */
export const coefficients: Record<Peer, Partial<Record<Kind, number>>> = {
  saelens: { relu: 8, gated: 8, jumprelu: 1 },
  dictionary_learning: { relu: 8, gated: 8, jumprelu: 100 },
};

export interface Choice {
  readonly rate: number;
  /** Of the sparsity penalty; none for kinds that count. */
  readonly coefficient: number;
}

/** A peer's settings: its own defaults but for what must be equal and for lengths that suit so short a run. */
export const peerSettings = (
  kind: Kind,
  { rate, coefficient }: Choice,
  seed: number,
  stream: { train: string; heldOut: string },
): Settings => ({
  ...equal,
  ...stream,
  ...{ kind, rate, coefficient, seed, decayStart },
  // Steps over which the penalty rises: a tenth. The libraries' own 2,000 would be longer than the run.
  sparsityWarmUp: 20,
  // JumpReLU: rectangles as wide as in the papers relative to activations of this size.
  ...{ bandwidth: 0.1, targetL0: equal.k },
  // BatchTopK: thresholds are averaged over the second half of the run, not from step 1,000.
  ...{ thresholdStart: equal.steps / 2, thresholdBeta: 0.95, thresholdRate: 0.05 },
  sparse: false,
});
