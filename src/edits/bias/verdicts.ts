/** @file The verdicts on the paths: least action against other end points and another way, by margins that no figure has changed. */
import type { Random } from '../../core/random.ts';
import { bootstrapCrossed } from '../../core/resampling.ts';
import type { Estimate } from '../../core/statistics.ts';
import { type Costs, hypervolume } from './hypervolume.ts';
import { meanAccuracy, meanShares, type RightCounts } from './runs.ts';
import type { BiasMethod, Outcome, Verdict } from './types.ts';

/**
 * Written down before anything was measured; docs/bias.md says what was changed around them later. A claim is supported when the
 * whole interval lies beyond the margin, refuted when it lies wholly short of it, undecided otherwise.
 */
export const MARGINS = {
  /** Of the unit cube of (leakage, worst group, KL). */
  hypervolume: 0.01,
  /** Share of the worst group told right, at equal leakage. */
  worstGroup: 0.01,
  /** Share of the comparator's KL that is saved, at equal leakage. */
  kl: 0.05,
  /** SHIFT with a retrained probe may fall short of the oracle's worst group by this. */
  oracle: 0.03,
} as const;

/** KL at which the trade-off counts as worth nothing, nats per token. */
export const KL_REFERENCE = 0.5;

/** A curve with all that resampling needs. KL of its points by window. */
export interface CurveRuns {
  readonly method: BiasMethod;
  readonly points: readonly {
    readonly strength: number;
    readonly field: readonly RightCounts[];
    readonly leakage: readonly RightCounts[];
    readonly kl_W: readonly number[];
  }[];
}

/** How resamples of a study are drawn: persons, then windows of plain text. */
export interface StudyUnits {
  readonly persons: number;
  readonly windows: number;
  readonly strata_U: Uint8Array;
  readonly runs: number;
  /** Dictionaries behind the runs, each with the same probe seeds; one when absent. */
  readonly groups?: number;
  readonly resamples: number;
  readonly random: Random;
}

interface PointValues {
  readonly leakage: number;
  readonly worstGroup: number;
  readonly kl: number;
}

/** Values of a curve's points on a resample. */
function pointValues(
  curve: CurveRuns,
  { persons, windows }: StudyUnits,
  weights_U: Float64Array,
  runs: readonly number[],
): PointValues[] {
  return curve.points.map(({ field, leakage, kl_W }) => {
    let [sum, all] = [0, 0];
    for (let w = 0; w < windows; w++) {
      sum += weights_U[persons + w]! * kl_W[w]!;
      all += weights_U[persons + w]!;
    }
    return {
      // Fewer seeds measured the leakage of a curve than its classifiers.
      leakage: meanAccuracy(
        leakage,
        weights_U,
        runs.map((run) => run % leakage.length),
      ),
      worstGroup: meanShares(field, weights_U, runs).worstGroup,
      kl: sum / all,
    };
  });
}

const costsOf = ({ leakage, worstGroup, kl }: PointValues): Costs => [
  2 * (leakage - 0.5),
  1 - worstGroup,
  kl / KL_REFERENCE,
];

/** Volume of (leakage, worst group, KL) that a curve is better than, with its interval. */
export function curveVolume(curve: CurveRuns, units: StudyUnits): Estimate {
  const [volume] = resampled(units, (weights, runs) => [
    hypervolume(pointValues(curve, units, weights, runs).map(costsOf)),
  ]) as [Estimate];
  return { ...volume, n: fewestUnits(units) };
}

/** Figures that rest on persons and on windows have no more independent units than the fewer of the two. */
const fewestUnits = ({ persons, windows }: StudyUnits): number => Math.min(persons, windows);

/** Which curves are compared, and what is claimed of the first. */
export interface Comparison {
  readonly claim: string;
  readonly of: CurveRuns;
  readonly against: CurveRuns;
}

/** Three verdicts on a comparison: hypervolume (the primary one), worst group and KL at equal leakage. */
export function compareCurves({ claim, of, against }: Comparison, units: StudyUnits): Verdict[] {
  const [volume, worst, kl] = resampled(units, (weights, runs) => {
    const a = pointValues(of, units, weights, runs);
    const b = pointValues(against, units, weights, runs);
    return [hypervolume(a.map(costsOf)) - hypervolume(b.map(costsOf)), ...atEqualLeakage(a, b)];
  }) as [Estimate, Estimate, Estimate];
  const persons = `${units.persons} persons and ${units.windows} windows of plain text, crossed with ${units.runs} probe seeds`;
  const verdict = (quantity: string, difference: Estimate, margin: number): Verdict => ({
    claim,
    quantity,
    difference,
    margin,
    outcome: outcomeOf(difference, margin),
    units: persons,
  });
  return [
    verdict('hypervolume, difference (primary)', { ...volume, n: fewestUnits(units) }, MARGINS.hypervolume),
    verdict('worst group at equal leakage, difference', { ...worst, n: units.persons }, MARGINS.worstGroup),
    verdict(
      "KL at equal leakage, share of the comparator's saved",
      { ...kl, n: fewestUnits(units) },
      MARGINS.kl,
    ),
  ];
}

/** Levels of leakage in the range that both curves reach. */
const LEVELS = 11;

/** Mean over levels of leakage of [worst group A − B, (KL B − KL A) / mean KL B]; NaN where the curves share no range. */
export function atEqualLeakage(a: readonly PointValues[], b: readonly PointValues[]): [number, number] {
  const [sa, sb] = [byLeakage(a), byLeakage(b)];
  const low = Math.max(sa[0]!.leakage, sb[0]!.leakage);
  const high = Math.min(sa.at(-1)!.leakage, sb.at(-1)!.leakage);
  if (!(high >= low)) return [Number.NaN, Number.NaN];
  let [worst, saved, paid] = [0, 0, 0];
  for (let i = 0; i < LEVELS; i++) {
    const level = low + ((high - low) * i) / (LEVELS - 1);
    const [pa, pb] = [interpolate(sa, level), interpolate(sb, level)];
    worst += (pa.worstGroup - pb.worstGroup) / LEVELS;
    saved += pb.kl - pa.kl;
    paid += pb.kl;
  }
  return [worst, paid > 0 ? saved / paid : Number.NaN];
}

const byLeakage = (points: readonly PointValues[]): PointValues[] =>
  [...points].sort((p, q) => p.leakage - q.leakage);

function interpolate(points: readonly PointValues[], leakage: number): PointValues {
  const above = points.findIndex((point) => point.leakage >= leakage);
  if (above <= 0) return points[above === 0 ? 0 : points.length - 1]!;
  const [p, q] = [points[above - 1]!, points[above]!];
  const share = (leakage - p.leakage) / (q.leakage - p.leakage);
  return {
    leakage,
    worstGroup: p.worstGroup + share * (q.worstGroup - p.worstGroup),
    kl: p.kl + share * (q.kl - p.kl),
  };
}

/** SHIFT with a retrained probe beside the oracle: worst group, paired; supported when it is not further off than the margin. */
export function besideOracle(
  shift: readonly RightCounts[],
  oracle: readonly RightCounts[],
  units: StudyUnits,
): Verdict {
  // Runs of SHIFT go dictionary by dictionary; each has the probe seeds in the oracle's order.
  const runs = shift.length;
  const groups = runs / oracle.length;
  const [difference] = resampled({ ...units, runs, groups }, (weights, drawn) => {
    const same = drawn.map((run) => run % oracle.length);
    return [meanShares(shift, weights, drawn).worstGroup - meanShares(oracle, weights, same).worstGroup];
  }) as [Estimate];
  return {
    claim: 'SHIFT by rule with a retrained probe comes within 3 points of the oracle, worst group',
    quantity: 'worst group, SHIFT retrained − oracle',
    difference,
    margin: -MARGINS.oracle,
    outcome: outcomeOf(difference, -MARGINS.oracle),
    units: `${units.persons} persons, crossed with ${groups} dictionaries and ${oracle.length} probe seeds`,
  };
}

/** Fewer independent units than this never give a verdict. */
const LEAST_UNITS = 10;

/** Where an interval lies beside a margin. */
export function outcomeOf({ low, high, n }: Estimate, margin: number): Outcome {
  if (n < LEAST_UNITS) return 'undecided';
  if (low > margin) return 'supported';
  if (high < margin) return 'refuted';
  return 'undecided';
}

function resampled(
  { persons, windows, strata_U, runs, groups = 1, resamples, random }: StudyUnits,
  statistics: Parameters<typeof bootstrapCrossed>[1],
): Estimate[] {
  const strata = new Uint8Array(persons + windows).fill(255);
  strata.set(strata_U);
  return bootstrapCrossed(
    // One stream for all: every statistic sees the same resamples.
    {
      ...{ units: persons + windows, strata_U: strata, runs, groups, resamples },
      random: random.fork('resamples'),
    },
    statistics,
  );
}
