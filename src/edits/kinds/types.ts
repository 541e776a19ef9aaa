/** @file What an edit is: changes x′ = x + strength · δ(x), each at a site or on features, one after another. */
import type { z } from 'zod';
import type { Tensor } from '../../core/tensor.ts';
import type { Dictionary } from '../../dictionaries/types.ts';

/** Numbers of a change: in memory, float32 or float64. */
export type Numbers = Tensor<'float32'> | Tensor<'float64'>;

/** Positions that a change at a site passes by; none when nothing is said. */
export interface Positions {
  /** Position 0 of a text stays as it is: nearly every model makes an attention sink of it. */
  readonly skipFirst: true;
  /** Rows with a larger norm (attention sinks) stay as they are. */
  readonly maxNorm?: number | undefined;
}

/** A value of the network, or a part of it: one head, some coordinates of its last axis. */
export interface AtSite {
  readonly site: string;
  readonly head?: number | undefined;
  readonly neurons?: readonly number[] | undefined;
  readonly positions?: Positions | undefined;
}

/** A dictionary and the folder that it was read from, when it was. */
export interface DictionaryAt {
  readonly dictionary: Dictionary;
  readonly folder?: string;
}

/** Features of a dictionary, at the positions that it reads; what it does not explain stays. */
export interface AtFeatures {
  readonly dictionary: DictionaryAt;
  readonly features: readonly number[];
}

export type Target = AtSite | AtFeatures;

export const onFeatures = <T extends Target>(target: T): target is Extract<T, AtFeatures> =>
  'dictionary' in target;

/** The site that a change acts at. */
export const siteOf = (target: Target): string =>
  onFeatures(target) ? target.dictionary.dictionary.site : target.site;

/** From … to, both included. */
export type Range = readonly [number, number];

/**
 * δ as a function of n coordinates c: those of a site that a change is about, or the activations of its features.
 * Arrays of length 1 hold for every coordinate.
 */
export type Form =
  /** δ = scale ∘ c + c·read·write + shift. */
  | {
      readonly form: 'affine';
      readonly scale?: Float64Array;
      readonly lowRank?: {
        readonly rank: number;
        /** [n, rank]. */
        readonly read: Float64Array;
        /** [rank, n]. */
        readonly write: Float64Array;
      };
      readonly shift?: Float64Array;
    }
  /** δ = ‖c‖ · vector. */
  | { readonly form: 'norm'; readonly vector: Float64Array }
  /** δ = r − c with another of `count` rows r at every position of every example; [count, n]. */
  | { readonly form: 'rows'; readonly rows: Float64Array; readonly count: number };

/** A kind of change: its data C are what `schema` gives. */
export interface Kind<C> {
  /** One line for people. */
  readonly about: string;
  /** Reads a change whose files are read already. */
  readonly schema: z.ZodType<C>;
  /** What `strength` may be. */
  readonly strength: Range;
  /** What `by` may be, where the kind has one. */
  readonly by?: (change: C) => Range;
  /** It acts on the whole state, or a head's: given features, along their directions. Else on single coordinates. */
  readonly state?: true;
  /** @param size n; 0 where the site has no fixed width. @throws EditError `edit.vector` when the numbers do not fit */
  readonly form: (change: C, size: number) => Form;
}
