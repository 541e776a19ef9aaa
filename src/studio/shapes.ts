/** @file What travels between the server and the pages: the study's state, its results, and features. */
import type { ErrorReport } from '../core/errors.ts';
import type { ProgressEvent } from '../core/progress.ts';
import type { Estimate } from '../core/statistics.ts';

export type { ErrorReport, Estimate, ProgressEvent };

export type Stage = 'model' | 'text' | 'features' | 'circuit' | 'energy' | 'edit';

export interface StepState {
  name: string;
  label: string;
  stage: Stage;
  status: 'waiting' | 'running' | 'cached' | 'done' | 'failed';
  done?: number;
  total?: number;
  unit?: string;
  seconds?: number;
  figures?: Record<string, number>;
  summary?: string;
}

export interface ModelSummary {
  name: string;
  source: string;
  note: string;
  parameters: number;
  layers: number;
  width: number;
  vocabulary: number;
  logits: { ioiCorrect: number; of: number; pMary: number };
  examples: { prompt: string; tokens: { text: string; probability: number }[] }[];
}

export interface TextSummary {
  source: string;
  documents: number;
  trainTokens: number;
  heldOutTokens: number;
  leftOut: { site: string; first: number; byNorm: number; share: number }[];
  attribution: string;
}

export interface DictionaryResult {
  site: string;
  features: number;
  k: number;
  l0: number;
  fve: number;
  ceRecovered: number;
  ce: { clean: number; spliced: number; meanAblated: number };
  dead: number;
  tokensPerSecond: number;
  tokensSeen: number;
  curve: { tokens: number; fve: number }[];
}

export interface CircuitNode {
  id: string;
  kind: 'token' | 'feature' | 'error' | 'output';
  site?: string;
  cut: number;
  position: number;
  feature?: number;
  effect: number;
  attributionPatching: number;
  activationClean?: number;
  activationPatch?: number;
}

export interface CircuitEdge {
  source: string;
  target: string;
  weight: number;
}

export interface CurvePoint {
  threshold: number;
  nodes: number;
  faithfulness: Estimate;
  completeness: Estimate;
  random: Estimate;
  errorNodes: number;
}

export interface CircuitResult {
  task: string;
  title: string;
  question: string;
  sites: string[];
  positions: { labels: string[]; exampleTokens: string[] };
  metric: { clean: Estimate; patch: Estimate };
  nodes: CircuitNode[];
  edges: CircuitEdge[];
  curve: CurvePoint[];
  chosen: number;
  faithfulness: Estimate;
  completeness: Estimate;
  random: Estimate;
  examples: number;
}

export interface EnergyResult {
  task: string;
  costate: {
    spread: number;
    relativeSpread: number;
    products: { cut: number; site: string; value: number }[];
  };
  leak: number;
  budget: {
    cut: number;
    site: string;
    deltaM: number;
    features: number;
    errors: number;
    leak: number;
    leakByRule: Record<string, number>;
  }[];
  topFeatures: { site: string; feature: number; position: number; energy: number }[];
}

export interface EditRow {
  method: 'features' | 'random' | 'mean-ablation';
  strength: number;
  deltaX: number;
  biasBefore: Estimate;
  biasAfter: Estimate;
  agreementBefore: Estimate;
  agreementAfter: Estimate;
  kl: Estimate;
}

export interface EditResult {
  features: { site: string; feature: number; effect: number; label?: string }[];
  rows: EditRow[];
  baseline: { bias: Estimate; agreement: Estimate; perplexity: number };
  occupations: {
    occupation: string;
    percentWomen: number;
    before: number;
    after: Record<string, number>;
  }[];
}

export interface StudyResults {
  model?: ModelSummary;
  text?: TextSummary;
  dictionaries: DictionaryResult[];
  circuits: CircuitResult[];
  energy: EnergyResult[];
  edit?: EditResult;
}

export interface StudyState {
  name: string;
  command: string;
  steps: StepState[];
  results: StudyResults;
  error?: ErrorReport;
}

/** What a study tells the Studio while it runs. */
export type StudioEvent = { type: 'state'; state: StudyState } | { type: 'progress'; event: ProgressEvent };

/** One line of the feature table. */
export interface FeatureRow {
  id: number;
  /** Share of tokens on which the feature is active. */
  frequency: number;
  maxActivation: number;
  /** Tokens whose logits the feature raises most. */
  topTokens: string[];
}

export interface FeatureList {
  total: number;
  rows: FeatureRow[];
}

export interface Passage {
  tokens: string[];
  activations: number[];
  document: string;
}

/** Everything the feature page shows. */
export interface FeatureDetail extends FeatureRow {
  site: string;
  passages: Passage[];
  histogram: { from: number; to: number; count: number }[];
  /** Direct effect on the logits of each token, largest first. */
  promoted: { text: string; effect: number }[];
}

export type FeatureSort = 'max' | 'frequency' | 'id';

export interface FeatureQuery {
  sort: FeatureSort;
  q: string;
  limit: number;
  offset: number;
}
