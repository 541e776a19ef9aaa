/** @file Least action in a metric that was measured along a line: found once, from its solution in the mean of what was measured. */
import { MechanicsError } from '../../core/errors.ts';
import { leastActionPath, type PathOptions } from './least-action.ts';
import type { MetricAlong } from './metric-along.ts';
import type { StrengthMetric, StrengthPath, StrengthProblem } from './types.ts';

/** A path, and the metric that it is one of least action in. */
export interface LeastAlong {
  readonly path: StrengthPath;
  readonly metric: StrengthMetric;
  /** Whether that is the interpolated metric; else it is the mean one. */
  readonly interpolated: boolean;
}

/**
 * The path of least action in the interpolated metric where there is one, in the mean metric else. A metric that turns while
 * strengths move makes the action far from convex: Newton's method may find no way, and finds some only from the way in the mean metric.
 * @param inMetric the problem with a metric put in
 * @throws as leastActionPath(), for the mean metric
 */
export function leastActionAlong(
  inMetric: (metric: StrengthMetric) => StrengthProblem,
  { metric, mean }: Pick<MetricAlong, 'metric' | 'mean'>,
  options: Omit<PathOptions, 'guess'>,
): LeastAlong {
  const inMean = leastActionPath(inMetric(mean.metric), options);
  try {
    const path = leastActionPath(inMetric(metric), { ...options, guess: towards(inMean, 1) });
    return { path, metric, interpolated: true };
  } catch (error) {
    if (!(error instanceof MechanicsError) || error.code !== 'mechanics.not-converged') throw error;
    return { path: inMean, metric: mean.metric, interpolated: false };
  }
}

/** The points of a path, `share` of the way from α = 1 to each: where to look for the path to a nearer end. */
export function towards({ trajectory }: StrengthPath, share: number): Float64Array[] {
  const n = trajectory.dimension;
  return Array.from(trajectory.times, (_, k) =>
    trajectory.q_KN.slice(k * n, (k + 1) * n).map((alpha) => 1 + share * (alpha - 1)),
  );
}
