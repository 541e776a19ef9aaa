/** @file How well rankings of features agree with their exact effects, as JSON: scores with intervals, nulls beside them. */
import type { Estimate } from '../../core/statistics.ts';
import type { RecordedTraining } from '../learning/dictionary-run.ts';

/** Rankings of any dictionary's features; larger means more important in each (drift is ranked from the smallest up). */
export type ReadMeasure =
  | 'drift'
  | 'drift-permuted'
  | 'mean-energy'
  | 'mean-kinetic'
  | 'mean-potential'
  | 'integrated-gradients'
  | 'gradient-activation'
  | 'activation'
  | 'frequency'
  | 'chance';

/** Rankings by the learning clock, of a dictionary whose training was recorded. */
export type LearningMeasure =
  | 'learning-work'
  | 'learning-kinetic'
  | 'learning-drift'
  | 'learning-drift-permuted';

/** What features are ranked by. */
export type MeasureName = ReadMeasure | LearningMeasure;

/** Every measure of one feature. */
export type Measures = Readonly<Record<ReadMeasure, number> & Partial<Record<LearningMeasure, number>>>;

/** One ranking beside the exact effects of the sampled features. */
export interface MeasureScore {
  readonly name: MeasureName;
  /** One plain sentence. */
  readonly meaning: string;
  /** Spearman's correlation with |exact effect|; interval over features. */
  readonly spearman: Estimate;
  /** The same given mean activation and frequency (partial correlation of ranks); absent for these two. */
  readonly partial?: Estimate;
  /** Share of the k features with the largest effects among the first k of the ranking. */
  readonly precision: Estimate;
  /** Spearman minus that of gradient × activation, feature samples kept paired; absent for that one. */
  readonly beyondGradient?: Estimate;
  /** Area between the faithfulness curve of the ranking and 1, over the share of features kept; interval over examples. */
  readonly cmd?: Estimate;
}

/** One network at one site on one set of examples. */
export interface ImportanceRun {
  /** `trained`, `untrained` (start weights of the same shape), `shuffled-layers` (its blocks in another order). */
  readonly network: string;
  readonly site: string;
  /** What the effects are effects on, e.g. next-token loss on text. */
  readonly metric: string;
  readonly examples: number;
  readonly positions: number;
  /** Sampled features, and features that were active often enough to be sampled. */
  readonly features: number;
  readonly eligible: number;
  /** k of the precision. */
  readonly k: number;
  readonly scores: readonly MeasureScore[];
  /** Of the sampled features: number, |exact effect|, and every measure, in the order of `scores`. */
  readonly rows: readonly {
    readonly feature: number;
    readonly effect: number;
    readonly measures: readonly number[];
  }[];
  /** How the dictionary was trained, where that was recorded. */
  readonly training?: RecordedTraining;
  readonly seconds: number;
}

/** Scores of the trained network with the same figure of each null beside them: what one picture draws. */
export interface ScoreBesideNulls {
  readonly name: MeasureName;
  readonly score: Estimate;
  readonly nulls: readonly { readonly name: string; readonly score: Estimate }[];
}

export interface ImportanceResult {
  readonly runs: readonly ImportanceRun[];
  /** Spearman by measure, one list a site and metric. */
  readonly comparisons: readonly {
    readonly site: string;
    readonly metric: string;
    readonly scores: readonly ScoreBesideNulls[];
  }[];
}
