/** @file What an edit did: the bias before and after, and what else moved, beside random edits of the same size. */
import type { Estimate } from '../core/statistics.ts';

/** A feature that is switched off, and why it was chosen. */
export interface EditedFeature {
  readonly site: string;
  readonly feature: number;
  /** Sum over positions of the mean indirect effect on the train examples (IE: negative helps the answer). */
  readonly effect: number;
  readonly label?: string;
}

export type EditMethod = 'features' | 'random' | 'mean-ablation';

export interface EditRow {
  readonly method: EditMethod;
  /** 1 removes a feature, 0.5 halves it, above 1 turns it round. */
  readonly strength: number;
  /** Mean ‖Δx‖ per position and edited site on the task's train prompts. */
  readonly deltaX: number;
  /** The same on plain train text, where features of one topic fire less than others. */
  readonly deltaXText: number;
  readonly biasBefore: number;
  readonly biasAfter: Estimate;
  /** After − before, pair by pair. */
  readonly biasChange: Estimate;
  /**
   * Bias left by the random edit of the same strength minus bias left by this one, pair by pair: above 0 when this edit
   * removes more than chance. Absent for the random edits, and where no random edit of that strength was made.
   */
  readonly beyondRandom?: Estimate;
  readonly agreementBefore: number;
  readonly agreementAfter: Estimate;
  /** KL(original ‖ edited) per token of plain held-out text, in nats. */
  readonly kl: Estimate;
  readonly perplexity: number;
  /** Correlation over occupations of the log-odds she : he with the share of women; of a random row's first draw. */
  readonly correlation: number;
  /** Independent draws behind a random row (their figures are averaged example by example). */
  readonly draws: number;
}

export interface OccupationRow {
  readonly occupation: string;
  readonly percentWomen: number;
  /** Mean log-odds she : he over the held-out prompts with this occupation. */
  readonly before: number;
  /** The same after an edit, by `${method}@${strength}`. */
  readonly after: Readonly<Record<string, number>>;
}

export interface EditResult {
  readonly task: string;
  readonly features: readonly EditedFeature[];
  readonly rows: readonly EditRow[];
  readonly baseline: {
    readonly bias: Estimate;
    readonly agreement: Estimate;
    readonly perplexity: number;
    readonly correlation: number;
  };
  readonly occupations: readonly OccupationRow[];
  /** Held-out pairs, agreement examples and tokens of plain text behind the figures. */
  readonly counts: { readonly pairs: number; readonly agreement: number; readonly textTokens: number };
}
