/** @file What edits of a bias study do to other tasks, as text: task by task beside random features, and which do more than those. */
import type { Estimate } from '../../core/statistics.ts';
import type { TaskCollateral } from '../../edits/collateral/types.ts';
import { type Column, methodColumn, type Row, type Shown, shareInPercent } from './columns.ts';

/** What an edit does to each of the other tasks: a table of its own. */
export interface TaskTable {
  readonly title: string;
  readonly columns: readonly Column[];
}

/** Change of the logit difference and of accuracy, task by task, each beside what random features do; none where nothing was scored. */
export function taskTables({ protected: attribute, rows }: Pick<Shown, 'protected' | 'rows'>): TaskTable[] {
  const tasks = rows.find((row) => row.otherTasks)?.otherTasks?.tasks ?? [];
  if (tasks.length === 0) return [];
  const signed = (share: number) => shareInPercent(share, 1).replace('-', '−');
  const cell = (change: Estimate, random: Estimate | undefined) =>
    `${signed(change.value)} (${signed(change.low)} to ${signed(change.high)})${random ? ` / ${signed(random.value)}` : ''}`;
  const table = (title: string, write: (task: TaskCollateral) => string): TaskTable => ({
    title,
    columns: [
      methodColumn,
      ...tasks.map(({ task, target }) => ({
        name: target ? `${task} (${attribute.name})` : task,
        cell: ({ otherTasks }: Row) => {
          const found = otherTasks?.tasks.find((one) => one.task === task);
          return found ? write(found) : '';
        },
      })),
    ],
  });
  return [
    table(
      'Change of the mean logit difference, per cent / by random features that move the prompts as far (mean of the draws)',
      (task) => cell(lost(task.effect.removed), task.random && lost(task.random.removed)),
    ),
    table(
      'Change of accuracy, points / by random features that move the prompts as far (mean of the draws)',
      (task) => cell(task.accuracy.change, task.random?.accuracyChange),
    ),
  ];
}

/** The share that goes as a change. */
const lost = ({ value, low, high, n }: Estimate): Estimate => ({
  value: minus(value),
  low: minus(high),
  high: minus(low),
  n,
});
/** What could not be said is null in a saved result, and stays so. */
const minus = (value: number): number => (Number.isFinite(value) ? 0 - value : value);

/** Edits by how far they move other tasks beside random features that are as large: intervals lie wholly above, wholly below, or overlap. */
export interface BesideRandom {
  readonly more: readonly string[];
  readonly less: readonly string[];
  readonly like: readonly string[];
}

/** Titles of the rows that move anything; undefined where nothing was scored. */
export function besideRandom(rows: readonly Row[]): BesideRandom | undefined {
  const scored = rows.flatMap(({ title, otherTasks }) =>
    otherTasks && otherTasks.moved.value > 0 ? [{ title, ...otherTasks }] : [],
  );
  if (scored.length === 0) return undefined;
  const titles = (kept: (one: (typeof scored)[number]) => boolean) =>
    scored.filter(kept).map(({ title }) => title);
  const over = (a: number, b: number) => Number.isFinite(a) && Number.isFinite(b) && a > b;
  const above = ({ moved, random }: (typeof scored)[number]) => over(moved.low, random.high);
  const below = ({ moved, random }: (typeof scored)[number]) => over(random.low, moved.high);
  return { more: titles(above), less: titles(below), like: titles((one) => !above(one) && !below(one)) };
}

/** The comparison in sentences. */
export const besideRandomWords = ({ more, less, like }: BesideRandom): string =>
  (
    [
      ['Other tasks are moved more than by random features as large', more],
      ['Less than by those', less],
      ['Not told from those', like],
    ] as const
  )
    .flatMap(([words, titles]) => (titles.length > 0 ? [`${words}: ${titles.join('; ')}.`] : []))
    .join(' ');
