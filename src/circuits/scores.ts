/** @file Faithfulness and completeness as numbers with intervals, from the metric of each held-out example. */
import type { Random } from '../core/random.ts';
import { bootstrap, type Estimate } from '../core/statistics.ts';

/**
 * (m(C) − m(∅)) / (m(M) − m(∅)) with m a mean over examples (Marks et al. 2024, §3): 1 when the circuit alone does what
 * the model does, 0 when it does what nothing does. Interval: bootstrap over examples, the three runs kept paired.
 * Completeness is the same number with M∖C in the place of C: 0 is best.
 */
export function faithfulness(
  circuit_B: ArrayLike<number>,
  empty_B: ArrayLike<number>,
  full_B: ArrayLike<number>,
  random: Random,
  resamples = 1000,
): Estimate {
  const units = Array.from(full_B, (full, b) => ({ circuit: circuit_B[b]!, empty: empty_B[b]!, full }));
  return bootstrap(
    units,
    (sample) => {
      let above = 0;
      let whole = 0;
      for (const { circuit, empty, full } of sample) {
        above += circuit - empty;
        whole += full - empty;
      }
      return above / whole;
    },
    random,
    resamples,
  );
}

/** Example by example mean of several runs (the draws of a random circuit). */
export function meanOfRuns(runs: readonly ArrayLike<number>[]): Float64Array {
  const count = runs[0]?.length ?? 0;
  return Float64Array.from(
    { length: count },
    (_, b) => runs.reduce((sum, run) => sum + run[b]!, 0) / runs.length,
  );
}

/** Mean with its bootstrap interval. */
export const meanEstimate = (values: ArrayLike<number>, random: Random): Estimate =>
  bootstrap(Array.from(values), (sample) => sample.reduce((sum, v) => sum + v, 0) / sample.length, random);
