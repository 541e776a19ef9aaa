/** @file The child's side of the engine process: takes orders, runs one step at a time, reports what happens. */
import { InterruptedError, reportError } from '../core/errors.ts';
import type { ProgressEvent } from '../core/progress.ts';
import { openCache } from './cache.ts';
import type { EngineOrder, EngineReply } from './engine.ts';
import { executeStep } from './execute.ts';
import type { StudyStep } from './plan.ts';

export type OpenOrder = Extract<EngineOrder, { type: 'open' }>;

/**
 * Serves the parent process until it lets go.
 * @param stepsOf the steps of a study; called once for each order to open one
 */
export function serveEngine(stepsOf: (order: OpenOrder) => Promise<readonly StudyStep[]>): void {
  let opened: { order: OpenOrder; steps: Promise<readonly StudyStep[]> } | undefined;
  let controller = new AbortController();

  const run = async (name: string): Promise<void> => {
    if (!opened) throw new Error('the engine was not opened');
    const { order } = opened;
    const steps = await opened.steps;
    const step = steps.find((one) => one.name === name);
    if (!step) throw new Error(`the study has no step ${name}`);
    await executeStep(steps, step, {
      cache: openCache(order.workspace),
      threads: order.threads,
      seed: order.study.seed,
      progress: throttled(step.name),
      signal: controller.signal,
    });
  };

  process.on('message', (order: EngineOrder) => {
    if (order.type === 'stop') return controller.abort();
    if (order.type === 'open') {
      opened = { order, steps: stepsOf(order) };
      opened.steps.catch(() => {});
      return;
    }
    controller = new AbortController();
    run(order.step).then(
      () => send({ type: 'done' }),
      (error: unknown) =>
        send({
          type: 'failed',
          error: reportError(error),
          interrupted: error instanceof InterruptedError,
          ...(error instanceof Error && error.stack ? { stack: error.stack } : {}),
        }),
    );
  });

  // Ctrl-C reaches the whole process group; the parent decides what it means. Without a parent there is no work.
  process.on('SIGINT', () => {});
  process.on('disconnect', () => process.exit(0));
}

const send = (reply: EngineReply): void => {
  if (process.connected) process.send?.(reply);
};

/**
 * Passes events on: a task's name begins with its step's name, and of fast loops only one event in 100 ms is told,
 * so that they do not flood the parent.
 */
function throttled(step: string): (event: ProgressEvent) => void {
  const last = new Map<string, number>();
  return (event) => {
    const task = event.task?.startsWith(step) ? event.task : event.task ? `${step}/${event.task}` : step;
    if (event.type === 'advance' && event.done !== event.total) {
      const now = performance.now();
      if (now - (last.get(task) ?? Number.NEGATIVE_INFINITY) < 100) return;
      last.set(task, now);
    }
    send({ type: 'progress', event: { ...event, task } });
  };
}
