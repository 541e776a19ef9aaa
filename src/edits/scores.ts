/** @file Bias, accuracy and correlation of an edited model, with intervals over held-out examples. */
import type { Random } from '../core/random.ts';
import { bootstrap, type Estimate, pearson } from '../core/statistics.ts';

/**
 * Bias of one pair, in nats: log-odds (she : he) after the occupation held mostly by women minus log-odds after the one
 * held mostly by men. Whichever of the two is the clean side, this is m(clean) − m(patch), both scored with the clean
 * side's answer.
 */
export const pairBias = (clean_B: ArrayLike<number>, patch_B: ArrayLike<number>): number[] =>
  Array.from(clean_B, (m, b) => m - patch_B[b]!);

/** Mean with a bootstrap interval over units. */
export const meanWithInterval = (values: readonly number[], random: Random): Estimate =>
  bootstrap(values, average, random);

const average = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;

/** A held-out prompt that names an occupation, and the model's log-odds she : he after it. */
export interface OccupationScore {
  readonly occupation: string;
  readonly percentWomen: number;
  readonly logOdds: number;
}

/** Mean log-odds per occupation, most women first. */
export function byOccupation(scores: readonly OccupationScore[]): OccupationScore[] {
  const groups = new Map<string, { percentWomen: number; values: number[] }>();
  for (const { occupation, percentWomen, logOdds } of scores) {
    const group = groups.get(occupation) ?? { percentWomen, values: [] };
    group.values.push(logOdds);
    groups.set(occupation, group);
  }
  return [...groups]
    .map(([occupation, { percentWomen, values }]) => ({ occupation, percentWomen, logOdds: average(values) }))
    .sort((a, b) => b.percentWomen - a.percentWomen || (a.occupation < b.occupation ? -1 : 1));
}

/** Pearson correlation over occupations of log-odds with the share of women; NaN below three occupations. */
export function occupationCorrelation(occupations: readonly OccupationScore[]): number {
  if (occupations.length < 3) return Number.NaN;
  return pearson(
    occupations.map((o) => o.percentWomen),
    occupations.map((o) => o.logOdds),
  );
}
