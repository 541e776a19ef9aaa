/** @file A finished training on disk is taken up only by the same training, and only while its dictionary is there. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { silent } from '../../src/core/progress.ts';
import type { DictionaryConfig } from '../../src/dictionaries/config-schema.ts';
import { keepTraining, keptTraining, trainingKey } from '../../src/dictionaries/kept.ts';
import { trainDictionary } from '../../src/dictionaries/train.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { killedData } from './killed.ts';

const rows = killedData(400);
const config = (k: number): DictionaryConfig => ({
  ...{ architecture: 'topk', features: 20, k, site: 'site', modelHash: 'hash', sinkNorm: 50 },
  ...{ batch: 100, passes: 1 },
});

test('a log speaks for its own dictionary only', async () => {
  await buildKernels();
  const folder = temporaryFolder();
  const [two, four] = await Promise.all(
    [2, 4].map(async (k) => {
      const key = trainingKey(rows, config(k));
      const outcome = await trainDictionary(rows, config(k), { progress: silent, threads: 1 });
      await keepTraining(join(folder, `${k}`), key, outcome);
      return { key, outcome };
    }),
  );
  expect(await keptTraining(join(folder, '2'), two!.key)).toEqual(two!.outcome);
  expect(await keptTraining(join(folder, '2'), four!.key)).toBeUndefined();
  // As after a kill between the dictionary and its log, or a dictionary that was copied here.
  for (const file of ['dictionary.json', 'dictionary.safetensors'])
    cpSync(join(folder, '4', file), join(folder, '2', file));
  expect(await keptTraining(join(folder, '2'), two!.key)).toBeUndefined();
  expect(await keptTraining(join(folder, 'nothing'), two!.key)).toBeUndefined();
});

test('other held-out rows are another training: its curve and its patience are theirs', () => {
  const key = trainingKey(rows, config(2));
  expect(trainingKey({ ...rows, heldOut_MD: rows.heldOut_MD!.slice() }, config(2))).toBe(key);
  expect(trainingKey({ ...rows, heldOut_MD: rows.heldOut_MD!.slice(rows.width) }, config(2))).not.toBe(key);
});
