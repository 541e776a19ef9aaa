/** @file The study: every method on every dictionary, measured on balanced rows, with intervals, curves and verdicts. */
import { track, type WorkContext } from '../../core/progress.ts';
import { random as stream } from '../../core/random.ts';
import { measureRow, prepare } from './measure-row.ts';
import { BIAS_DEFAULTS, type BiasOptions } from './options.ts';
import type { BiasProblem } from './problem.ts';
import { requireRows } from './require.ts';
import { type Measured, nullFigures, rowOf } from './row-report.ts';
import { biasMethods } from './rows/registry.ts';
import { verdictsOf } from './study-verdicts.ts';
import type { BiasMethod, BiasResult, BiasRow } from './types.ts';

/** What the study itself finds; whoever has the model adds names, counts and commands. */
export type BiasStudy = Pick<
  BiasResult,
  'rows' | 'left' | 'verdicts' | 'paths' | 'candidates' | 'nulls' | 'seeds'
>;

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
        const made = await measureRow(row, one, d, random, signal);
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
