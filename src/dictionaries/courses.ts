/** @file How a number of training goes over the steps: warm-up, plateau, decay. Learning rate, sparsity weight and k all follow one. */

/** A number over the steps of a training. */
export interface Course {
  /** On the plateau. */
  readonly value: number;
  /** Steps of the linear way to the plateau. */
  readonly warmUp: number;
  /** Share of `value` that the warm-up begins from; 0 unless given, above 1 for a number that falls (k annealing). */
  readonly from?: number;
  /** Share of all steps, at the end, over which the number leaves the plateau. */
  readonly decay: number;
  /** Half a cosine: Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5. */
  readonly shape: 'linear' | 'cosine';
  /** Share of `value` that is left at the end. */
  readonly floor: number;
}

/** The same number at every step. */
export const constant = (value: number): Course => ({
  value,
  warmUp: 0,
  decay: 0,
  shape: 'linear',
  floor: 0,
});

/**
 * The number at step `step` (0-based) of `steps`. The first of n steps of warm-up is a share 1/n on its way and the last
 * step of a decay is one share short of its end, so that a rate which rises from 0 or falls to 0 is never 0 in between.
 */
export function courseAt(course: Course, step: number, steps: number): number {
  const { value, warmUp, from = 0, decay, shape, floor } = course;
  const risen = warmUp > 0 ? Math.min(1, (step + 1) / warmUp) : 1;
  const length = Math.floor(decay * steps);
  const gone = length > 0 ? Math.max(0, (step - (steps - length) + 1) / (length + 1)) : 0;
  const left = shape === 'linear' ? 1 - gone : 0.5 * (1 + Math.cos(Math.PI * gone));
  const rising = from + (1 - from) * risen;
  const falling = floor + (1 - floor) * left;
  // A warm-up from above has nothing to do with the decay: both count.
  return value * (from > 1 ? rising * falling : Math.min(rising, falling));
}
