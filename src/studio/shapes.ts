/** @file What travels between the server and the pages: the study's state with its results, and features. */
export type { CircuitEdge, CircuitNode, CircuitResult, CurvePoint } from '../circuits/types.ts';
export type { ErrorReport } from '../core/errors.ts';
export type { Estimate } from '../core/statistics.ts';
export type { DictionaryResult } from '../dictionaries/types.ts';
export type { EditResult, EditRow } from '../edits/types.ts';
export type { CutBudget, EnergyResult } from '../energy/types.ts';
export type { Stage } from '../study/plan.ts';
export type { ModelSummary, StudyResults } from '../study/results.ts';
export type { StepState, StudyState } from '../study/state.ts';

/** One live figure of a running step: `done` units in, these numbers. */
export interface FigurePoint {
  readonly done: number;
  readonly figures: Readonly<Record<string, number>>;
}

/** One line of the feature table. */
export interface FeatureRow {
  readonly id: number;
  /** Share of tokens on which the feature is active. */
  readonly frequency: number;
  readonly maxActivation: number;
  /** Tokens whose logits the feature raises most. */
  readonly topTokens: readonly string[];
}

export interface FeatureList {
  readonly total: number;
  readonly rows: readonly FeatureRow[];
}

export interface Passage {
  readonly tokens: readonly string[];
  readonly activations: readonly number[];
  readonly document: string;
}

/** Everything the feature page shows. */
export interface FeatureDetail extends FeatureRow {
  readonly site: string;
  readonly passages: readonly Passage[];
  readonly histogram: readonly { readonly from: number; readonly to: number; readonly count: number }[];
  /** Direct effect on the logits of each token, largest first. */
  readonly promoted: readonly { readonly text: string; readonly effect: number }[];
}

export type FeatureSort = 'max' | 'frequency' | 'id';

export interface FeatureQuery {
  readonly sort: FeatureSort;
  readonly q: string;
  readonly limit: number;
  readonly offset: number;
}
