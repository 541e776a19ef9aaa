/** @file Self-check of planted circuits: path work finds their edges, and its paths add up to the whole. */
import { type CheckRow, checkRow } from '../../core/check.ts';
import type { WorkContext } from '../../core/progress.ts';
import { random } from '../../core/random.ts';
import { openSession } from '../../runtime/session.ts';
import { findPlanted, openPlanted, scorePlanted } from './methods.ts';
import { plantedNetworks } from './networks.ts';

/** What AUROC may lack of 1. */
const LACKS = 0.05;
/** The induction head takes longest and is left to `npm run bench:planted`. */
const quick = (name: string) => name !== 'induction';

/** One row for each network that is compiled by hand. */
export async function plantedRows(
  area: string,
  { threads, signal }: WorkContext & { readonly threads: number },
): Promise<CheckRow[]> {
  const run = {
    ...{
      threads,
      tokensPerRun: 2048,
      open: (graph: Parameters<typeof openSession>[0]) => openSession(graph, { threads }),
    },
    ...(signal ? { signal } : {}),
  };
  const rows: CheckRow[] = [];
  for (const planted of plantedNetworks().filter(({ name }) => quick(name))) {
    const setting = openPlanted(planted, 16, random(7), run);
    const { edgeAuroc } = scorePlanted(setting, await findPlanted(setting, 'path-work'));
    rows.push(checkRow(area, `planted ${planted.name}: 1 − edge AUROC of path work`, 1 - edgeAuroc, LACKS));
  }
  return rows;
}
