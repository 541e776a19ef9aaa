/** @file What edges are made of: the places they run between, their state at a point of a line, and what comes out. */
import type { Dictionary } from '../dictionaries/types.ts';
import type { Moves } from './effects.ts';
import type { FeatureState } from './feature-state.ts';

/**
 * All edges from one place to another, unthresholded, means over examples in energy direction: positive where the clean
 * run sends what the patched one does not. Nodes are numbered as `nodeIndex` says.
 */
export interface EdgeEffects {
  /** Sites; `to` is `metric` for edges into the answer, whose only node is 0. */
  readonly from: string;
  readonly to: string;
  readonly method: string;
  /** F at both ends; 0 where the whole state of a position is one node. */
  readonly fromFeatures: number;
  readonly toFeatures: number;
  readonly source: Int32Array;
  readonly target: Int32Array;
  readonly weight: Float32Array;
}

/** A place at which nodes live: features and error of a dictionary, or without one the whole state of each position. */
export interface NodePlace {
  readonly site: string;
  readonly depth: number;
  readonly width: number;
  readonly dictionary?: Dictionary;
}

/** A place at one point of the line (or in the clean run): [B, T, D] each. */
export interface PlacePoint {
  readonly x_BTD: ArrayLike<number>;
  /** p at this place: ∂m/∂x, averaged or not. */
  readonly costate_BTD: ArrayLike<number>;
  /** How its nodes move, clean → patched. */
  readonly moves: Moves;
  /** Which features are active at x; absent without a dictionary. */
  readonly state?: FeatureState;
}

/** Whether edges into a node are wanted, in this example. */
export type Wanted = (site: string, node: number, example: number) => boolean;

/** Nodes of a place that are taken together as one: the number of the one that stands for them, in the same numbering. */
export type Grouping = (site: string, node: number) => number;

export interface EdgeOptions {
  /** Recorded with the edges, e.g. `midpoint-10`. */
  readonly method: string;
  /** Rules of the derivative on the way from u to v; `gradient` by default. */
  readonly rules?: 'gradient' | 'relp';
  /** Downstream nodes; all by default. */
  readonly wanted?: Wanted;
  /** Nodes taken together at both ends: one run a group in place of one a node. */
  readonly group?: Grouping;
}

/** One edge: nodes as `nodeIndex` numbers them. */
export interface EdgeTotal {
  readonly from: string;
  readonly to: string;
  readonly source: number;
  readonly target: number;
  readonly weight: number;
}
