/** @file Time as a thread sees it: on the wall, or on the processor only (for figures on a machine that others use too). */
import { openSync, readSync } from 'node:fs';

/** Milliseconds since some start. */
export type Clock = () => number;

export const wallClock: Clock = () => performance.now();

/**
 * Milliseconds that the calling thread has spent on a processor (Linux; the wall elsewhere). The kernel brings it up to
 * date at its ticks only, every few milliseconds, so sums over many laps are right and single laps are not.
 */
export function threadClock(): Clock {
  if (process.platform !== 'linux') return wallClock;
  const file = openSync('/proc/thread-self/schedstat', 'r');
  const buffer = Buffer.alloc(64);
  return () => Number.parseInt(buffer.toString('latin1', 0, readSync(file, buffer, 0, 64, 0)), 10) / 1e6;
}
