/** @file The results of a study, gathered from its steps: what the Studio, the reports and `--json` are made of. */
import type { CircuitResult } from '../circuits/types.ts';
import type { DictionaryResult } from '../dictionaries/types.ts';
import type { EditResult } from '../edits/types.ts';
import type { ConceptResult } from '../energy/concept/types.ts';
import type { EnergyResult } from '../energy/types.ts';
import type { ModelSummary } from '../models/summary.ts';
import type { StudySequence, TaskFlow } from './energy/types.ts';

export type { ModelSummary };

/** Positions that are kept out of training and scores: the first of each window, and attention sinks. */
export interface LeftOut {
  readonly site: string;
  readonly first: number;
  readonly byNorm: number;
  /** byNorm as a share of all positions. */
  readonly share: number;
}

export interface TextSummary {
  readonly source: string;
  readonly documents: number;
  readonly trainTokens: number;
  readonly heldOutTokens: number;
  readonly attribution: string;
}

/** Dictionaries of one site beside each other, the one that the study goes on with first. */
export interface SweepResult {
  readonly site: string;
  readonly rows: readonly (DictionaryResult & {
    /** What is different from the others, e.g. `k=16`. */
    readonly name: string;
    readonly chosen: boolean;
  })[];
}

export interface StudyResults {
  readonly model?: ModelSummary;
  readonly text?: TextSummary & { readonly leftOut: readonly LeftOut[] };
  readonly dictionaries: readonly DictionaryResult[];
  readonly sweeps: readonly SweepResult[];
  readonly circuits: readonly CircuitResult[];
  readonly energy: readonly EnergyResult[];
  readonly flows: readonly TaskFlow[];
  readonly sequence?: StudySequence;
  readonly edit?: EditResult;
  /** What the user's own modules say of each task. */
  readonly concepts: readonly ConceptResult[];
}

export const noResults: StudyResults = {
  dictionaries: [],
  sweeps: [],
  circuits: [],
  energy: [],
  flows: [],
  concepts: [],
};

/** `results` with the result of the step `name` put in its place; steps without a place change nothing. */
export function withResult(results: StudyResults, name: string, result: unknown): StudyResults {
  const [stage, ...rest] = name.split('/');
  const key = rest.join('/');
  const add = <T>(list: readonly T[], item: T, keyOf: (item: T) => string): T[] => [
    ...list.filter((old) => keyOf(old) !== key),
    item,
  ];
  switch (stage) {
    case 'model':
      return { ...results, model: (result as { summary: ModelSummary }).summary };
    case 'text':
      return { ...results, text: { ...(result as TextSummary), leftOut: [] } };
    case 'harvest':
      return results.text
        ? { ...results, text: { ...results.text, leftOut: (result as { leftOut: LeftOut[] }).leftOut } }
        : results;
    case 'evaluate':
      return {
        ...results,
        dictionaries: add(results.dictionaries, result as DictionaryResult, (d) => d.site),
      };
    case 'sweep':
      return { ...results, sweeps: add(results.sweeps, result as SweepResult, (s) => s.site) };
    case 'circuit':
      return { ...results, circuits: add(results.circuits, result as CircuitResult, (c) => c.task) };
    case 'energy':
      return { ...results, energy: add(results.energy, result as EnergyResult, (e) => e.task) };
    case 'flow':
      return { ...results, flows: add(results.flows, result as TaskFlow, (f) => f.task) };
    case 'sequence':
      return { ...results, sequence: result as StudySequence };
    case 'concept':
      return {
        ...results,
        concepts: add(results.concepts, result as ConceptResult, (c) => `${c.module}/${c.task}`),
      };
    case 'edit':
      return { ...results, edit: result as EditResult };
    default:
      return results;
  }
}
