/** @file The sequence clock as data: one feature's motion over tokens, a table over features, and a comparison with exact runs. */
import type { Trajectory } from '../../mechanics/types.ts';

/**
 * Where the mass comes from. `matched`: each feature its own, so that ⟨T_i⟩ = ⟨|V_i|⟩; `common`: one for all features, so
 * that Σ_i ⟨T_i⟩ = Σ_i ⟨|V_i|⟩; `unit`: 1.
 */
export type MassRule = 'matched' | 'common' | 'unit';

/** All mass rules, the default first. */
export const massRules: readonly MassRule[] = ['matched', 'common', 'unit'];

/** Means over the steps of one feature (mechanics.md §3). Energies in nats, or in units of the metric for prompts. */
export interface FeatureMotion {
  readonly mass: number;
  /** ⟨T⟩, T = p²/2m, p = m(q(t+1) − q(t)). */
  readonly kinetic: number;
  /** ⟨V⟩: below 0 for a feature that lowers the loss. */
  readonly potential: number;
  /** ⟨|V|⟩. */
  readonly absPotential: number;
  /** ⟨E⟩ = ⟨T⟩ + ⟨V⟩. */
  readonly energy: number;
  /** std_t(E) / (⟨|T|⟩ + ⟨|V|⟩); NaN where nothing moves and nothing counts. */
  readonly drift: number;
}

/** One feature in the table: its motion, the article's form of it, and the null. */
export interface FeatureClock extends FeatureMotion {
  readonly feature: number;
  /** Steps that begin with the feature active. */
  readonly active: number;
  /** ⟨U⟩ = −⟨V⟩: what the article calls V. */
  readonly performance: number;
  /** ⟨T⟩ − ⟨U⟩, the article's H: the same number as `energy`. */
  readonly article: number;
  /** Mean drift with V permuted in time within each text. */
  readonly nullDrift: number;
  /** (1 + permutations with no more drift) / (1 + permutations): small where the order in time makes the drift small. */
  readonly belowNull: number;
}

/** Features of one mass rule. */
export interface SequenceTable {
  readonly rule: MassRule;
  /** Those that are active in some step, by ⟨|V|⟩, largest first. */
  readonly features: readonly FeatureClock[];
  /** Medians over all active features. */
  readonly medianDrift: number;
  readonly medianNullDrift: number;
  /**
   * Share of active features whose drift is among the lowest twentieth of their permutations; 0.05 by chance. This and the
   * next two are absent where there is no such feature.
   */
  readonly belowNull?: number | undefined;
  /**
   * The same share of features that lower the loss (⟨V⟩ < 0) and of those that raise it. T and V are both large where a feature
   * is active, so they cancel in the first kind and add up in the second: a small drift says first of all that V is negative.
   */
  readonly belowNullLowering?: number | undefined;
  readonly belowNullRaising?: number | undefined;
}

/** First-order V against runs, over some steps of some features. */
export interface ExactComparison {
  readonly points: readonly ExactPoint[];
  /** Pearson correlation of first-order and exact V. */
  readonly correlation: number;
  /** Σ|V − V exact| / Σ|V exact|. */
  readonly error: number;
  /** Share of points of the same sign. */
  readonly sameSign: number;
}

/** V of one feature at one position of one text. */
export interface ExactPoint {
  readonly feature: number;
  readonly text: number;
  readonly position: number;
  /** q. */
  readonly activation: number;
  /** f ∂L/∂f. */
  readonly linear: number;
  /** L − L(do f = 0), by a run. */
  readonly exact: number;
}

/** What the sequence clock says of a dictionary on some texts. */
export interface SequenceResult {
  readonly clock: 'sequence';
  readonly site: string;
  readonly texts: number;
  /** Steps t → t + 1 between positions that the dictionary reads. */
  readonly steps: number;
  readonly permutations: number;
  /** One table for each mass rule. */
  readonly tables: readonly SequenceTable[];
  readonly exact?: ExactComparison;
}

/**
 * One feature over texts, behind each other: q activation, p = m Δq, energies E = T + V. Sample k is the step that begins
 * at position `position_K[k]` of text `text_K[k]`; where the text changes the motion is interrupted.
 */
export interface SequenceTrajectory extends Trajectory {
  readonly clock: 'sequence';
  readonly feature: number;
  readonly mass: number;
  readonly rule: MassRule;
  readonly kinetic_K: Float64Array;
  readonly potential_K: Float64Array;
  readonly text_K: Int32Array;
  readonly position_K: Int32Array;
}
