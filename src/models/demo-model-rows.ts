/** @file Self-checks on the demo's model: one failed row, with the reason as a note, where it cannot be had. */
import { type CheckRow, checkRow } from '../core/check.ts';
import { reportError, throwIfAborted } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';
import { openTokenModel } from './open.ts';
import type { Model } from './types.ts';

/** `rows` of the opened SmolLM2, or the row that says it cannot be opened. */
export async function demoModelRows(
  area: string,
  { progress, signal }: WorkContext,
  rows: (model: Model) => Promise<CheckRow[]>,
): Promise<CheckRow[]> {
  let model: Model;
  try {
    model = await openTokenModel('smollm2-135m', { progress, ...(signal ? { signal } : {}) });
  } catch (error) {
    throwIfAborted(signal);
    progress({ type: 'note', text: reportError(error).message });
    return [checkRow(area, 'SmolLM2 cannot be opened', 1, 0)];
  }
  return rows(model);
}
