/** @file Numbers that training adapts as it goes: λ towards a wanted L0, the threshold of BatchTopK, the exponent of p-annealing. */
import type { PowerCourse } from './plan.ts';

/**
 * The next factor of λ: log λ grows by gain·log(L0/target), at most by gain a step in either direction. An integral
 * controller: at rest L0 is the target.
 */
export function controlled(factor: number, l0: number, target: number, gain: number): number {
  const error = Math.log(Math.max(l0, 1e-3) / target);
  return factor * Math.exp(gain * Math.max(-1, Math.min(1, error)));
}

/**
 * The next threshold of BatchTopK: an exponential average of the smallest active value (Bussmann et al. 2024, §3), from the
 * first one seen on. `least` above 1e38 means that nothing was active.
 */
export function learnedThreshold(threshold: number | undefined, least: number, kept: number): number {
  const seen = least > 1e38 ? 0 : least;
  return threshold === undefined ? seen : kept * threshold + (1 - kept) * seen;
}

/** What p-annealing remembers. */
export interface PowerState {
  /** Factor of λ. */
  readonly factor: number;
  /** Penalties of this p and of the next one, of the last steps. */
  readonly seen: readonly (readonly [number, number])[];
}

/** p of a step, and the p that follows it. `updates` values from `from` to `to` at equal distances. */
export function powersAt(course: PowerCourse, step: number, steps: number): { p: number; next: number } {
  const { from, to, updates } = course;
  const value = (i: number) => (updates === 1 ? from : from + ((to - from) * i) / (updates - 1));
  const done = updatesBefore(course, step, steps);
  return { p: done === 0 ? from : value(done - 1), next: value(Math.min(done, updates - 1)) };
}

/** Updates of p that lie before a step. */
function updatesBefore({ start, updates }: PowerCourse, step: number, steps: number): number {
  let done = 0;
  for (let i = 0; i < updates; i++) {
    const at = updates === 1 ? start : Math.floor(start + ((steps - start) * i) / (updates - 1));
    if (at < step) done++;
  }
  return done;
}

/**
 * The state after a step. When p changes, λ is multiplied by the ratio of the mean penalties at the old and the new p, so
 * that the penalty keeps its size (Karvonen et al. 2024, §4; dictionary_learning's p_anneal.py).
 */
export function annealed(
  state: PowerState,
  course: PowerCourse,
  step: number,
  { steps, now, next }: { steps: number; now: number; next: number },
): PowerState {
  const seen = [...state.seen, [now, next] as const].slice(-course.queue);
  const changes = updatesBefore(course, step + 1, steps) > updatesBefore(course, step, steps);
  if (!changes) return { ...state, seen };
  const mean = (side: 0 | 1) => seen.reduce((sum, pair) => sum + pair[side], 0) / seen.length;
  const ratio = mean(0) / mean(1);
  return { factor: Number.isFinite(ratio) && ratio > 0 ? state.factor * ratio : state.factor, seen: [] };
}
