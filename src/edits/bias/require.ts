/** @file What a problem must hold before anything is measured: values of both kinds, enough rows in every group. */
import { EditError } from '../../core/errors.ts';
import { GROUPS, groupOf } from './metrics.ts';
import type { BiasProblem, BiasRows } from './problem.ts';

/** Fewer rows than this in a group say nothing of it. */
export const LEAST_ROWS = 4;

/**
 * Throws unless the study can be made.
 * @throws EditError `edit.one-value` (an attribute with one value), `edit.few-rows`, `edit.shape`
 */
export function requireRows(problem: BiasProblem): void {
  const { train, retain, auxiliary, balanced, oracleTrain, protected: attribute, outcome } = problem;
  const sets = { train, retain, auxiliary, balanced, oracleTrain };
  for (const [name, rows] of Object.entries(sets)) requireShape(problem, name, rows);
  for (const [name, rows] of Object.entries({ train, auxiliary, balanced, oracleTrain })) {
    if (new Set(rows.protected_N).size < 2) throw oneValue(attribute.name, name);
    if (name !== 'auxiliary' && new Set(rows.outcome_N).size < 2) throw oneValue(outcome.name, name);
  }
  for (const [name, rows] of Object.entries({ balanced, oracleTrain })) {
    const counts = new Array<number>(GROUPS).fill(0);
    for (let n = 0; n < rows.ids.length; n++) counts[groupOf(rows, n)]! += 1;
    const group = counts.findIndex((count) => count < LEAST_ROWS);
    if (group >= 0) {
      const cell = `${outcome.values[group >> 1 ? 1 : 0]}, ${attribute.values[group & 1 ? 1 : 0]}`;
      throw new EditError(
        'edit.few-rows',
        `only ${counts[group]} of the ${name} rows are "${cell}"; ${LEAST_ROWS} are needed`,
        { where: problem.name, hint: 'choose values that more of the data have, or more data' },
      );
    }
  }
}

function requireShape({ name, width, features }: BiasProblem, set: string, rows: BiasRows): void {
  const count = rows.ids.length;
  const lengths = [rows.outcome_N.length, rows.protected_N.length, rows.swapped_N.length];
  if (
    rows.x_ND.length === count * width &&
    rows.features_NF.length === count * features &&
    lengths.every((length) => length === count)
  )
    return;
  throw new EditError('edit.shape', `the ${set} rows do not have ${count} rows of ${width} and ${features}`, {
    where: name,
    hint: 'every set needs states, features, labels and names of the same number of rows',
  });
}

const oneValue = (attribute: string, set: string): EditError =>
  new EditError('edit.one-value', `"${attribute}" has the same value in all ${set} rows`, {
    where: attribute,
    hint: 'a bias needs both values: choose another attribute, other fields, or more data',
  });
