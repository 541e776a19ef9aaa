/** @file The tasks of a study: built in, or from a file of the user's. */

import { readTask } from '../data/task-file.ts';
import { builtInTask, type GenderTask, type Task } from '../data/tasks.ts';
import type { Tokenizer } from '../models/types.ts';
import type { TaskConfig } from './schema.ts';

/** The task of a study, under the study's name for it. @throws DataError `task.unknown`, and as the task's maker */
export async function openTask(
  config: TaskConfig,
  tokenizer: Tokenizer,
  seed: number,
): Promise<Task | GenderTask> {
  if (config.file !== undefined) {
    return { ...(await readTask(config.file, tokenizer, seed)), name: config.name };
  }
  const options = { train: config.train, heldOut: config.heldOut, seed };
  return builtInTask(config.name).make(tokenizer, options);
}
