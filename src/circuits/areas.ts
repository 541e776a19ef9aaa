/** @file Areas under the faithfulness curve: one number for circuits of all sizes (MIB). */
import type { Random } from '../core/random.ts';
import { bootstrap, type Estimate } from '../core/statistics.ts';

/** Circuits of one size: the share of all nodes that they hold, and the metric of every example. */
export interface SizedRun {
  readonly share: number;
  readonly metric_B: ArrayLike<number>;
}

export interface Areas {
  /** Circuit performance ratio ∫ f dk over the share k of nodes kept: higher is better, and more than 1 is possible. */
  readonly cpr: Estimate;
  /** Circuit–model distance ∫ |1 − f| dk: 0 is best. */
  readonly cmd: Estimate;
}

/**
 * Sizes that are run for the areas alone: those of MIB's shares (of nodes, where MIB counts edges) that lie beyond the sizes
 * of a curve. Most of an area is there.
 */
export function sizesBeyond(sizes: readonly number[], all: number): number[] {
  const largest = Math.max(0, ...sizes);
  return [0.05, 0.1, 0.2, 0.5].map((share) => Math.round(share * all)).filter((size) => size > largest);
}

/**
 * CPR and CMD of Mueller et al. 2025 (MIB, arXiv:2504.13151, §3.2): areas by trapezoids under f and |1 − f|, f = faithfulness
 * of the circuit that keeps a share k of the nodes. The ends are known: f(0) = 0, f(1) = 1. Intervals: bootstrap over
 * examples, all runs of an example kept together.
 */
export function areas(
  runs: readonly SizedRun[],
  empty_B: ArrayLike<number>,
  full_B: ArrayLike<number>,
  random: Random,
): Areas {
  const inner = runs.filter(({ share }) => share > 0 && share < 1).sort((a, b) => a.share - b.share);
  const shares = [0, ...inner.map((r) => r.share), 1];
  const units = Array.from(full_B, (_, b) => b);
  const area = (sample: readonly number[], height: (f: number) => number): number => {
    const mean = (values: ArrayLike<number>) =>
      sample.reduce((sum, b) => sum + values[b]!, 0) / sample.length;
    const [empty, full] = [mean(empty_B), mean(full_B)];
    const f = [0, ...inner.map((r) => (mean(r.metric_B) - empty) / (full - empty)), 1];
    let sum = 0;
    for (let i = 1; i < f.length; i++)
      sum += ((height(f[i]!) + height(f[i - 1]!)) / 2) * (shares[i]! - shares[i - 1]!);
    return sum;
  };
  return {
    cpr: bootstrap(units, (sample) => area(sample, (f) => f), random.fork('cpr')),
    cmd: bootstrap(units, (sample) => area(sample, (f) => Math.abs(1 - f)), random.fork('cmd')),
  };
}
