/** @file A finished training on disk: the dictionary, its log, and what was trained on which rows. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { sha256 } from '../core/hash.ts';
import { readJson, writeJson } from '../files/atomic.ts';
import { checkpointKey } from './checkpoint.ts';
import type { DictionaryConfig } from './config-schema.ts';
import { loadDictionary, MANIFEST, saveDictionary } from './files.ts';
import type { ActivationRows } from './rows.ts';
import { planFor, type TrainLog, type TrainOutcome } from './run.ts';

const LOG = 'training.json';
const keptSchema = z.object({ key: z.string(), manifest: z.string(), log: z.custom<TrainLog>() });

/**
 * Names a training: what is trained, on which rows.
 * @throws DictionaryError as planFor()
 */
export const trainingKey = (source: ActivationRows, config: DictionaryConfig): string =>
  checkpointKey(planFor(source, config), source);

/** Of dictionary.json, which holds the checksum of the weights: a log never speaks for another dictionary. */
const manifestHash = async (folder: string) => sha256(await readFile(join(folder, MANIFEST)));

/** Keeps the outcome of the training that `key` names (trainingKey()) in a folder. */
export async function keepTraining(folder: string, key: string, outcome: TrainOutcome): Promise<void> {
  await saveDictionary(folder, outcome.dictionary);
  await writeJson(join(folder, LOG), { key, manifest: await manifestHash(folder), log: outcome.log });
}

/** What `keepTraining` left in a folder, if it was the same training and its dictionary is still there. */
export async function keptTraining(folder: string, key: string): Promise<TrainOutcome | undefined> {
  const kept = await readJson(join(folder, LOG), keptSchema).catch(() => undefined);
  if (kept?.key !== key) return undefined;
  if ((await manifestHash(folder).catch(() => undefined)) !== kept.manifest) return undefined;
  const dictionary = await loadDictionary(folder).catch(() => undefined);
  return dictionary && { dictionary, log: kept.log };
}
