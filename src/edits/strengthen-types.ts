/** @file Strengthening as data: what is asked for, and what comes out. */
import type { RunOptions } from '../circuits/run-options.ts';
import type { Estimate } from '../core/statistics.ts';
import type { Task } from '../data/tasks.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import type { Model } from '../models/types.ts';
import type { EditedFeature } from './types.ts';

export interface StrengthenInput {
  readonly model: Model;
  /** The behaviour to be made more reliable. Features are chosen on its train pairs. */
  readonly task: Task;
  /** Behaviours that should stay as they are. */
  readonly others: readonly Task[];
  /** By depth. */
  readonly dictionaries: readonly Dictionary[];
  /** How many features. */
  readonly features: number;
  /** What is added: f becomes (1 + gain) f. */
  readonly gains: readonly number[];
  /** How effects are taken (effectMethod()). */
  readonly method: string;
  /** Draws of random features per gain. */
  readonly draws: number;
  /** Plain text: train windows for the size of edits there, held-out ones for KL. Token ids, all of one length. */
  readonly text: { readonly train: readonly Int32Array[]; readonly heldOut: readonly Int32Array[] };
  readonly seed: number;
  readonly run: RunOptions;
  readonly threads: number;
}

/** One gain, by the chosen features or by random ones. */
export interface StrengthenRow {
  readonly method: 'features' | 'random';
  readonly gain: number;
  /** Mean ‖Δx‖ per position and site on the task's train prompts, and on plain train text. */
  readonly deltaX: number;
  readonly deltaXText: number;
  /** Share of held-out prompts, both sides of every pair, that are answered right. */
  readonly accuracy: Estimate;
  readonly accuracyChange: Estimate;
  /** Mean log-odds of the right answer, both sides, and its change, pair by pair. */
  readonly margin: Estimate;
  readonly marginChange: Estimate;
  /** Margin under these features minus margin under random ones of the same ‖Δx‖, pair by pair. */
  readonly beyondRandom?: Estimate;
  readonly accuracyBeyondRandom?: Estimate;
  readonly others: readonly {
    readonly task: string;
    readonly accuracy: Estimate;
    readonly accuracyChange: Estimate;
  }[];
  readonly kl: Estimate;
  readonly perplexity: number;
  readonly draws: number;
}

export interface StrengthenResult {
  readonly task: string;
  readonly title: string;
  readonly method: string;
  readonly features: readonly EditedFeature[];
  readonly baseline: {
    readonly accuracy: Estimate;
    readonly margin: Estimate;
    readonly perplexity: number;
    readonly others: readonly { readonly task: string; readonly accuracy: Estimate }[];
  };
  readonly rows: readonly StrengthenRow[];
  /** The gain with the largest margin on train pairs: what one would take. */
  readonly chosen: { readonly gain: number; readonly trainAccuracy: number; readonly trainMargin: number };
  readonly counts: { readonly pairs: number; readonly textTokens: number };
}
