/** @file How much memory the program's processes took at most: the kernel's own high-water marks where it has them. */
import { readFileSync } from 'node:fs';

/** Peak and present resident size of a process in bytes (Linux; elsewhere only this process's own). */
function sizes(pid: number): { peak: number; now: number } {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
    return { peak: field('VmHWM'), now: field('VmRSS') };
  } catch {
    if (pid !== process.pid) return { peak: 0, now: 0 };
    return { peak: process.resourceUsage().maxRSS * 1024, now: process.memoryUsage.rss() };
  }
}

/** This process's peak resident size in bytes. */
export const ownPeak = (): number => sizes(process.pid).peak;

/**
 * Watches a child; `onPeak` is told this process's peak plus the child's peak, twice a second. That sum is never
 * below the true peak of both together, because the two need not have peaked at the same time.
 */
export function watchMemory(pid: number, onPeak: (bytes: number) => void = () => {}) {
  const look = () => {
    const child = sizes(pid).peak;
    if (child > 0) onPeak(child + ownPeak());
  };
  const timer = setInterval(look, 500);
  timer.unref();
  return {
    resident: () => sizes(pid).now,
    stop() {
      look();
      clearInterval(timer);
    },
  };
}
