/** @file What a bias study on text is asked for. */

import type { PathRule } from '../../edits/bias/paths.ts';

/** Options of `untangle study bias` on text, with every default written out. */
export interface BiasTextOptions {
  readonly model: string;
  /** A complete cut: the residual stream after a block. */
  readonly site: string;
  /** Two fields: men of the first and women of the second are trained on. */
  readonly fields: readonly [string, string];
  /** `wikipedia-people`, `bias-in-bios`, or what `openBiographies` takes. */
  readonly data: string;
  /** Dictionaries of others in place of ones that are learned here. */
  readonly dictionaries: readonly string[];
  /** How many dictionaries are learned, with seeds 0, 1, … */
  readonly dictionarySeeds: number;
  readonly probes: number;
  readonly text: string;
  readonly trainTokens: number;
  readonly heldOutTokens: number;
  /** Features per dictionary. */
  readonly features: number;
  /** Tokens of a biography that are read. */
  readonly length: number;
  /** People of other fields that gender is learned from. */
  readonly auxiliaryPeople: number;
  /** People of each field and gender that are used, at most. */
  readonly peoplePerCell: number;
  /** Rows of each class that are trained on, at most. */
  readonly perClass?: number;
  /** Share of people that is tested on. */
  readonly testShare: number;
  /** Whether cells with few people are filled, and the others doubled, with counterfactuals; false leaves people as found. */
  readonly counterfactuals: boolean;
  /** Windows of 64 tokens of plain text that collateral is measured on. */
  readonly textWindows: number;
  /** Held-out pairs of each other task. */
  readonly taskPairs: number;
  readonly resamples: number;
  /** Smaller paths than `PATH_RULE`: for trials. */
  readonly paths?: Partial<PathRule>;
  /** Features of the first dictionary that a person chose. */
  readonly choice?: Choice;
  readonly seed: number;
}

/** What a person chose: the content of a choice file. */
export interface Choice {
  readonly features: readonly number[];
  readonly site: string;
  readonly modelHash?: string;
  /** Hash of the dictionary that the features are numbers of. */
  readonly dictionary?: string;
}

export const BIAS_TEXT_DEFAULTS: BiasTextOptions = {
  model: 'smollm2-135m',
  site: 'blocks.11.hook_resid_post',
  fields: ['science', 'arts'],
  data: 'wikipedia-people',
  dictionaries: [],
  dictionarySeeds: 3,
  probes: 10,
  text: 'wikipedia-leads',
  trainTokens: 130_000,
  heldOutTokens: 16_000,
  features: 2304,
  length: 96,
  auxiliaryPeople: 700,
  peoplePerCell: 300,
  testShare: 0.3,
  counterfactuals: true,
  textWindows: 12,
  taskPairs: 24,
  resamples: 1000,
  seed: 0,
};

/** What `--small` changes: minutes become seconds, and figures mean nothing. */
export const BIAS_TEXT_SMALL: Partial<BiasTextOptions> = {
  dictionarySeeds: 1,
  probes: 3,
  trainTokens: 8000,
  heldOutTokens: 2000,
  features: 256,
  length: 40,
  auxiliaryPeople: 16,
  perClass: 24,
  peoplePerCell: 60,
  testShare: 0.25,
  textWindows: 2,
  taskPairs: 4,
  resamples: 100,
  paths: { pinned: 4, free: 3, steps: 6, metricPoints: 3 },
};
