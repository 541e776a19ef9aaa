/** @file What else an edit moved: other behaviours, plain text, the state itself, beside random edits that move it as far. */
import type { Estimate } from '../../core/statistics.ts';

/** A change in a few words. */
export interface ChangeSummary {
  readonly kind: string;
  readonly site: string;
  readonly strength: number;
  /** How many features, where it is about features. */
  readonly features?: number;
}

/** A behaviour under the edit: held-out pairs of a task. */
export interface TaskCollateral {
  readonly task: string;
  readonly title: string;
  /** Whether the edit is meant to change it. */
  readonly target: boolean;
  readonly examples: number;
  /** Share of clean prompts that are answered right. */
  readonly accuracy: { readonly before: Estimate; readonly after: Estimate; readonly change: Estimate };
  /** m(clean) − m(patch) in nats: how far the fact in which the prompts differ decides the answer. */
  readonly effect: {
    readonly before: Estimate;
    readonly after: Estimate;
    /** 1 − after/before: 0 untouched, 1 removed, below 0 made stronger, above 1 turned round. */
    readonly removed: Estimate;
  };
  /** The same under random edits of equal ‖Δx‖, averaged example by example; and random − edit, pair by pair. */
  readonly random?: {
    readonly accuracyChange: Estimate;
    readonly removed: Estimate;
    /** Effect left by random edits minus effect left by this one, in nats. */
    readonly beyond: Estimate;
  };
}

export interface TextCollateral {
  readonly windows: number;
  readonly tokens: number;
  /** KL(original ‖ edited) per token, in nats. */
  readonly kl: Estimate;
  readonly perplexity: { readonly before: number; readonly after: number };
  /** Mean ‖Δx‖ per position, change by change. */
  readonly deltaX: readonly { readonly site: string; readonly size: Estimate }[];
  readonly random?: {
    readonly kl: Estimate;
    readonly perplexity: number;
    /** KL of random edits minus KL of this one, window by window. */
    readonly beyond: Estimate;
  };
}

export interface CollateralResult {
  readonly model: { readonly name: string; readonly hash: string; readonly note: string };
  readonly changes: readonly ChangeSummary[];
  /** What all strengths were multiplied by. */
  readonly factor: number;
  readonly tasks: readonly TaskCollateral[];
  /** Absent without windows of text. */
  readonly text?: TextCollateral;
  /** Random edits behind the null. */
  readonly draws: number;
  readonly matrix?: EffectMatrix;
}

/** One row: the edit of one concept, and what it does to all. */
export interface EffectRow {
  readonly concept: string;
  readonly changes: readonly ChangeSummary[];
  /** Strengths were multiplied by this so that its own effect is the one aimed at. */
  readonly factor: number;
  /** Whether the effect aimed at could be reached. */
  readonly matched: boolean;
  /** Share of the effect of each concept that is removed. */
  readonly behaviour: readonly Estimate[];
  /** Share of the separation by a linear probe, at the last cut and position, that is removed; null where no probe can be fitted. */
  readonly probe: readonly (number | null)[];
}

/** What the edit of concept i does to concept j, at matched effect on its own. */
export interface EffectMatrix {
  readonly concepts: readonly string[];
  /** The share of its own effect that each edit was to remove. */
  readonly aim: number;
  readonly rows: readonly EffectRow[];
  readonly behaviour: EffectScore;
  /** Of the probes, where every concept has one. */
  readonly probe?: Pick<EffectScore, 'on' | 'off' | 'score'>;
  /** Random edits that move the state as far: rows as above, by behaviour. */
  readonly random: { readonly rows: readonly (readonly number[])[]; readonly score: number };
}

/** on: mean of the diagonal; off: mean |off-diagonal|; score = (on − off)/(on + off), 1 when nothing else moves; −1 where on ≤ 0. */
export interface EffectScore {
  readonly on: number;
  readonly off: number;
  readonly score: number;
  /** 95 % bootstrap over held-out pairs. */
  readonly interval: Estimate;
}
