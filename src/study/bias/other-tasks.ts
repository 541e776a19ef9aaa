/** @file Which behaviours of a language model stand beside the bias study: built-in tasks, as far as its tokenizer can say them. */
import { DataError } from '../../core/errors.ts';
import { builtInTask, type Task, type TextTokenizer } from '../../data/tasks.ts';

/** Scored as other behaviours. */
const OTHERS = ['agreement-across-rc', 'agreement', 'indirect-object', 'capitals'] as const;

/** Tasks that gender decides: scored, but not counted among the others. */
export const GENDERED = ['pronoun'] as const;

/** The tasks with `pairs` held-out pairs each, and those that this tokenizer cannot say. */
export function otherTasks(
  tokenizer: TextTokenizer,
  pairs: number,
  seed: number,
): { readonly tasks: readonly Task[]; readonly left: readonly { task: string; why: string }[] } {
  const tasks: Task[] = [];
  const left: { task: string; why: string }[] = [];
  for (const name of [...OTHERS, ...GENDERED]) {
    try {
      tasks.push(builtInTask(name).make(tokenizer, { train: 1, heldOut: pairs, seed }));
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      left.push({ task: name, why: error.message });
    }
  }
  return { tasks, left };
}
