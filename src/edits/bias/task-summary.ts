/** @file Figures of other tasks under an edit: each task's, and how far the edit moves them on average beside random ones. */
import type { Random } from '../../core/random.ts';
import { bootstrapCrossed } from '../../core/resampling.ts';
import { type Estimate, mean } from '../../core/statistics.ts';
import { type Behaviour, effectOf, type TaskPrompts } from '../collateral/behaviours.ts';
import { taskFigures } from '../collateral/measure.ts';
import type { OtherTasks } from './problem.ts';

/** A task's behaviours before an edit, under it, and under random ones. */
export interface MeasuredTask extends Pick<TaskPrompts, 'task' | 'pairs'> {
  readonly before: Behaviour;
  readonly after: Behaviour;
  readonly random: readonly Behaviour[];
}

/** Figures of every task, and over those that the edit is not about the mean |share of m(clean) − m(patch) that goes|. */
export function summaryOfTasks(
  measured: readonly MeasuredTask[],
  targets: ReadonlySet<string>,
  stream: Random,
): OtherTasks | undefined {
  const others = measured.filter(({ task }) => !targets.has(task.name));
  if (others.length === 0) return undefined;
  const [moved, noise] = movedShares(others, stream.fork('moved'));
  return {
    tasks: measured.map(({ task, pairs, before, after, random }) => ({
      task: task.name,
      title: task.title,
      target: targets.has(task.name),
      examples: pairs.examples,
      ...taskFigures({ before, after }, random, stream.fork(task.name)),
    })),
    moved,
    random: noise,
  };
}

/** [of the edit, of the random ones (mean over draws)]; pairs are drawn again within each task. */
function movedShares(others: readonly MeasuredTask[], stream: Random): [Estimate, Estimate] {
  const effects = others.map(({ before, after, random }) => ({
    before: effectOf(before),
    after: effectOf(after),
    random: random.map(effectOf),
  }));
  const strata_U = Uint8Array.from(effects.flatMap(({ before }, task) => before.map(() => task)));
  const plan = { units: strata_U.length, strata_U, runs: 1, resamples: 1000, random: stream };
  const [moved, noise] = bootstrapCrossed(plan, (weights_U) => {
    let at = 0;
    const shares = effects.map(({ before, after, random }) => {
      const weights = weights_U.subarray(at, at + before.length);
      at += before.length;
      const sum = (values: readonly number[]) => values.reduce((all, v, i) => all + weights[i]! * v, 0);
      const gone = (values: readonly number[]) => Math.abs(1 - sum(values) / sum(before));
      return [gone(after), mean(random.map(gone))] as const;
    });
    return [mean(shares.map(([own]) => own)), mean(shares.map(([, chance]) => chance))];
  }) as [Estimate, Estimate];
  return [moved, noise];
}
