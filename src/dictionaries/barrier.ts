/** @file A barrier and work queues for worker threads on shared memory. */
import { RuntimeError } from '../core/errors.ts';
import { CONTROL } from './layout.ts';

/** Polls of the generation word before a worker sleeps: tens of microseconds, as long as a wake-up would take. */
const SPINS = 4000;

export interface Crew {
  /** Waits until all workers have come here; the last one runs `last` before anybody goes on. */
  meet(last?: () => void): void;
  /** The next ticket of a queue that starts at 0. */
  ticket(queue: number): number;
  /** Wakes everybody and makes their `meet` throw. */
  fail(): void;
}

export function crew(control: Int32Array, threads: number): Crew {
  const check = () => {
    if (Atomics.load(control, CONTROL.failed) !== 0) {
      throw new RuntimeError('runtime.worker-lost', 'another training thread failed');
    }
  };
  return {
    meet(last) {
      check();
      const generation = Atomics.load(control, CONTROL.generation);
      if (Atomics.add(control, CONTROL.arrived, 1) === threads - 1) {
        last?.();
        Atomics.store(control, CONTROL.arrived, 0);
        Atomics.add(control, CONTROL.generation, 1);
        Atomics.notify(control, CONTROL.generation);
        return;
      }
      for (let i = 0; i < SPINS; i++) {
        if (Atomics.load(control, CONTROL.generation) !== generation) return check();
      }
      while (Atomics.load(control, CONTROL.generation) === generation) {
        Atomics.wait(control, CONTROL.generation, generation, 1000);
        check();
      }
    },
    ticket: (queue) => Atomics.add(control, queue, 1),
    fail() {
      Atomics.store(control, CONTROL.failed, 1);
      Atomics.add(control, CONTROL.generation, 1);
      Atomics.notify(control, CONTROL.generation);
    },
  };
}
