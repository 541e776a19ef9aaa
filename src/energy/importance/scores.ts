/** @file How well a ranking agrees with exact effects: Spearman, partial Spearman, precision at k, with intervals. */
import type { Random } from '../../core/random.ts';
import { bootstrap, partialSpearman, spearman } from '../../core/statistics.ts';
import type { MeasureName, MeasureScore, Measures } from './types.ts';

/** One feature of the sample: |exact effect| and every measure. */
export interface RankedFeature {
  readonly effect: number;
  readonly measures: Measures;
}

/** What the partial correlation is given. */
const CONTROLS: readonly MeasureName[] = ['activation', 'frequency'];
const RESAMPLES = 500;

/**
 * Share of the k largest by `truth` among the first k by `score`; what ties over the border of a set counts by its chance
 * to be inside.
 */
export function precisionAt(score: readonly number[], truth: readonly number[], k: number): number {
  if (k <= 0 || score.length === 0) return Number.NaN;
  const inside = (values: readonly number[]): number[] => {
    const border = [...values].sort((a, b) => b - a)[Math.min(k, values.length) - 1]!;
    const above = values.filter((v) => v > border).length;
    const at = values.filter((v) => v === border).length;
    const share = (Math.min(k, values.length) - above) / at;
    return values.map((v) => (v > border ? 1 : v === border ? share : 0));
  };
  const [first, largest] = [inside(score), inside(truth)];
  return first.reduce((sum, p, i) => sum + p * largest[i]!, 0) / Math.min(k, score.length);
}

/** Scores of one measure over a sample of features; intervals are bootstraps over features. */
export function scoreMeasure(
  name: MeasureName,
  meaning: string,
  features: readonly RankedFeature[],
  k: number,
  random: Random,
): MeasureScore {
  const of = (sample: readonly RankedFeature[], measure: MeasureName) =>
    sample.map((f) => f.measures[measure] ?? Number.NaN);
  const effects = (sample: readonly RankedFeature[]) => sample.map((f) => f.effect);
  const rank = (sample: readonly RankedFeature[], measure: MeasureName) =>
    spearman(of(sample, measure), effects(sample));
  const over = (statistic: (sample: readonly RankedFeature[]) => number, label: string) =>
    bootstrap(features, statistic, random.fork(`${name}/${label}`), RESAMPLES);
  return {
    name,
    meaning,
    spearman: over((sample) => rank(sample, name), 'spearman'),
    ...(CONTROLS.includes(name)
      ? {}
      : {
          partial: over(
            (sample) =>
              partialSpearman(
                of(sample, name),
                effects(sample),
                CONTROLS.map((c) => of(sample, c)),
              ),
            'partial',
          ),
        }),
    precision: over((sample) => precisionAt(of(sample, name), effects(sample), k), 'precision'),
    ...(name === 'gradient-activation'
      ? {}
      : {
          beyondGradient: over(
            (sample) => rank(sample, name) - rank(sample, 'gradient-activation'),
            'beyond-gradient',
          ),
        }),
  };
}
