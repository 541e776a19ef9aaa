/** @file The built-in tasks by name: agreement, indirect objects, greater-than, pronouns, docstrings, capitals. */
import { DataError, nearestNames } from '../core/errors.ts';
import type { Task, TextTokenizer } from './examples.ts';
import { agreementTask } from './tasks/agreement.ts';
import { capitalsTask } from './tasks/capitals.ts';
import { docstringTask } from './tasks/docstring.ts';
import { genderTask } from './tasks/gender.ts';
import { greaterThanTask } from './tasks/greater-than.ts';
import type { TaskOptions } from './tasks/make.ts';
import { acrossClauseTask, simpleAgreementTask, withinClauseTask } from './tasks/more-agreement.ts';
import { indirectObjectTask, pronounTask } from './tasks/names.ts';

export type { Example, Task, TextTokenizer } from './examples.ts';
export { agreementTask } from './tasks/agreement.ts';
export { type GenderOccupation, type GenderTask, genderTask } from './tasks/gender.ts';
export type { TaskOptions } from './tasks/make.ts';

/** A task that needs no file. */
export interface BuiltInTask {
  readonly name: string;
  /** One pair of it, in words. */
  readonly example: string;
  readonly make: (tokenizer: TextTokenizer, options: TaskOptions) => Task;
}

/** All built-in tasks. */
export const builtInTasks: readonly BuiltInTask[] = [
  { name: 'agreement-simple', example: 'The keys → are, not is', make: simpleAgreementTask },
  {
    name: 'agreement-within-rc',
    example: 'The athlete that the managers → like, not likes',
    make: withinClauseTask,
  },
  {
    name: 'agreement-across-rc',
    example: 'The athletes that the manager likes → are, not is',
    make: acrossClauseTask,
  },
  { name: 'agreement', example: 'The keys near the cabinet → are, not is', make: agreementTask },
  {
    name: 'indirect-object',
    example: 'When Mary and John went to the store, John gave a drink to → Mary, not John',
    make: indirectObjectTask,
  },
  {
    name: 'greater-than',
    example: 'The war lasted from the year 1762 to the year 17 → 8, not 4',
    make: greaterThanTask,
  },
  { name: 'pronoun', example: "So Mary is such a good friend, isn't → she, not he", make: pronounTask },
  { name: 'gender', example: 'The nurse was tired because → she, not he', make: genderTask },
  {
    name: 'docstring',
    example: 'def port(self, load, size, file, last): … :param → file, not another argument',
    make: docstringTask,
  },
  { name: 'capitals', example: 'The capital of France is the city of → Paris, not Rome', make: capitalsTask },
];

/** The built-in task of that name. @throws DataError `task.unknown` naming those that come near */
export function builtInTask(name: string): BuiltInTask {
  const found = builtInTasks.find((task) => task.name === name);
  if (found) return found;
  const names = builtInTasks.map((task) => task.name);
  throw new DataError('task.unknown', `there is no built-in task "${name}"`, {
    where: name,
    hint: `choose ${nearestNames(name, names).join(', ') || names.join(', ')}, or give a task file (docs/data.md)`,
  });
}

/** A task that could not be made, and why. */
export interface LeftTask {
  readonly task: string;
  readonly why: string;
}

/** The built-in tasks of these names as far as this tokenizer can say them, and those that it cannot. */
export function tasksThatFit(
  tokenizer: TextTokenizer,
  names: readonly string[],
  options: TaskOptions,
): { readonly tasks: readonly Task[]; readonly left: readonly LeftTask[] } {
  const tasks: Task[] = [];
  const left: LeftTask[] = [];
  for (const name of names) {
    const task = builtInTask(name);
    try {
      tasks.push(task.make(tokenizer, options));
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      left.push({ task: name, why: error.message });
    }
  }
  return { tasks, left };
}
