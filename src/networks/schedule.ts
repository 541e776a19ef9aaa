/** @file The learning rate over a training: linear warm-up, then half a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5). */

export interface WarmUpCosine {
  /** Highest rate. */
  readonly rate: number;
  /** Steps of linear warm-up. */
  readonly warmUp: number;
  /** Steps in all. */
  readonly steps: number;
  /** Share of the highest rate that is left at the end; 0.1 by default. */
  readonly floor?: number;
}

/** Rate of step 0, 1, 2 …: never 0, `rate` after the warm-up, `floor · rate` at the end. */
export function warmUpCosine({ rate, warmUp, steps, floor = 0.1 }: WarmUpCosine): (step: number) => number {
  return (step) => {
    if (step < warmUp) return (rate * (step + 1)) / warmUp;
    const done = Math.min(1, (step - warmUp) / Math.max(1, steps - warmUp));
    return rate * (floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * done)));
  };
}
