/** @file What commands, study and Studio say of energy beyond one task, as plain JSON. */
import type { EnergyFlow } from '../../energy/depth/types.ts';
import type { EffectiveFeatures } from '../../energy/ensemble/coactivation.ts';
import type { LocalLearning } from '../../energy/ensemble/local-learning.ts';
import type { MaskThermal } from '../../energy/ensemble/masks.ts';
import type { StrengthSampler, StrengthThermal } from '../../energy/ensemble/strengths.ts';
import type { Breaking } from '../../energy/learning/breaking.ts';
import type { TrainingReport } from '../../energy/learning/report.ts';
import type { SeparationRun } from '../../energy/learning/separation-run.ts';
import type { Symmetry } from '../../energy/learning/symmetry.ts';
import type { SequenceResult } from '../../energy/sequence/types.ts';

/** The energy flow of one task, as the study's step and the Studio hold it. */
export interface TaskFlow {
  readonly task: string;
  readonly title: string;
  /** Names of the positions. */
  readonly labels: readonly string[];
  readonly flow?: EnergyFlow;
  /** Why there is none, in a sentence. */
  readonly missing?: string;
}

/** One feature over one text: q has an entry at each step, p, T and V belong to the step that begins there. */
export interface TextTrace {
  /** Index in `texts`. */
  readonly text: number;
  /** Positions in the text at which the steps begin. */
  readonly positions: readonly number[];
  readonly q: readonly number[];
  readonly p: readonly number[];
  readonly kinetic: readonly number[];
  readonly potential: readonly number[];
}

/** The motion of one feature over real texts, matched mass. */
export interface FeatureTrace {
  readonly feature: number;
  readonly mass: number;
  readonly traces: readonly TextTrace[];
}

/** The sequence clock of one dictionary on plain text. */
export interface SequenceReport {
  readonly model: string;
  readonly text: string;
  /** Predicted tokens of each text. */
  readonly length: number;
  /** Tables cut to their first features. */
  readonly clock: SequenceResult;
  readonly features: readonly FeatureTrace[];
  /** Tokens of the texts that motions are shown over. */
  readonly texts: readonly (readonly string[])[];
  readonly seconds: number;
}

/** What the study's step holds: the clock, or why there is none. */
export interface StudySequence {
  readonly report?: SequenceReport;
  readonly missing?: string;
}

/** The charge of a symmetry along a motion without friction. */
export interface ChargeReport {
  readonly name: string;
  readonly kind: Symmetry['kind'];
  /** An isometry: its charge stays. Others go as twice a kinetic energy. */
  readonly conserved: boolean;
  /** |∇V·ξ| / Σ|∂V/∂θ_i ξ_i| at the start. */
  readonly symmetryDefect: number;
  readonly times: readonly number[];
  readonly charge: readonly number[];
  readonly predicted: readonly number[];
  readonly defect: number;
  /** Largest |H − H(0)| of the same motion. */
  readonly energyError: number;
}

/** What gradient flow conserves, after gradient descent of the same duration. */
export interface BrokenCharge extends Omit<Breaking, 'symmetry'> {
  readonly name: string;
}

/** The learning clock of a toy model of superposition (five features in two neurons) or of a dictionary of its states. */
export interface LearningReport {
  readonly clock: 'learning';
  readonly system: 'toy' | 'dictionary';
  readonly name: string;
  readonly parameters: number;
  readonly seed: number;
  readonly runs: readonly TrainingReport[];
  readonly charges: readonly ChargeReport[];
  readonly broken: readonly BrokenCharge[];
  /** Toy only: the estimated barrier between the pentagon and a merger of two features, and motions that test it. */
  readonly separation?: {
    readonly cosine: number;
    readonly pair: readonly [number, number];
    readonly floor: number;
    readonly barrier: number;
    readonly ways: number;
    readonly converged: boolean;
    /** V along the way, up to the merger. */
    readonly path: readonly number[];
    /** The saddle on the way to the two digons, for comparison. */
    readonly saddleToDigons: number;
    readonly runs: readonly SeparationRun[];
  };
  readonly seconds: number;
}

/** The ensemble of masks of some features at one cut; V is minus the task's metric, mean over prompts. */
export interface MaskEnsembleReport {
  /** The chosen features; their null without interaction; as many active features at random; the untrained network. */
  readonly name: 'features' | 'without interaction' | 'random features' | 'untrained network';
  readonly features: readonly number[];
  /** V with all features kept, with none, and of the best mask. */
  readonly all: number;
  readonly none: number;
  readonly lowest: number;
  /** Exact sums over all masks, hottest first. */
  readonly thermal: readonly MaskThermal[];
  readonly peak: { readonly temperature: number; readonly specificHeat: number };
  /** Strengths between 0 and 1 in place of masks, V multilinear: drawn by samplers of mechanics. */
  readonly sampled?: readonly {
    readonly sampler: StrengthSampler;
    readonly thermal: readonly StrengthThermal[];
  }[];
}

/** Effective number of features on plain text. */
export interface CoactivationReport extends EffectiveFeatures {
  readonly name: 'trained' | 'random dictionary' | 'untrained network';
}

/** Beyond Hamilton at one cut of a network. */
export interface EnsembleReport {
  readonly model: string;
  readonly site: string;
  readonly task: string;
  readonly title: string;
  readonly examples: number;
  readonly text: string;
  readonly masks: readonly MaskEnsembleReport[];
  readonly coactivation: readonly CoactivationReport[];
  /** Local learning coefficients of the pentagon and the two digons of the toy model. */
  readonly basins: readonly LocalLearning[];
  readonly seconds: number;
}
