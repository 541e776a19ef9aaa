/** @file A finished training on disk: the dictionary, its log, and the key of what was trained on which rows. */
import { join } from 'node:path';
import { z } from 'zod';
import { readJson, writeJson } from '../files/atomic.ts';
import { loadDictionary, saveDictionary } from './files.ts';
import type { TrainLog, TrainOutcome } from './run.ts';

const LOG = 'training.json';
const keptSchema = z.object({ key: z.string(), log: z.custom<TrainLog>() });

/** Keeps the outcome of the training that `key` names (checkpointKey()) in a folder. */
export async function keepTraining(folder: string, key: string, outcome: TrainOutcome): Promise<void> {
  await saveDictionary(folder, outcome.dictionary);
  await writeJson(join(folder, LOG), { key, log: outcome.log });
}

/** What `keepTraining` left in a folder, if it was the same training. */
export async function keptTraining(folder: string, key: string): Promise<TrainOutcome | undefined> {
  const kept = await readJson(join(folder, LOG), keptSchema).catch(() => undefined);
  if (kept?.key !== key) return undefined;
  const dictionary = await loadDictionary(folder).catch(() => undefined);
  return dictionary && { dictionary, log: kept.log };
}
