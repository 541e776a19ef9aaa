/** @file Which of several results the first screen shows. */
import type { Lean } from '../../../../src/pictures/dumbbell.ts';
import type { CircuitResult, EditResult, EditRow, EnergyResult, StudyResults } from '../../api/types.ts';

/** The circuit of the sentence: she or he where there is one, else the last. */
export const mainCircuit = ({ circuits }: StudyResults): CircuitResult | undefined =>
  circuits.find((one) => one.task === 'gender') ?? circuits.at(-1);

/** The energy of the same task. */
export const mainEnergy = (results: StudyResults): EnergyResult | undefined =>
  results.energy.find((one) => one.task === mainCircuit(results)?.task) ?? results.energy.at(-1);

/** The row of the edit that is shown first: the circuit's features, switched off. */
export const mainRow = ({ rows }: EditResult): EditRow | undefined =>
  rows.find((row) => row.method === 'features' && row.strength === 1) ??
  rows.find((row) => row.method === 'features') ??
  rows[0];

/** Key of a row in an occupation's `after`. */
export const rowKey = (row: Pick<EditRow, 'method' | 'strength'>): string => `${row.method}@${row.strength}`;

/** Before and after of each occupation for one row (the main one when left out), most women first. */
export function leansOf(edit: EditResult, row: EditRow | undefined = mainRow(edit)): Lean[] {
  if (!row) return [];
  return edit.occupations
    .map(({ occupation, percentWomen, before, after }) => ({
      occupation,
      percentWomen,
      before,
      after: after[rowKey(row)] ?? before,
    }))
    .sort((a, b) => b.percentWomen - a.percentWomen);
}
