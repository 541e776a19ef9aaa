/** @file A training that is killed and started again ends as if nothing had happened. */
import { beforeAll, expect, test } from 'vitest';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { silent } from '../../src/core/progress.ts';
import type { DictionaryConfig } from '../../src/dictionaries/config-schema.ts';
import { trainDictionary } from '../../src/dictionaries/train.ts';
import { killedData, killedTraining } from './killed.ts';

beforeAll(async () => {
  await buildKernels();
});

const about = { site: 'site', modelHash: 'hash', sinkNorm: 50 };

/** BatchTopK learns a threshold over the steps beside its weights: the most that a checkpoint can forget. */
test('BatchTopK killed four times: the same curve and the same weights as without a kill', async () => {
  const rows = 4000;
  const config: DictionaryConfig = {
    ...about,
    ...{ architecture: 'batchtopk', features: 256, k: 3, batch: 256, passes: 40, deadAfter: 2000 },
  };
  const begun = performance.now();
  const whole = await trainDictionary(killedData(rows), config, { progress: silent, threads: 2 });
  const quarter = (performance.now() - begun) / 8;
  const ended = await killedTraining({ config, rows }, 4, quarter);
  expect(ended.kills).toBe(4);
  expect(ended.dictionary).toEqual(whole.dictionary);
  expect(ended.log).toMatchObject({
    curve: whole.log.curve,
    finalLoss: whole.log.finalLoss,
    dead: whole.log.dead,
    steps: whole.log.steps,
  });
});
