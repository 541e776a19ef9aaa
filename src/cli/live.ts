/** @file Progress of one piece of work outside a study: a live line on a terminal, a few plain lines elsewhere. */
import type { Progress } from '../core/progress.ts';
import type { Io } from './io.ts';
import { bar, duration } from './progress.ts';

export interface TaskView {
  readonly progress: Progress;
  /** Removes the live line. */
  close(): void;
}

/** Milliseconds between two lines about one task: redrawn on a terminal, written elsewhere. */
const gaps = { live: 100, plain: 15_000 };

/** Shows tasks of short work on standard error; nothing when `quiet`. */
export function taskView(io: Io, quiet: boolean, now: () => number = () => performance.now()): TaskView {
  const clear = io.live ? '\r\u001B[2K' : '';
  const tasks = new Map<
    string,
    { label: string; unit: string; begun: number; from?: number; shown: number }
  >();
  const progress: Progress = (event) => {
    if (quiet) return;
    if (event.type === 'note') io.err(`${clear}${event.text}\n`);
    else if (event.type === 'start') {
      const known = tasks.get(event.task);
      tasks.set(event.task, {
        label: event.label,
        unit: event.unit ?? '',
        begun: now(),
        shown: known?.shown ?? now(),
      });
      if (!io.live && !known) io.err(`${event.label}\n`);
    } else if (event.type === 'advance') {
      const task = tasks.get(event.task);
      if (!task) return;
      // What was there before this call is no work of now: the rate counts from the first report.
      task.from ??= event.done;
      if (now() - task.shown < (io.live ? gaps.live : gaps.plain)) return;
      task.shown = now();
      const line = lineOf(
        task.label,
        event.done,
        event.total,
        task.unit,
        (event.done - task.from) / (now() - task.begun),
      );
      io.err(io.live ? `${clear}${line.slice(0, io.columns - 1)}` : `${line}\n`);
    } else {
      tasks.delete(event.task);
      io.err(clear);
    }
  };
  return { progress, close: () => io.err(quiet ? '' : clear) };
}

function lineOf(label: string, done: number, total: number | undefined, unit: string, perMs: number): string {
  const amount = (count: number) => (unit === 'bytes' ? bytes(count) : `${count} ${unit}`.trim());
  const rate = perMs > 0 ? [`${amount(Math.round(1000 * perMs))}/s`] : [];
  if (total === undefined) return [label, amount(done), ...rate].join('  ');
  const left = perMs > 0 ? [`${duration((total - done) / perMs / 1000)} left`] : [];
  return [label, bar(done / total, 20), `${amount(done)} of ${amount(total)}`, ...rate, ...left].join('  ');
}

/** `271 MB`, `1.35 GB`: decimal units, three digits. */
export function bytes(count: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = count < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(count) / 3));
  return power === 0 ? `${count} bytes` : `${Number((count / 1000 ** power).toPrecision(3))} ${units[power]}`;
}
