/** @file A concept of one's own: what a user's module exports, what it is given, and the result, as JSON. */

/** A list of numbers that a module may return; every one finite. */
export type Numbers = readonly number[] | Float64Array | Float32Array;

/** What can be asked about one side (clean or patch) of all examples at one dictionary's cut. */
export interface ConceptFeatures {
  readonly site: string;
  /** Order of computation: 0 the embedding, l + 1 the stream after block l. */
  readonly depth: number;
  /** Features F of the dictionary, and the width D of the state. */
  readonly features: number;
  readonly width: number;
  /** Row i is the direction d_i of feature i, [F, D]. */
  readonly W_dec_FD: Float32Array;
  /** Whether the dictionary reads a position of the clean run: not the first one, and no attention sink. */
  reads(example: number, position: number): boolean;
  /** Activation f_i > 0 by feature; empty at positions that the dictionary does not read. */
  active(example: number, position: number): ReadonlyMap<number, number>;
  /** The same in the patched run. */
  activePatch(example: number, position: number): ReadonlyMap<number, number>;
  /** Momentum p_i = λ·d_i = ∂m/∂f_i at the clean run. */
  momentum(example: number, position: number, feature: number): number;
}

/** One complete cut: states of both sides and the costate λ = ∂m/∂x at the clean run, [B, T, D] each. */
export interface ConceptCut {
  readonly site: string;
  readonly depth: number;
  readonly width: number;
  readonly clean_BTD: Float32Array;
  readonly patch_BTD: Float32Array;
  readonly costate_BTD: Float32Array;
}

/** All that a concept may look at. Nothing of it may be written to. */
export interface ConceptData {
  readonly task: string;
  readonly examples: number;
  readonly positions: number;
  /** Tokens of the clean and the patched prompts as text, [B][T]. */
  readonly tokens_BT: readonly (readonly string[])[];
  readonly patchTokens_BT: readonly (readonly string[])[];
  /** m(clean) and m(patch) of every example. */
  readonly clean_B: Float64Array;
  readonly patch_B: Float64Array;
  /** Every complete cut, from the embedding to the last block. */
  readonly cuts: readonly ConceptCut[];
  /** The study's dictionaries, by depth. */
  readonly dictionaries: readonly ConceptFeatures[];
  /** Random numbers in [0, 1) that follow from the study's seed. */
  readonly random: () => number;
}

/** What a series runs over: the complete cuts, the positions, or the examples. */
export type SeriesOver = 'depth' | 'sequence' | 'examples';

interface Named {
  /** What it is called wherever it is shown. */
  readonly name: string;
  /** One plain sentence that says what the number means. */
  readonly meaning: string;
  readonly unit?: string;
}

/** A number of a network on a task, or one for each cut, position or example. */
export interface Observable extends Named {
  readonly kind: 'observable';
  /** What `measure` returns a list over; a single number when left out. */
  readonly over?: SeriesOver;
  measure(data: ConceptData): number | Numbers | Promise<number | Numbers>;
}

/** One feature at the positions of one example: what a potential is asked about. */
export interface FeaturePath {
  readonly site: string;
  readonly feature: number;
  readonly example: number;
  /** Activations q_t and momenta p_t = ∂m/∂f at the positions. */
  readonly q_T: Float64Array;
  readonly p_T: Float64Array;
  readonly tokens_T: readonly string[];
}

/** A potential V(t) of one feature over the tokens of a prompt, in place of the textbook one, f·∂L/∂f. */
export interface Potential extends Named {
  readonly kind: 'potential';
  value(path: FeaturePath): Numbers | Promise<Numbers>;
}

/** A time of one's own: states of a motion, K times and N coordinates, row by row. */
export interface Clock extends Named {
  readonly kind: 'clock';
  /** Names of the N coordinates. */
  readonly coordinates: readonly string[];
  motion(data: ConceptData): ConceptMotion | Promise<ConceptMotion>;
}

export interface ConceptMotion {
  readonly times: Numbers;
  readonly q_KN: Numbers;
  /** Momenta; without them they are Δq/Δt, mass 1. */
  readonly p_KN?: Numbers;
  /** V at each time, for H = T + V; 0 when left out. */
  readonly potential_K?: Numbers;
}

/** The default export of a concept's module. */
export type Concept = Observable | Potential | Clock;

/** One feature under a potential: the figures of the sequence clock. */
export interface PotentialFigures {
  readonly site: string;
  readonly feature: number;
  readonly kinetic: number;
  readonly potential: number;
  readonly energy: number;
  /** Absent where nothing moves and nothing counts: 0 would say that the energy is kept. */
  readonly drift?: number;
  /** The drift under the textbook potential −f·∂m/∂f. */
  readonly textbookDrift?: number;
}

/** What a concept said about one task. */
export interface ConceptResult {
  /** Name of the module's file without its ending. */
  readonly module: string;
  readonly task: string;
  readonly kind: Concept['kind'];
  readonly name: string;
  readonly meaning: string;
  readonly unit?: string;
  /** Of an observable without `over`. */
  readonly value?: number;
  /** Of an observable over cuts, positions or examples; `labels` name the places. */
  readonly series?: {
    readonly over: SeriesOver;
    readonly labels: readonly string[];
    readonly values: readonly number[];
  };
  /** Of a potential: the features that were active most. */
  readonly features?: readonly PotentialFigures[];
  /** Of a clock; kinetic energy |p|²/2, H = T + V, and the drift of H over its scale, absent where T and V are 0. */
  readonly motion?: {
    readonly coordinates: readonly string[];
    readonly times: readonly number[];
    readonly q_KN: readonly number[];
    readonly p_KN: readonly number[];
    readonly kinetic_K: readonly number[];
    readonly potential_K: readonly number[];
    readonly energy_K: readonly number[];
    readonly drift?: number;
  };
}
