/** @file What travels between the server and the pages: the study's state with its results, and features. */
import type {
  FeatureQuery,
  FeatureRow,
  FeatureDetail as ReadFeature,
} from '../dictionaries/feature-reader.ts';

export type { CircuitEdge, CircuitNode, CircuitResult } from '../circuits/types.ts';
export type { ErrorReport } from '../core/errors.ts';
export type { Estimate } from '../core/statistics.ts';
export type { FeatureQuery, FeatureRow } from '../dictionaries/feature-reader.ts';
export type { DictionaryResult } from '../dictionaries/types.ts';
export type { BiasCandidate, BiasResult, BiasRow } from '../edits/bias/types.ts';
export type { EditResult, EditRow } from '../edits/types.ts';
export type { ConceptResult } from '../energy/concept/types.ts';
export type { ImportanceResult } from '../energy/importance/types.ts';
export type { MaskCircuitResult } from '../energy/masks/types.ts';
export type { EnergyResult } from '../energy/types.ts';
export type {
  EnsembleReport,
  LearningReport,
  SequenceReport,
  TaskFlow,
} from '../study/energy/types.ts';
export type { Stage } from '../study/plan.ts';
export type { ModelSummary, StudyResults, SweepResult } from '../study/results.ts';
export type { SavedKind } from '../study/saved.ts';
export type { StepState, StudyState } from '../study/state.ts';

/** One live figure of a running step: `done` units in, these numbers. */
export interface FigurePoint {
  readonly done: number;
  readonly figures: Readonly<Record<string, number>>;
}

export interface FeatureList {
  readonly total: number;
  readonly rows: readonly FeatureRow[];
}

export type FeatureSort = FeatureQuery['sort'];

/** Everything the feature page shows. */
export interface FeatureDetail extends ReadFeature {
  readonly site: string;
}
