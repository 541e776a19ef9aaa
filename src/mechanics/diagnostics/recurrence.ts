/** @file Poincaré sections, and how long a bounded motion takes to come back to where it began. */
import type { EventHit, EventSurface } from '../events.ts';
import { integrate, type RunOptions } from '../integrate.ts';
import type { Integrator, State, System, Trajectory } from '../types.ts';

/** Passages of a motion through a surface, e.g. x = 0 with p_x > 0 (`direction: 1`), found to the method's own accuracy. */
export function poincareSection(
  system: System,
  integrator: Integrator,
  start: State,
  surface: Omit<EventSurface, 'stop'>,
  options: Pick<RunOptions, 'step' | 'steps'>,
): readonly EventHit[] {
  return integrate(system, integrator, start, {
    ...options,
    every: Math.max(1, options.steps),
    events: [surface],
  }).hits;
}

/**
 * Times at which a recorded motion comes back within `radius` of its start, counted once per visit, after it has left
 * (Poincaré 1890: almost every bounded motion does, for ever).
 */
export function returnTimes(
  { times, q_KN, p_KN, dimension: n, momenta: m }: Trajectory,
  radius: number,
): number[] {
  const returns: number[] = [];
  let away = false;
  times.forEach((t, k) => {
    let squared = 0;
    for (let i = 0; i < n; i++) squared += (q_KN[k * n + i]! - q_KN[i]!) ** 2;
    for (let i = 0; i < m; i++) squared += (p_KN[k * m + i]! - p_KN[i]!) ** 2;
    const near = squared <= radius * radius;
    if (near && away) returns.push(t);
    away = !near;
  });
  return returns;
}
