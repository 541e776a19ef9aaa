/** @file Fifty kills of a training at random moments, for every kind that the fused engine trains and one of the graph engine. */
import { beforeAll, expect, test } from 'vitest';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { silent } from '../../src/core/progress.ts';
import type { DictionaryConfig } from '../../src/dictionaries/config-schema.ts';
import { trainDictionary } from '../../src/dictionaries/train.ts';
import { killedData, killedTraining } from '../dictionaries/killed.ts';

beforeAll(async () => {
  await buildKernels();
});

const about = { site: 'site', modelHash: 'hash', sinkNorm: 50, features: 256, batch: 256, deadAfter: 2000 };
const cases: readonly (DictionaryConfig & { readonly kills: number })[] = [
  { ...about, architecture: 'topk', k: 3, kStart: 12, kSteps: 200, passes: 120, kills: 50 },
  { ...about, architecture: 'batchtopk', k: 3, passes: 120, kills: 50 },
  { ...about, architecture: 'jumprelu', targetL0: 4, passes: 120, kills: 50 },
  { ...about, architecture: 'relu', targetL0: 4, resampleEvery: 100, passes: 60, kills: 20 },
  { ...about, architecture: 'gated', penalty: 1, passes: 60, kills: 20 },
  { ...about, architecture: 'p-anneal', penalty: 0.5, passes: 20, kills: 8 },
];

test.each(cases)(
  '$architecture killed $kills times',
  { timeout: 3_600_000 },
  async ({ kills, ...config }) => {
    const rows = 4000;
    const begun = performance.now();
    const whole = await trainDictionary(killedData(rows), config, { progress: silent, threads: 2 });
    const share = (performance.now() - begun) / (1.5 * kills);
    const ended = await killedTraining({ config, rows }, kills, share);
    expect(ended.kills).toBe(kills);
    expect(ended.dictionary).toEqual(whole.dictionary);
    expect(ended.log.curve).toEqual(whole.log.curve);
    expect(ended.log.finalLoss).toBe(whole.log.finalLoss);
  },
);
