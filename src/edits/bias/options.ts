/** @file What a bias study can be asked for beside its data. */
import type { SeedCounts } from './evaluate.ts';
import type { PathRule } from './paths.ts';
import type { BiasMethod } from './types.ts';

export interface BiasOptions extends SeedCounts {
  readonly resamples: number;
  readonly seed: number;
  /** Features of the first dictionary that a person chose. */
  readonly choice?: readonly number[];
  /** In place of `PATH_RULE`: for trials. */
  readonly paths?: Partial<PathRule>;
  /** Methods to measure; all when absent. */
  readonly methods?: readonly BiasMethod[];
}

export const BIAS_DEFAULTS: BiasOptions = { probes: 10, curve: 3, resamples: 1000, seed: 0 };
