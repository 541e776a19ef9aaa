/** @file What the commands of edits work on: a model, how it runs, tasks by name, windows of plain text. */
import { type RunOptions, TOKENS_PER_RUN } from '../../circuits/run-options.ts';
import type { WorkContext } from '../../core/progress.ts';
import { type LeftTask, type Task, tasksThatFit } from '../../data/tasks.ts';
import type { Model } from '../../models/types.ts';
import { openSession } from '../../runtime/session.ts';
import { taskNamed } from '../circuits/find.ts';
import { openWindows } from '../energy/setting.ts';
import { openResources } from '../resources.ts';

export interface EditRequest {
  /** As for `untangle run`. */
  readonly model: string;
  readonly seed: number;
  readonly threads: number;
}

export interface EditSetting {
  readonly model: Model;
  readonly run: RunOptions;
}

/** Opens the model. @throws as openModel() */
export async function openEditSetting(
  { model: name, threads }: EditRequest,
  context: WorkContext,
): Promise<EditSetting> {
  const model = await openResources({ study: { model: name } }).model(context);
  const { signal } = context;
  return {
    model,
    run: {
      open: (graph) => openSession(graph, { threads }),
      tokensPerRun: TOKENS_PER_RUN,
      threads,
      ...(signal ? { signal } : {}),
    },
  };
}

/** Tasks by name, with `examples` pairs for training and as many held out. @throws DataError `task.unknown` */
export const openTasks = (
  { tokenizer }: Model,
  names: readonly string[],
  { examples, seed }: { readonly examples: number; readonly seed: number },
): Promise<Task[]> =>
  Promise.all(names.map((name) => taskNamed(name, tokenizer, { train: examples, heldOut: examples, seed })));

/**
 * Tasks of which the first ones must be, and then those that were asked for; where none were, the usual ones as far as
 * this tokenizer can say them. @throws as openTasks()
 */
export async function openTasksBeside(
  model: Model,
  first: readonly string[],
  asked: readonly string[] | undefined,
  usual: readonly string[],
  request: { readonly examples: number; readonly seed: number },
): Promise<{ readonly tasks: readonly Task[]; readonly left: readonly LeftTask[] }> {
  const tasks = await openTasks(model, [...new Set([...first, ...(asked ?? [])])], request);
  if (asked) return { tasks, left: [] };
  const { examples, seed } = request;
  const names = usual.filter((name) => !first.includes(name));
  const more = tasksThatFit(model.tokenizer, names, { train: examples, heldOut: examples, seed });
  return { tasks: [...tasks, ...more.tasks], left: more.left };
}

/** Windows of `length` tokens of plain text. */
export async function plainWindows(
  model: Model,
  request: {
    readonly text: string;
    readonly windows: number;
    readonly length: number;
    readonly seed: number;
  },
  context: WorkContext,
): Promise<Int32Array[]> {
  if (request.windows === 0) return [];
  const windows = await openWindows(model, { ...request, length: request.length - 1 }, context);
  return windows.map(({ tokens }) => tokens.subarray(0, request.length));
}
