/** @file What the bias study reports, as plain JSON: methods, figures, curves, paths, verdicts. */
import type { Estimate } from '../../core/statistics.ts';
import type { BiasAttribute, OtherTasks } from './problem.ts';

export type BiasMethod =
  | 'original'
  | 'token-deletion'
  | 'bottleneck'
  | 'random-count'
  | 'random-size'
  | 'neurons'
  | 'mean-difference'
  | 'inlp'
  | 'leace'
  | 'shift'
  | 'shift-choice'
  | 'shift-retrained'
  | 'straight'
  | 'gradient-flow'
  | 'least-action'
  | 'least-action-ends'
  | 'straight-to-end'
  | 'direct-end'
  | 'feature-skyline'
  | 'oracle';

/** Figures of one method at one strength, on balanced test rows. Shares lie between 0 and 1. */
export interface BiasFigures {
  /** Mean over the four groups (outcome × protected) of the share told right. */
  readonly fieldAccuracy: Estimate;
  /** The same predictions scored against the protected attribute; 0.5 is ideal. */
  readonly genderAccuracy: Estimate;
  /** Smallest of the four groups' accuracies. */
  readonly worstGroup: Estimate;
  /** Root mean square over outcomes of TPR(protected = 1) − TPR(protected = 0) (Ravfogel et al. 2020). */
  readonly tprGap: Estimate;
  /** Expected calibration error, ten bins of the confidence (Guo et al. 2017). */
  readonly ece: Estimate;
  /** Mean (P(outcome = 1) − outcome)² (Brier 1950). */
  readonly brier: Estimate;
}

/** Balanced accuracy of probes for the protected attribute, trained on edited balanced rows after the edit. */
export interface Leakage {
  readonly linear: Estimate;
  readonly mlp: Estimate;
  readonly knn: Estimate;
}

/** One point of a trade-off curve. */
export interface BiasPoint {
  /** In the method's own unit (`BiasRow.strengthUnit`); the last point is the full edit. */
  readonly strength: number;
  readonly fieldAccuracy: Estimate;
  readonly genderAccuracy: Estimate;
  readonly worstGroup: Estimate;
  /** Linear probe trained after the edit. */
  readonly leakage: Estimate;
  /** Absent for what cannot be put back into the network. */
  readonly kl?: Estimate;
  readonly perplexity?: number;
  /** Mean ‖Δx̄‖ of balanced test rows. */
  readonly deltaX: number;
}

/** One run behind a row's figures: a probe seed with a dictionary seed. */
export interface BiasRun {
  readonly dictionary: number;
  readonly probe: number;
  readonly fieldAccuracy: number;
  readonly genderAccuracy: number;
  readonly worstGroup: number;
  readonly leakage: number;
}

export interface BiasRow {
  readonly method: BiasMethod;
  readonly title: string;
  /** Of what the method may look at: one sentence. */
  readonly sees: string;
  /** True where balanced data were used to choose something: a bound, no competitor. */
  readonly skyline: boolean;
  /** Dictionaries behind the figures; 0 where no dictionary is used. */
  readonly dictionaries: number;
  /** Features, coordinates or directions changed, averaged over dictionaries. */
  readonly changed?: number;
  readonly strengthUnit: string;
  /** At the full edit, all test rows. */
  readonly figures: BiasFigures;
  readonly natural: Pick<BiasFigures, 'fieldAccuracy' | 'genderAccuracy' | 'worstGroup'>;
  readonly swapped: Pick<BiasFigures, 'fieldAccuracy' | 'genderAccuracy' | 'worstGroup'>;
  readonly leakage: Leakage;
  readonly kl?: Estimate;
  readonly perplexity?: number;
  /** Of the first dictionary; absent as `kl` is, and where the network has no task that could be scored. */
  readonly otherTasks?: OtherTasks;
  /** Mean ‖Δx̄‖ of balanced test rows. */
  readonly deltaX: number;
  /** Mean ‖Δx‖ per position of plain text. */
  readonly deltaXText?: number;
  readonly curve: readonly BiasPoint[];
  /** Of the curve of the first dictionary, in (leakage, worst group, KL); absent without KL. */
  readonly hypervolume?: Estimate;
  readonly runs: readonly BiasRun[];
  /** To make the edit, without measuring it. */
  readonly seconds: number;
  readonly note?: string;
}

export type Outcome = 'supported' | 'refuted' | 'undecided';

/** A claim with its margin, written down before anything was measured (`MARGINS` in src/edits/bias/verdicts.ts). */
export interface Verdict {
  readonly claim: string;
  /** What is compared, in which unit; positive is in favour of the claim. */
  readonly quantity: string;
  readonly difference: Estimate;
  readonly margin: number;
  readonly outcome: Outcome;
  /** What the interval's units are. */
  readonly units: string;
}

/** A path over strengths with what the picture of the path needs; K = N + 1 points. */
export interface BiasPath {
  readonly method: BiasMethod;
  readonly title: string;
  /** Feature behind each strength, n of them. */
  readonly features: readonly number[];
  /** Which of them are pinned to a target. */
  readonly pinned: readonly number[];
  /** s of each point. */
  readonly times_K: readonly number[];
  /** α at each point, [K][n]. */
  readonly alpha_KN: readonly (readonly number[])[];
  /** Kinetic energy, potential and H_c = T − V at each point, in nats. */
  readonly T_K: readonly number[];
  readonly V_K: readonly number[];
  readonly H_c_K: readonly number[];
  /** N × the KL paid step by step, by the metric. */
  readonly steppedKl: number;
  /** Largest |momentum| of a free strength at the end. */
  readonly freeEndMomentum: number;
}

/** A feature that a rule or a person may choose from, strongest first. */
export interface BiasCandidate {
  readonly feature: number;
  /** e/Σ|e| on the probe for the protected attribute (`SHIFT_RULE`): above 0 where removing it narrows the gap between its groups. */
  readonly genderEffect: number;
  /** The same for the field. */
  readonly fieldEffect: number;
  /** Whether the rule takes it. */
  readonly chosen: boolean;
  readonly label?: string;
  readonly examples?: readonly {
    readonly tokens: readonly string[];
    readonly activations: readonly number[];
  }[];
}

/** Figures of others, told apart from ours. */
export interface PublishedRow {
  readonly method: string;
  readonly fieldAccuracy: number;
  readonly genderAccuracy: number;
  readonly worstGroup: number;
  readonly source: string;
}

/** What `untangle study bias` prints, saves and shows. Plain JSON. */
export interface BiasResult {
  readonly format: 'untangle-bias';
  readonly version: 1;
  readonly name: string;
  readonly outcome: BiasAttribute;
  readonly protected: BiasAttribute;
  readonly model: { readonly name: string; readonly hash: string };
  readonly site: string;
  readonly dictionaries: readonly {
    readonly name: string;
    readonly seed: number;
    readonly features: number;
    readonly hash: string;
    /** Fraction of variance explained on held-out text, where known. */
    readonly fve?: number;
  }[];
  /** Rows by set and group, natural and swapped. */
  readonly counts: readonly {
    readonly set: string;
    readonly outcome: string;
    readonly protected: string;
    readonly natural: number;
    readonly swapped: number;
  }[];
  readonly seeds: { readonly probes: number; readonly dictionaries: number; readonly resamples: number };
  readonly rows: readonly BiasRow[];
  /** Rows that were left out, and why. */
  readonly left: readonly { readonly method: BiasMethod; readonly why: string }[];
  readonly verdicts: readonly Verdict[];
  readonly paths: readonly BiasPath[];
  readonly candidates: readonly BiasCandidate[];
  /** Scores of a predictor that knows nothing: a probe trained on shuffled labels. */
  readonly nulls: { readonly fieldAccuracy: Estimate; readonly leakage: Leakage };
  readonly published: readonly PublishedRow[];
  /** How other behaviours were scored: random edits behind each noise level, tasks that were not scored. */
  readonly otherTasks?: {
    readonly draws: number;
    readonly left: readonly { readonly task: string; readonly why: string }[];
  };
  /** Where texts come from, as their licence asks. */
  readonly attribution?: string;
  readonly seconds: number;
  readonly command: string;
}
