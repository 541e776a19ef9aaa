/** @file One method on one dictionary: its edit made, timed and measured. */
import { giveWay } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { type Evaluator, evaluator } from './evaluate.ts';
import { oncePerEdit } from './keyer.ts';
import type { BiasOptions } from './options.ts';
import { findPaths, PATH_RULE } from './paths.ts';
import type { BiasProblem, Collateral, OtherTasks, PooledEdit } from './problem.ts';
import type { CurvePointRuns, Measured } from './row-report.ts';
import type { BiasMethodRow, LeftOut, MadeRow, Paths, RowContext } from './rows/types.ts';
import { rightCounts } from './runs.ts';
import { featureParts, type Selection, selectByRule } from './selection.ts';

/** One dictionary's problem with what its rows share. */
export interface Prepared {
  readonly problem: BiasProblem;
  readonly evaluate: Evaluator;
  /** Seconds of the rule's choice, which many rows share: it is part of the time of each that uses it. */
  selecting(): number;
  readonly context: Omit<RowContext, 'random'>;
  collateral(edit: PooledEdit): Promise<Collateral>;
  otherTasks(edit: PooledEdit): Promise<OtherTasks | undefined>;
}

/** What the methods of one dictionary share; `d` is its number. */
export function prepare(
  problem: BiasProblem,
  d: number,
  options: BiasOptions,
  random: Random,
  signal: AbortSignal | undefined,
): Prepared {
  let selection: Selection | undefined;
  let paths: Promise<Paths> | undefined;
  let selecting = 0;
  const select = (): Selection => {
    if (selection) return selection;
    const begun = performance.now();
    selection = selectByRule(problem, featureParts(problem));
    selecting = (performance.now() - begun) / 1000;
    return selection;
  };
  return {
    problem,
    evaluate: evaluator(problem, options, random, signal),
    selecting: () => selecting,
    context: {
      problem,
      ...(d === 0 && options.choice ? { choice: options.choice } : {}),
      shared: {
        selection: select,
        paths() {
          paths ??= findPaths(problem, select(), { ...PATH_RULE, ...options.paths }, signal);
          return paths;
        },
      },
      ...(signal ? { signal } : {}),
    },
    collateral: oncePerEdit((edit) => problem.collateral(edit)),
    otherTasks: oncePerEdit(async (edit) => problem.otherTasks?.(edit)),
  };
}

/** Makes a method's edit and measures it: at its full strength, on the first dictionary by degrees as well. */
export async function measureRow(
  row: BiasMethodRow,
  prepared: Prepared,
  d: number,
  random: Random,
  signal: AbortSignal | undefined,
): Promise<Measured | LeftOut> {
  const { evaluate, collateral, otherTasks } = prepared;
  const timed = await makeRow(row, prepared, random.fork(`row/${row.method}/${d}`));
  if ('left' in timed) return timed;
  const { made, seconds } = timed;
  const full = made.steps.at(-1)!;
  const runs = await evaluate.classify(made, full.edit);
  const leakage = await evaluate.leakage(made, full.edit, true);
  const paid = made.rows ? undefined : await collateral(full.edit);
  // Curves and other tasks are those of the first dictionary.
  const others = made.rows || d > 0 ? undefined : await otherTasks(full.edit);
  const deltaX = evaluate.move(made, full.edit);
  const field = countsOf(prepared, runs.right_RN);
  const end: CurvePointRuns = {
    strength: full.strength,
    field,
    leakage: leakage.linear,
    ...(paid ? { collateral: paid } : {}),
    deltaX,
  };
  return {
    made,
    seconds,
    ...runs,
    field,
    leakage,
    ...(paid ? { collateral: paid } : {}),
    ...(others ? { otherTasks: others } : {}),
    deltaX,
    curve: d === 0 ? [...(await curveBefore(made, prepared, signal)), end] : [],
  };
}

const countsOf = ({ problem, evaluate }: Prepared, right_RN: readonly Uint8Array[]) =>
  right_RN.map((right) => rightCounts(problem.balanced, evaluate.units, right));

/** The points of a method's curve before the full edit; every curve begins at the network as it is. */
async function curveBefore(
  made: MadeRow,
  prepared: Prepared,
  signal: AbortSignal | undefined,
): Promise<CurvePointRuns[]> {
  if (made.rows) return [];
  const { evaluate, collateral } = prepared;
  const plain: MadeRow = { steps: [{ strength: 0, edit: { kind: 'none' } }], classifier: 'given' };
  const points: CurvePointRuns[] = [];
  for (const { strength, edit } of [...plain.steps, ...made.steps.slice(0, -1)]) {
    await giveWay(signal);
    const of = edit.kind === 'none' ? plain : made;
    points.push({
      strength,
      field: countsOf(prepared, (await evaluate.classify(of, edit)).right_RN),
      leakage: (await evaluate.leakage(of, edit, false)).linear,
      collateral: await collateral(edit),
      deltaX: evaluate.move(of, edit),
    });
  }
  return points;
}

/** Makes an edit and times it; the rule's choice counts for every row that asks for it, whichever asks first. */
async function makeRow(
  row: BiasMethodRow,
  { context, selecting }: Prepared,
  random: Random,
): Promise<{ readonly made: MadeRow; readonly seconds: number } | LeftOut> {
  let asked = false;
  const { shared } = context;
  const watched: RowContext['shared'] = {
    selection() {
      asked = true;
      return shared.selection();
    },
    paths() {
      asked = true;
      return shared.paths();
    },
  };
  const before = selecting();
  const begun = performance.now();
  const made = await row.make({ ...context, random, shared: watched });
  if ('left' in made) return made;
  // What was spent on the choice just now is counted with it, not twice.
  const own = made.seconds ?? (performance.now() - begun) / 1000 - (selecting() - before);
  return { made, seconds: own + (asked ? selecting() : 0) };
}
