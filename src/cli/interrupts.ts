/** @file Ctrl-C: the first asks to stop cleanly, the second ends at once. */
import { exitCodes } from './errors.ts';

/** npm passes the terminal's signal on to its child, so that one key press arrives twice within this time (ms). */
const onePress = 600;

export interface Interrupts {
  readonly signal: AbortSignal;
  /** Stops listening. */
  close(): void;
}

/**
 * A signal that fires at the first SIGINT, SIGTERM or SIGHUP; `onFirst` is called then. A second one, no echo of
 * the first, ends the process with code 130.
 */
export function watchInterrupts(onFirst: () => void): Interrupts {
  const controller = new AbortController();
  let first = 0;
  const onSignal = () => {
    if (controller.signal.aborted) {
      if (process.ppid !== parent) return;
      if (performance.now() - first > onePress) process.exit(exitCodes.interrupted);
      return;
    }
    first = performance.now();
    onFirst();
    controller.abort();
  };
  // A signal to npm alone ends npm and its shell, and leaves us behind without a parent: that is a signal, too.
  const parent = process.ppid;
  const orphan = setInterval(() => {
    if (process.ppid !== parent) onSignal();
  }, 300);
  orphan.unref();
  if (process.env.npm_lifecycle_event === undefined) clearInterval(orphan);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, onSignal);
  return {
    signal: controller.signal,
    close() {
      clearInterval(orphan);
      for (const name of signals) process.off(name, onSignal);
    },
  };
}
