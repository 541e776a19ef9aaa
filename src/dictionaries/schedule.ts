/** @file Learning-rate schedules: linear warm-up, constant, linear decay to zero at the end. */

export interface Schedule {
  readonly rate: number;
  /** Steps of linear warm-up from 0. */
  readonly warmUp: number;
  /** Share of all steps, at the end, over which the rate falls linearly to 0. */
  readonly decay: number;
}

/** Rate of step `step` (0-based) of `steps`. The first step of a warm-up of n has rate/n; the last step's rate is > 0. */
export function rateAt({ rate, warmUp, decay }: Schedule, step: number, steps: number): number {
  const rising = warmUp > 0 ? Math.min(1, (step + 1) / warmUp) : 1;
  const length = Math.floor(decay * steps);
  const falling = length > 0 ? Math.min(1, (steps - step) / (length + 1)) : 1;
  return rate * Math.min(rising, falling);
}
