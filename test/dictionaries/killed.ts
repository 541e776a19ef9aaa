/** @file A training in a process of its own that is killed at random moments and started again, until it ends by itself. */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { random } from '../../src/core/random.ts';
import type { DictionaryConfig } from '../../src/dictionaries/config-schema.ts';
import { loadDictionary } from '../../src/dictionaries/files.ts';
import type { TrainLog } from '../../src/dictionaries/train.ts';
import type { Dictionary } from '../../src/dictionaries/types.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { sparseData } from './support.ts';

/** What the child is told. */
export interface ChildOrder {
  readonly config: DictionaryConfig;
  readonly rows: number;
  readonly folder: string;
}

/** Rows that every training of these tests learns from: the same in every process. */
export function killedData(rows: number) {
  const width = 24;
  const { x_ND } = sparseData(3, { rows: rows + 300, width, directions: 60, active: 3 });
  return { x_ND: x_ND.subarray(0, rows * width), heldOut_MD: x_ND.subarray(rows * width), width };
}

export interface Ended {
  readonly dictionary: Dictionary;
  readonly log: TrainLog;
  /** Kills that met a training under way. */
  readonly kills: number;
}

/**
 * Trains with a checkpoint at every rest. The child gets SIGKILL after a random time below twice `milliseconds` from its
 * first sign of training on, `kills` times; when it was faster, all begins again from nothing.
 */
export async function killedTraining(
  order: Omit<ChildOrder, 'folder'>,
  kills: number,
  milliseconds: number,
): Promise<Ended> {
  const chance = random(kills);
  const folder = temporaryFolder();
  for (let killed = 0; ; ) {
    const wait = killed < kills ? 2 * milliseconds * chance.uniform() : undefined;
    const log = await child({ ...order, folder }, wait);
    if (log === undefined) killed++;
    else if (killed >= kills) return { dictionary: await loadDictionary(folder), log, kills: killed };
    else rmSync(join(folder, 'dictionary.json'));
  }
}

/** One start of the child; its log, or undefined when it was killed. */
function child(order: ChildOrder, killAfter: number | undefined): Promise<TrainLog | undefined> {
  return new Promise((resolve, reject) => {
    const file = fileURLToPath(new URL('./killed-child.ts', import.meta.url));
    const child_ = spawn(process.execPath, ['--import', 'tsx', file, JSON.stringify(order)], {
      stdio: ['ignore', 'pipe', 2],
    });
    let said = '';
    let timer: NodeJS.Timeout | undefined;
    child_.stdout!.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (killAfter !== undefined) timer ??= setTimeout(() => child_.kill('SIGKILL'), killAfter);
    });
    child_.on('error', reject);
    child_.on('close', (code, signal) => {
      clearTimeout(timer);
      if (signal === 'SIGKILL') resolve(undefined);
      else if (code === 0) resolve(JSON.parse(said.trim().split('\n').at(-1)!) as TrainLog);
      else reject(new Error(`the child ended with code ${code}`));
    });
  });
}
