/** @file What commands, study and Studio say of energy beyond one task, as plain JSON. */
import type { EnergyFlow } from '../../energy/depth/types.ts';
import type { SequenceResult } from '../../energy/sequence/types.ts';

/** The energy flow of one task, as the study's step and the Studio hold it. */
export interface TaskFlow {
  readonly task: string;
  readonly title: string;
  /** Names of the positions. */
  readonly labels: readonly string[];
  readonly flow: EnergyFlow;
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
