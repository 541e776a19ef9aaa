/** @file Self-check of activations: a harvest holds what the network computes, and a stopped one goes on to the same bytes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Check, checkRow } from '../core/check.ts';
import { silent } from '../core/progress.ts';
import { random } from '../core/random.ts';
import { i64 } from '../core/tensor.ts';
import type { Window } from '../data/windows.ts';
import { only } from '../graph/interventions.ts';
import { tinyLlama } from '../models/tiny.ts';
import { openSession } from '../runtime/session.ts';
import { type HarvestOptions, harvest } from './harvest.ts';
import { openActivations } from './open.ts';

const area = 'activations';
const site = 'blocks.1.hook_resid_post';

export const checks: Check[] = [
  {
    area,
    async rows({ threads }) {
      const folder = await mkdtemp(join(tmpdir(), 'untangle-check-'));
      try {
        const model = tinyLlama(5);
        const chance = random(5);
        const windows: Window[] = Array.from({ length: 12 }, () => ({
          tokens: Int32Array.from({ length: 9 }, () => chance.integer(256)),
          documents: new Int32Array(9),
        }));
        const base = { model, windows, sites: [site], threads, batch: 2, shardWindows: 4, progress: silent };
        const whole = await recorded({ ...base, folder: join(folder, 'whole') });
        const stop = new AbortController();
        const stopped = { ...base, folder: join(folder, 'stopped') };
        await harvest({
          ...stopped,
          signal: stop.signal,
          progress: (e) => e.type === 'advance' && e.done >= 60 && stop.abort(),
        }).catch(() => {});
        const resumed = await recorded(stopped);
        const session = await openSession(only(model.graph, [site]), { threads });
        let worst = 0;
        for (const [w, { tokens }] of windows.entries()) {
          const direct = (await session.run({ tokens: i64([1, tokens.length], tokens) }))[site]!
            .data as Float32Array;
          for (let t = 1; t < tokens.length; t++) {
            const row = whole.index.get(`${w} ${t}`);
            if (row === undefined) continue;
            const at = whole.rows_RD.subarray(row * 16, (row + 1) * 16);
            worst = Math.max(worst, relativeDistance(at, direct.subarray(t * 16, (t + 1) * 16)));
          }
        }
        await session.release();
        const different = whole.rows_RD.filter((x, i) => x !== resumed.rows_RD[i]).length;
        return [
          checkRow(
            area,
            'harvested rows against direct runs, relative distance (float16 storage)',
            worst,
            2 ** -11,
          ),
          checkRow(
            area,
            'numbers that differ after a stop and a second start',
            different + Math.abs(whole.rows_RD.length - resumed.rows_RD.length),
            0,
          ),
        ];
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  },
];

/** All rows of a harvest, and where to find the row of a window and position. */
async function recorded(options: HarvestOptions) {
  await harvest(options);
  const activations = await openActivations(options.folder, site);
  const rows_RD = activations.load();
  const { window, position } = activations.index;
  activations.close();
  return { rows_RD, index: new Map(Array.from(window, (w, row) => [`${w} ${position[row]}`, row])) };
}

function relativeDistance(a: Float32Array, b: Float32Array): number {
  let difference = 0;
  let square = 0;
  for (let i = 0; i < a.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    square += b[i]! ** 2;
  }
  return Math.sqrt(difference / square);
}
