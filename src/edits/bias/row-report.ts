/** @file A row of the table from all runs of a method: figures with intervals, curve, hypervolume; and the nulls beside the table. */
import type { Random } from '../../core/random.ts';
import { bootstrapCrossed } from '../../core/resampling.ts';
import type { Estimate } from '../../core/statistics.ts';
import type { Evaluator, SeedCounts } from './evaluate.ts';
import { nullRuns } from './null-runs.ts';
import type { BiasProblem, BiasRows, Collateral, OtherTasks } from './problem.ts';
import type { BiasMethodRow, MadeRow } from './rows/types.ts';
import {
  meanAccuracy,
  meanCalibration,
  meanShares,
  type RightCounts,
  rightCounts,
  type Units,
} from './runs.ts';
import type { BiasFigures, BiasMethod, BiasPoint, BiasResult, BiasRow, BiasRun, Leakage } from './types.ts';
import { type CurveRuns, curveVolume, type StudyUnits } from './verdicts.ts';

/** A problem, and what measured its rows. */
interface Tested {
  readonly problem: BiasProblem;
  readonly evaluate: Pick<Evaluator, 'units'>;
}

/** Seeds and resamples. */
type Counts = SeedCounts & { readonly resamples: number };

/** A method made and measured on one dictionary. */
export interface Measured {
  readonly made: MadeRow;
  readonly seconds: number;
  readonly right_RN: readonly Uint8Array[];
  readonly p_RN: readonly Float64Array[];
  readonly field: readonly RightCounts[];
  readonly leakage: Awaited<ReturnType<Evaluator['leakage']>>;
  readonly collateral?: Collateral;
  readonly otherTasks?: OtherTasks;
  readonly deltaX: number;
  /** Only on the first dictionary. */
  readonly curve: readonly CurvePointRuns[];
}

export type CurvePointRuns = Omit<CurveRuns['points'][number], 'kl_W'> & {
  readonly collateral?: Collateral;
  readonly deltaX: number;
};

/** Resamples of a point of a curve, which is only drawn. */
const CURVE_RESAMPLES = 200;

/** A row of the table from all its runs. */
export function rowOf(
  row: BiasMethodRow,
  all: readonly Measured[],
  { problem, evaluate: { units } }: Tested,
  options: Counts,
  random: Random,
): BiasRow {
  const { balanced } = problem;
  const first = all[0]!;
  const field = all.flatMap((one) => one.field);
  const p_RN = all.flatMap((one) => one.p_RN);
  const linear = all.flatMap((one) => one.leakage.linear);
  const plan = {
    units: units.count,
    strata_U: units.strata_U,
    groups: all.length,
    resamples: options.resamples,
    random: random.fork('resamples'),
  };
  const [fieldAccuracy, genderAccuracy, worstGroup, tprGap] = sharesWithin(field, plan);
  const [ece, brier] = bootstrapCrossed({ ...plan, runs: p_RN.length }, (weights, runs) =>
    meanCalibration(balanced, units, p_RN, weights, runs),
  ) as [Estimate, Estimate];
  const figures: BiasFigures = { fieldAccuracy, genderAccuracy, worstGroup, tprGap, ece, brier };
  const runs = curveRuns(row.method, first);
  const average = (pick: (one: Measured) => number | undefined): number | undefined => {
    const values = all.map(pick).filter((value): value is number => value !== undefined);
    return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0) / values.length;
  };
  const changed = average(({ made }) => made.changed);
  const paid = first.collateral;
  return {
    method: row.method,
    title: row.title,
    sees: row.sees,
    skyline: row.skyline,
    dictionaries: row.dictionary ? all.length : 0,
    ...(changed === undefined ? {} : { changed }),
    strengthUnit: row.strengthUnit,
    figures,
    natural: partWithin(0, all, balanced, units, plan),
    swapped: partWithin(1, all, balanced, units, plan),
    leakage: leakageWithin(
      {
        linear,
        mlp: all.flatMap((one) => one.leakage.mlp),
        knn: all.flatMap((one) => one.leakage.knn),
      },
      plan,
    ),
    ...(paid
      ? {
          kl: averaged(all.flatMap((one) => one.collateral?.kl ?? [])),
          perplexity: average((one) => one.collateral?.perplexity)!,
          deltaXText: average((one) => one.collateral?.deltaX)!,
        }
      : {}),
    ...(first.otherTasks ? { otherTasks: first.otherTasks } : {}),
    deltaX: average((one) => one.deltaX)!,
    curve: curveOf(first, plan),
    ...(runs ? { hypervolume: curveVolume(runs, studyUnits(runs, units, options, random)) } : {}),
    runs: runsOf(all),
    seconds: average((one) => one.seconds)!,
    ...(first.made.note ? { note: first.made.note } : {}),
  };
}

/** Figures of natural or of swapped rows alone. */
function partWithin(
  swapped: 0 | 1,
  all: readonly Measured[],
  rows: BiasRows,
  units: Units,
  plan: Plan,
): BiasRow['natural'] {
  const counts = all.flatMap(({ right_RN }) =>
    right_RN.map((right) => rightCounts(rows, units, right, (n) => rows.swapped_N[n] === swapped)),
  );
  const [fieldAccuracy, genderAccuracy, worstGroup] = sharesWithin(counts, plan);
  return { fieldAccuracy, genderAccuracy, worstGroup };
}

/** The curve of the first dictionary, with fewer resamples: it is only drawn. */
function curveOf({ curve }: Measured, plan: Plan): BiasPoint[] {
  const quick = { ...plan, groups: 1, resamples: Math.min(CURVE_RESAMPLES, plan.resamples) };
  return curve.map((point): BiasPoint => {
    const [fieldAccuracy, genderAccuracy, worstGroup] = sharesWithin(point.field, quick);
    const { collateral } = point;
    return {
      strength: point.strength,
      fieldAccuracy,
      genderAccuracy,
      worstGroup,
      leakage: accuracyWithin(point.leakage, quick),
      ...(collateral ? { kl: collateral.kl, perplexity: collateral.perplexity } : {}),
      deltaX: point.deltaX,
    };
  });
}

/** Mean over dictionaries; the interval's bounds are averaged too: it speaks of windows, not of dictionaries. */
function averaged(estimates: readonly Estimate[]): Estimate {
  const mean = (pick: (one: Estimate) => number) =>
    estimates.reduce((sum, one) => sum + pick(one), 0) / estimates.length;
  return {
    value: mean((one) => one.value),
    low: mean((one) => one.low),
    high: mean((one) => one.high),
    n: estimates[0]!.n,
  };
}

type Plan = Omit<Parameters<typeof bootstrapCrossed>[0], 'runs'>;

const sharesWithin = (counts: readonly RightCounts[], plan: Plan): [Estimate, Estimate, Estimate, Estimate] =>
  bootstrapCrossed({ ...plan, runs: counts.length }, (weights, runs) => {
    const shares = meanShares(counts, weights, runs);
    return [shares.fieldAccuracy, shares.genderAccuracy, shares.worstGroup, shares.tprGap];
  }) as [Estimate, Estimate, Estimate, Estimate];

const accuracyWithin = (counts: readonly RightCounts[], plan: Plan): Estimate =>
  bootstrapCrossed({ ...plan, runs: counts.length }, (weights, runs) => [
    meanAccuracy(counts, weights, runs),
  ])[0]!;

const leakageWithin = (
  runs: { readonly [probe in keyof Leakage]: readonly RightCounts[] },
  plan: Plan,
): Leakage => ({
  linear: accuracyWithin(runs.linear, plan),
  mlp: accuracyWithin(runs.mlp, plan),
  knn: accuracyWithin(runs.knn, plan),
});

/** Figures of every run on its own. */
function runsOf(all: readonly Measured[]): BiasRun[] {
  return all.flatMap(({ field, leakage }, dictionary) => {
    const ones = new Float64Array(field[0]!.all_UG.length).fill(1);
    return field.map((_, probe) => {
      const shares = meanShares(field, ones, [probe]);
      return {
        dictionary,
        probe,
        fieldAccuracy: shares.fieldAccuracy,
        genderAccuracy: shares.genderAccuracy,
        worstGroup: shares.worstGroup,
        leakage: meanAccuracy(leakage.linear, ones, [probe]),
      };
    });
  });
}

/** A curve as verdicts need it; undefined where it has no KL, or only one point. */
export function curveRuns(method: BiasMethod, { curve }: Measured): CurveRuns | undefined {
  if (curve.length < 2) return undefined;
  const points = curve.flatMap(({ strength, field, leakage, collateral }) =>
    collateral ? [{ strength, field, leakage, kl_W: collateral.kl_W }] : [],
  );
  return points.length === curve.length ? { method, points } : undefined;
}

/** Units of a curve's intervals. */
export const studyUnits = (
  { points }: CurveRuns,
  units: Evaluator['units'],
  options: Counts,
  random: Random,
): StudyUnits => ({
  persons: units.count,
  windows: points[0]!.kl_W.length,
  strata_U: units.strata_U,
  runs: options.probes,
  resamples: options.resamples,
  random,
});

/** What probes trained on shuffled labels reach. */
export async function nullFigures(
  { problem, evaluate: { units } }: Tested,
  options: Counts,
  random: Random,
  signal: AbortSignal | undefined,
): Promise<BiasResult['nulls']> {
  const { leakage, field } = await nullRuns(problem, options, random, signal);
  const plan = {
    units: units.count,
    strata_U: units.strata_U,
    resamples: options.resamples,
    random: random.fork('resamples'),
  };
  return { fieldAccuracy: accuracyWithin(field, plan), leakage: leakageWithin(leakage, plan) };
}
