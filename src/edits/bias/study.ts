/** @file The study: every method on every dictionary, measured on balanced rows, with intervals, curves and verdicts. */
import { giveWay } from '../../core/errors.ts';
import { track, type WorkContext } from '../../core/progress.ts';
import { type Random, random as stream } from '../../core/random.ts';
import { END_POINT } from './end-point.ts';
import { type Evaluator, evaluator, keyer, type SeedCounts } from './evaluate.ts';
import { findPaths, PATH_RULE, type PathRule } from './paths.ts';
import { requireRows } from './require.ts';
import {
  type CurvePointRuns,
  curveRuns,
  type Measured,
  nullFigures,
  rowOf,
  studyUnits,
} from './row-report.ts';
import { biasMethods } from './rows/registry.ts';
import type { BiasMethodRow, LeftOut, MadeRow, Paths, RowContext } from './rows/types.ts';
import { rightCounts } from './runs.ts';
import { featureParts, type Selection, selectByRule } from './selection.ts';
import type {
  BiasMethod,
  BiasProblem,
  BiasResult,
  BiasRow,
  Collateral,
  OtherTasks,
  PooledEdit,
} from './types.ts';
import { besideOracle, compareCurves } from './verdicts.ts';

export interface BiasOptions extends SeedCounts {
  readonly resamples: number;
  readonly seed: number;
  /** Features of the first dictionary that a person chose. */
  readonly choice?: readonly number[];
  /** In place of `PATH_RULE`: for trials. */
  readonly paths?: Partial<PathRule>;
  /** Methods to measure; all when absent. */
  readonly methods?: readonly BiasMethod[];
}

export const BIAS_DEFAULTS: BiasOptions = { probes: 10, curve: 3, resamples: 1000, seed: 0 };

/** What the study itself finds; whoever has the model adds names, counts and commands. */
export type BiasStudy = Pick<
  BiasResult,
  'rows' | 'left' | 'verdicts' | 'paths' | 'candidates' | 'nulls' | 'seeds'
>;

/** One dictionary's problem with what its rows share. */
interface Prepared {
  readonly problem: BiasProblem;
  readonly evaluate: Evaluator;
  /** Seconds of the rule's choice, which many rows share: it is part of the time of each that uses it. */
  selecting(): number;
  readonly context: Omit<RowContext, 'random'>;
  collateral(edit: PooledEdit): Promise<Collateral>;
  otherTasks(edit: PooledEdit): Promise<OtherTasks | undefined>;
}

/**
 * Runs every method. Problems are the same rows seen by several dictionaries; curves, paths and verdicts are those of
 * the first, the table's figures are over all. Balanced test rows are only measured on.
 * @throws EditError `edit.one-value`, `edit.no-carrier`, `edit.few-rows`, `edit.shape`; InterruptedError
 */
export async function biasStudy(
  problems: readonly BiasProblem[],
  given: Partial<BiasOptions>,
  { progress, signal }: WorkContext,
): Promise<BiasStudy> {
  const options = { ...BIAS_DEFAULTS, ...given };
  const random = stream(options.seed).fork('bias');
  for (const problem of problems) requireRows(problem);
  const prepared = problems.map((problem, d) => prepare(problem, d, options, random, signal));
  const first = prepared[0]!;
  const wanted = biasMethods.filter((row) => options.methods?.includes(row.method) ?? true);
  const label = {
    task: 'bias',
    label: 'Edit and measure',
    total: wanted.length + 1,
    unit: 'methods',
  };
  return track(progress, label, async (advance) => {
    const rows: BiasRow[] = [];
    const left: { method: BiasMethod; why: string }[] = [];
    const measured = new Map<BiasMethod, Measured[]>();
    for (const [done, row] of wanted.entries()) {
      advance(done);
      const all: Measured[] = [];
      for (const [d, one] of prepared.entries()) {
        // A person's choice and what uses no dictionary exist once.
        if (d > 0 && (!row.dictionary || row.method === 'shift-choice')) break;
        const made = await measure(row, one, d, random, signal);
        if ('left' in made) left.push({ method: row.method, why: made.left });
        else all.push(made);
        if ('left' in made) break;
      }
      if (all.length === 0) continue;
      measured.set(row.method, all);
      rows.push(rowOf(row, all, first, options, random));
    }
    advance(wanted.length);
    const nulls = await nullFigures(first, options, random, signal);
    return {
      rows,
      left,
      verdicts: verdictsOf(measured, first, options, random),
      paths: rows.flatMap(({ method }) => measured.get(method)?.[0]?.made.path ?? []),
      candidates: first.context.shared
        .selection()
        .candidates.slice(0, CANDIDATES)
        .map((candidate) => ({ ...candidate, ...labelOf(first.problem, candidate.feature) })),
      nulls,
      seeds: { probes: options.probes, dictionaries: problems.length, resamples: options.resamples },
    };
  });
}

/** Features shown to a person who chooses. */
const CANDIDATES = 60;

const labelOf = (problem: BiasProblem, feature: number): { label?: string } => {
  const label = problem.label?.(feature);
  return label === undefined ? {} : { label };
};

function prepare(
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
  const keyOf = keyer();
  /** Measures equal edits once. */
  const once = <T>(measure: (edit: PooledEdit) => Promise<T>) => {
    const known = new Map<string, Promise<T>>();
    return (edit: PooledEdit): Promise<T> => {
      const key = keyOf(edit);
      const found = known.get(key) ?? measure(edit);
      known.set(key, found);
      return found;
    };
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
    collateral: once((edit) => problem.collateral(edit)),
    otherTasks: once(async (edit) => problem.otherTasks?.(edit)),
  };
}

async function measure(
  row: BiasMethodRow,
  prepared: Prepared,
  d: number,
  random: Random,
  signal: AbortSignal | undefined,
): Promise<Measured | LeftOut> {
  const { evaluate, collateral, otherTasks, problem } = prepared;
  const timed = await makeRow(row, prepared, random.fork(`row/${row.method}/${d}`));
  if ('left' in timed) return timed;
  const { made, seconds } = timed;
  const { balanced } = problem;
  const counts = (right_RN: readonly Uint8Array[]) =>
    right_RN.map((right) => rightCounts(balanced, evaluate.units, right));
  const full = made.steps.at(-1)!;
  const runs = await evaluate.classify(made, full.edit);
  const leakage = await evaluate.leakage(made, full.edit, true);
  const paid = made.rows ? undefined : await collateral(full.edit);
  // Curves and other tasks are those of the first dictionary.
  const others = made.rows || d > 0 ? undefined : await otherTasks(full.edit);
  const deltaX = evaluate.move(made, full.edit);
  const field = counts(runs.right_RN);
  const curve: CurvePointRuns[] = [];
  if (d === 0) {
    // Every curve begins at the network as it is.
    const none = { kind: 'none' } as const;
    const plain: MadeRow = { steps: [{ strength: 0, edit: none }], classifier: 'given' };
    const steps = made.rows ? [] : [...plain.steps, ...made.steps.slice(0, -1)];
    for (const { strength, edit } of steps) {
      await giveWay(signal);
      const of = edit.kind === 'none' ? plain : made;
      curve.push({
        strength,
        field: counts((await evaluate.classify(of, edit)).right_RN),
        leakage: (await evaluate.leakage(of, edit, false)).linear,
        collateral: await collateral(edit),
        deltaX: evaluate.move(of, edit),
      });
    }
    curve.push({
      strength: full.strength,
      field,
      leakage: leakage.linear,
      ...(paid ? { collateral: paid } : {}),
      deltaX,
    });
  }
  return {
    made,
    seconds,
    ...runs,
    field,
    leakage,
    ...(paid ? { collateral: paid } : {}),
    ...(others ? { otherTasks: others } : {}),
    deltaX,
    curve,
  };
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

/** The comparisons that were announced; those whose methods were measured. */
function verdictsOf(
  measured: ReadonlyMap<BiasMethod, readonly Measured[]>,
  { evaluate: { units } }: Prepared,
  options: BiasOptions,
  random: Random,
) {
  const curve = (method: BiasMethod) => {
    const first = measured.get(method)?.[0];
    return first && curveRuns(method, first);
  };
  const compare = (claim: string, of: BiasMethod, against: BiasMethod) => {
    const [a, b] = [curve(of), curve(against)];
    return a && b ? compareCurves({ claim, of: a, against: b }, studyUnits(a, units, options, random)) : [];
  };
  const [retrained, oracle] = [measured.get('shift-retrained'), measured.get('oracle')];
  const plain = curve('original') ?? curve('leace') ?? curve('shift');
  return [
    ...compare(
      `${END_POINT} least action's is better than the straight line with free strengths at 1`,
      'least-action-ends',
      'straight',
    ),
    ...compare(
      `${END_POINT} least action's is better than direct optimisation without a path`,
      'least-action-ends',
      'direct-end',
    ),
    ...compare(
      'way: least action is better than the straight line to its own end point',
      'least-action',
      'straight-to-end',
    ),
    ...(retrained && oracle
      ? [
          besideOracle(
            retrained.flatMap((one) => one.field),
            oracle[0]!.field,
            {
              ...(plain
                ? studyUnits(plain, units, options, random)
                : {
                    persons: units.count,
                    strata_U: units.strata_U,
                    runs: options.probes,
                    resamples: options.resamples,
                    random,
                  }),
              windows: 0,
            },
          ),
        ]
      : []),
  ];
}
