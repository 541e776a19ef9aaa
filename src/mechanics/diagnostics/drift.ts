/** @file How far a constant of the motion wanders along a run, and whether it does so steadily. */

/** How a quantity that should stay the same wanders along a run. */
export interface Drift {
  /** Largest |x(t) − x(0)|. */
  readonly largest: number;
  /** The same over |x(0)|; infinite where the motion starts at 0. */
  readonly relative: number;
  /** Slope of |x(t) − x(0)| against time, by least squares: steady drift per unit of time. */
  readonly trend: number;
  /** Standard error of that slope, as if samples were independent. */
  readonly trendError: number;
  /** Root mean square distance from the straight line: what merely oscillates. */
  readonly oscillation: number;
}

/** Drift of a series, e.g. `drift(run.times, run.energies)`. Of fewer than three samples the trend is 0. */
export function drift(times: ArrayLike<number>, values: ArrayLike<number>): Drift {
  const count = times.length;
  const first = values[0] ?? 0;
  const change = Array.from(values, (x) => Math.abs(x - first));
  const largest = change.reduce((most, x) => Math.max(most, x), 0);
  const meanTime = Array.from(times).reduce((sum, t) => sum + t, 0) / count;
  const meanChange = change.reduce((sum, x) => sum + x, 0) / count;
  let [above, below] = [0, 0];
  for (let k = 0; k < count; k++) {
    above += (times[k]! - meanTime) * (change[k]! - meanChange);
    below += (times[k]! - meanTime) ** 2;
  }
  const trend = count > 2 && below > 0 ? above / below : 0;
  let squares = 0;
  for (let k = 0; k < count; k++) squares += (change[k]! - meanChange - trend * (times[k]! - meanTime)) ** 2;
  return {
    largest,
    relative: largest / Math.abs(first),
    trend,
    trendError: count > 2 && below > 0 ? Math.sqrt(squares / (count - 2) / below) : 0,
    oscillation: Math.sqrt(squares / count),
  };
}
