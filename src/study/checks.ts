/** @file Gathers the self-checks of all rooms. */
import type { Check, CheckRow } from '../core/check.ts';
import { nearestNames, throwIfAborted, UsageError } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';

/** Rooms with checks, from the ground up. Loaded only when asked for: some need the runtime. */
const rooms: Readonly<Record<string, () => Promise<{ readonly checks: readonly Check[] }>>> = {
  autodiff: async () => {
    const [{ autodiffChecks }, { runOnce }] = await Promise.all([
      import('../autodiff/checks.ts'),
      import('../runtime/session.ts'),
    ]);
    return { checks: autodiffChecks((graph, feeds, threads) => runOnce(graph, feeds, { threads })) };
  },
  mechanics: () => import('../mechanics/checks.ts'),
  models: () => import('../models/checks.ts'),
  networks: () => import('../networks/checks.ts'),
  activations: () => import('../activations/checks.ts'),
  dictionaries: () => import('../dictionaries/checks.ts'),
  circuits: () => import('../circuits/checks.ts'),
  energy: () => import('../energy/checks.ts'),
  edits: () => import('../edits/checks.ts'),
  superposition: () => import('../superposition/checks.ts'),
};

/** Areas that can be checked. */
const checkAreas = Object.keys(rooms);

/**
 * Rows of one area or of all.
 * @throws UsageError `usage.unknown-area`
 */
export async function runChecks(
  area: string | undefined,
  context: WorkContext & { readonly threads: number },
): Promise<CheckRow[]> {
  if (area !== undefined && !(area in rooms)) {
    throw new UsageError('usage.unknown-area', `there is no area "${area}" to check`, {
      hint: `did you mean "${nearestNames(area, checkAreas, 1)[0]}"? The areas are ${checkAreas.join(', ')}`,
    });
  }
  const rows: CheckRow[] = [];
  for (const name of area === undefined ? checkAreas : [area]) {
    const room = await rooms[name]?.();
    for (const check of room?.checks ?? []) {
      throwIfAborted(context.signal);
      context.progress({ type: 'start', task: `check/${check.area}`, label: check.area });
      rows.push(...(await check.rows(context)));
    }
  }
  return rows;
}
