/** @file What a method of the study is: a name, what it may see, and how its edit is made for one dictionary. */
import type { Random } from '../../../core/random.ts';
import type { BiasProblem, BiasRows, PooledEdit } from '../problem.ts';
import type { Selection } from '../selection.ts';
import type { BiasMethod, BiasPath } from '../types.ts';

/** One strength of an edit. */
export interface EditStep {
  readonly strength: number;
  readonly edit: PooledEdit;
}

/** Rows in place of the problem's: another text, or another representation of it. */
export interface OtherRows {
  readonly width: number;
  readonly train: BiasRows;
  readonly balanced: BiasRows;
  readonly oracleTrain: BiasRows;
}

/** The edit of a method, ready to be measured. */
export interface MadeRow {
  /** By strength; the last one is the full edit that the table shows. */
  readonly steps: readonly EditStep[];
  /**
   * `given`: trained on the confounded rows as they are, the edit comes afterwards; `retrained`: trained on the confounded
   * rows under the edit; `oracle`: trained on balanced rows.
   */
  readonly classifier: 'given' | 'retrained' | 'oracle';
  readonly rows?: OtherRows;
  /** Features, coordinates or directions changed. */
  readonly changed?: number;
  readonly path?: BiasPath;
  /** To make it, where that was done together with others. */
  readonly seconds?: number;
  readonly note?: string;
}

/** A method that cannot be made here, and why. */
export interface LeftOut {
  readonly left: string;
}

/** The ways over strengths: each is found when it is first asked for, and only once. Throws what its search throws. */
export interface Paths {
  straight(): BiasPath;
  gradientFlow(): BiasPath;
  leastAction(): BiasPath;
  straightToEnd(): BiasPath;
  /** Ends for partial removal, by the share that is removed; the last is the full one. */
  leastActionEnds(): readonly EditStep[];
  directEnds(): readonly EditStep[];
  /** Seconds to find each, the metric included where it is used. */
  readonly seconds: Readonly<Partial<Record<BiasMethod, number>>>;
  /** What the metric is, and the error of its interpolation. */
  readonly note: string;
}

export interface RowContext {
  readonly problem: BiasProblem;
  /** A person's choice of features of this dictionary. */
  readonly choice?: readonly number[];
  /** A stream of this row and dictionary. */
  readonly random: Random;
  /** Computed at most once per dictionary. */
  readonly shared: {
    selection(): Selection;
    paths(): Promise<Paths>;
  };
  readonly signal?: AbortSignal;
}

/** A method: one file each, all in the registry. */
export interface BiasMethodRow {
  readonly method: BiasMethod;
  readonly title: string;
  /** One sentence: which data it may look at. */
  readonly sees: string;
  /** True where balanced data choose something. */
  readonly skyline: boolean;
  /** Whether a dictionary's features are used: then every dictionary seed gives runs. */
  readonly dictionary: boolean;
  readonly strengthUnit: string;
  make(context: RowContext): Promise<MadeRow | LeftOut> | MadeRow | LeftOut;
}

/** Shares of an edit at which curves are measured. */
export const SHARES = [0.25, 0.5, 0.75, 1] as const;

/** Numbers of features at which curves over counts are measured. */
export const countsUpTo = (all: number): number[] => [...[1, 2, 5, 10, 20].filter((n) => n < all), all];

/** Features switched off. */
export const removal = (features: readonly number[]): PooledEdit => ({
  kind: 'strengths',
  features,
  alpha: new Float64Array(features.length),
});
