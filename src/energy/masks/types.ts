/** @file Circuits found by moving feature masks, as JSON: energies of the motion, faithfulness by size beside other ways. */
import type { Estimate } from '../../core/statistics.ts';

/** `metric`: −mean metric; `kl`: KL(clean ‖ masked) of the answer's distribution at the last position, in nats. */
export type MaskLoss = 'metric' | 'kl';

/** One step of a motion in mask coordinates; all in units of the loss. */
export interface MaskStep {
  readonly step: number;
  /** Kinetic energy T = |p|²/2m; 0 where the method has no momentum. */
  readonly kinetic: number;
  /** V = loss + λ Σ m. */
  readonly potential: number;
  /** H = T + V. */
  readonly energy: number;
  readonly loss: number;
  /** Σ m over all candidates: the soft size. */
  readonly size: number;
}

/** A circuit of one size by one arm, run alone on held-out examples (docs/circuits.md). */
export interface MaskPoint {
  readonly nodes: number;
  readonly errorNodes: number;
  readonly faithfulness: Estimate;
  /** On the examples that the masks were learned from. */
  readonly train: Estimate;
  readonly completeness: Estimate;
}

export interface MaskArm {
  /** `energy` (conformal leapfrog), `adam`, `threshold`, `flow`, `random`. */
  readonly name: string;
  readonly meaning: string;
  /** Gradients over all train examples that the arm took, its tuning included; absent for `flow`, where every edge takes its own. */
  readonly gradients?: number;
  readonly seconds: number;
  readonly points: readonly MaskPoint[];
  /** Settings that were tried and V at the end of each; the smallest was kept. */
  readonly tuning?: readonly { readonly setting: string; readonly potential: number }[];
  readonly motion?: readonly MaskStep[];
}

/** Faithfulness of `energy` minus that of another arm at one size, held-out examples kept paired. */
export interface MaskDifference {
  readonly nodes: number;
  readonly against: string;
  readonly difference: Estimate;
}

export interface MaskCircuitResult {
  readonly task: string;
  readonly sites: readonly string[];
  readonly loss: MaskLoss;
  /** λ, in units of the loss a node. */
  readonly sparsity: number;
  readonly candidates: number;
  readonly examples: number;
  readonly heldOutExamples: number;
  readonly arms: readonly MaskArm[];
  readonly differences: readonly MaskDifference[];
  /** The circuit by energy at the largest size: nodes in the order of their masks. */
  readonly nodes: readonly {
    readonly site: string;
    readonly position: number;
    /** −1 for the error node. */
    readonly feature: number;
    readonly mask: number;
  }[];
}
