/** @file Several dictionaries from one stream at once: each is what it would be alone; what is finished is not learned again. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { type ProgressEvent, silent } from '../../src/core/progress.ts';
import type { DictionaryConfig } from '../../src/dictionaries/config-schema.ts';
import { risesNoMore } from '../../src/dictionaries/run.ts';
import { trainSweep } from '../../src/dictionaries/sweep.ts';
import { trainDictionary } from '../../src/dictionaries/train.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { killedData } from './killed.ts';

beforeAll(async () => {
  await buildKernels();
});

const rows = killedData(2000);
const about = { site: 'site', modelHash: 'hash', sinkNorm: 50, batch: 200, passes: 4 };
const config = (k: number, more: Partial<DictionaryConfig> = {}): DictionaryConfig => ({
  ...{ architecture: 'topk', features: 40, k, ...about },
  ...more,
});
const entries = [
  { name: 'k=2', config: config(2) },
  { name: 'k=4', config: config(4) },
  { name: 'features=64', config: config(2, { features: 64 }) },
  { name: 'seed=1', config: config(2, { seed: 1 }) },
  { name: 'batchtopk', config: config(2, { architecture: 'batchtopk' }) },
];

describe('a sweep', () => {
  test('gives each dictionary as it would be alone, in the order of the entries', async () => {
    const outcomes = await trainSweep(rows, entries, { progress: silent, threads: 2, atOnce: 3 });
    for (const [i, entry] of entries.entries()) {
      const alone = await trainDictionary(rows, entry.config, { progress: silent, threads: 2 });
      expect(outcomes[i]!.dictionary).toEqual(alone.dictionary);
      expect(outcomes[i]!.log.curve).toEqual(alone.log.curve);
    }
  });

  test('advances its dictionaries in turns', async () => {
    const events: ProgressEvent[] = [];
    await trainSweep(rows, entries.slice(0, 2), { progress: (e) => events.push(e), threads: 2 });
    const tasks = events.map((e) => ('task' in e ? `${e.type} ${e.task}` : ''));
    expect(tasks.slice(0, 2)).toEqual(['start train/site k=2', 'start train/site k=4']);
    expect(tasks.filter((t) => t.startsWith('end'))).toHaveLength(2);
    expect(tasks.indexOf('advance train/site k=4')).toBeLessThan(tasks.indexOf('end train/site k=2'));
  });

  test('stopped goes on where each was; finished ones are taken as they are', async () => {
    const folder = temporaryFolder();
    const whole = await trainSweep(rows, entries, { progress: silent, threads: 2 });
    const abort = new AbortController();
    const stopped = trainSweep(rows, entries, {
      ...{ threads: 2, folder, atOnce: 2, signal: abort.signal },
      progress: (e) => e.type === 'end' && abort.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: 'interrupted' });
    expect(existsSync(join(folder, 'k=2', 'dictionary.json'))).toBe(true);
    expect(existsSync(join(folder, 'k=4', 'checkpoint.safetensors'))).toBe(true);
    const started: string[] = [];
    const resumed = await trainSweep(rows, entries, {
      ...{ threads: 2, folder },
      progress: (e) => e.type === 'start' && started.push(e.task),
    });
    expect(started).not.toContain('train/site k=2');
    expect(resumed.map((o) => o.dictionary)).toEqual(whole.map((o) => o.dictionary));
  });
});

test('an entry that cannot be is refused before any is trained; what an option means is what counts, not whether it is said', async () => {
  const context = { progress: silent, threads: 1, folder: temporaryFolder() };
  const [one] = entries as [(typeof entries)[0]];
  const never = { name: 'k=99', config: config(99) };
  await expect(trainSweep(rows, [one, never], context)).rejects.toMatchObject({ code: 'dictionary.config' });
  expect(existsSync(join(context.folder, one.name))).toBe(false);
  const [first] = await trainSweep(rows, [one], context);
  const started: string[] = [];
  const again = (more: Partial<DictionaryConfig>) =>
    trainSweep(rows, [{ ...one, config: { ...one.config, ...more } }], {
      ...context,
      progress: (e) => e.type === 'start' && started.push(e.task),
    });
  const { beta1, beta2, epsilon } = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
  const said = { preset: 'untangle', optimiser: { name: 'adam', beta1, beta2, epsilon } } as const;
  expect((await again(said))[0]!.dictionary).toEqual(first!.dictionary);
  expect(started).toEqual([]);
  await again({ preset: 'dictionary_learning' });
  expect(started).toHaveLength(1);
});

test('a sweep refuses two entries of one name, and less than one at a time', async () => {
  const [one] = entries as [(typeof entries)[0]];
  const context = { progress: silent, threads: 1 };
  const refused = { code: 'dictionary.config' };
  await expect(trainSweep(rows, [one, one], context)).rejects.toMatchObject(refused);
  for (const atOnce of [0, Number.NaN])
    await expect(trainSweep(rows, [one], { ...context, atOnce })).rejects.toMatchObject(refused);
  expect(await trainSweep(rows, [one], { ...context, atOnce: 1 })).toHaveLength(1);
});

describe('early stopping', () => {
  const curve = (...fves: number[]) => fves.map((fve, i) => ({ tokens: i, fve, l0: 1, loss: 1 - fve }));
  test.each([
    ['no patience', curve(0.5, 0.4, 0.3, 0.2), undefined, false],
    ['rising', curve(0.1, 0.2, 0.3, 0.4), 2, false],
    ['too few points', curve(0.5, 0.4), 2, false],
    ['two points without a better one', curve(0.1, 0.5, 0.4, 0.5), 2, true],
    ['a better one among the last', curve(0.1, 0.5, 0.4, 0.6), 2, false],
  ])('%s', (_name, points, patience, ends) => {
    expect(risesNoMore(points, patience)).toBe(ends);
  });

  test('ends a training that overfits before its last step, with what it had', async () => {
    const few = { ...rows, x_ND: rows.x_ND.subarray(0, 24 * 60) };
    const long = config(6, { passes: 4000, batch: 60, features: 200, learningRate: 5e-3, patience: 2 });
    const { log } = await trainDictionary(few, long, { progress: silent, threads: 2 });
    expect(log.stoppedEarly).toBe(true);
    expect(log.steps).toBeLessThan(4000);
    expect(log.curve.at(-1)!.tokens).toBe(log.tokensSeen);
  });
});
