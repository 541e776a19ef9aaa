/** @file One typed stream of progress events, passed in by the caller; terminal, server and tests read the same. */

export type ProgressEvent =
  /** A task begins. `task` is unique in a run, e.g. `harvest` or `train/blocks.11.hook_resid_post`. */
  | { type: 'start'; task: string; label: string; total?: number; unit?: string }
  /** `done` of `total` units are finished; `figures` are live numbers worth showing (loss, fve). */
  | {
      type: 'advance';
      task: string;
      done: number;
      total?: number;
      figures?: Readonly<Record<string, number>>;
    }
  /** A sentence for the user, e.g. which source a model came from. */
  | { type: 'note'; task?: string; text: string }
  /** A task ended; `cached` when its result was there already. */
  | { type: 'end'; task: string; seconds: number; cached?: boolean; summary?: string };

export type Progress = (event: ProgressEvent) => void;

/** Progress that goes nowhere. */
export const silent: Progress = () => {};

/** What long work needs from its caller. */
export interface WorkContext {
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

/** Runs `work` between a start and an end event, timing it. `work` reports with `advance(done, figures)`. */
export async function track<T>(
  progress: Progress,
  task: { task: string; label: string; total?: number; unit?: string },
  work: (advance: (done: number, figures?: Record<string, number>) => void) => Promise<T>,
): Promise<T> {
  progress({ type: 'start', ...task });
  const begun = performance.now();
  const result = await work((done, figures) =>
    progress({
      type: 'advance',
      task: task.task,
      done,
      ...(task.total === undefined ? {} : { total: task.total }),
      ...(figures ? { figures } : {}),
    }),
  );
  progress({ type: 'end', task: task.task, seconds: (performance.now() - begun) / 1000 });
  return result;
}
