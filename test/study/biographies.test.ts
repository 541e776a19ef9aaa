/** @file Biographies by name: from the hub once, from a file, and what is refused. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { checkBiographies, openBiographies } from '../../src/study/bias/biographies.ts';
import { startHub, type TestHub } from '../support/hub-server.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder();
const context = { progress: silent };
let hub: TestHub;

const table = async (name: string, rows: string): Promise<string> => {
  const path = join(folder, name);
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(
    `copy (select * from (values ${rows}) t(hard_text, profession, gender)) to '${path}' (format parquet)`,
  );
  return path;
};

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  const one = readFileSync(await table('1.parquet', `('He paints.', 14, 0), ('She cares.', 13, 1)`));
  const two = readFileSync(await table('2.parquet', `('She teaches.', 21, 1)`));
  for (const name of [
    'HTTP_PROXY',
    'HTTPS_PROXY',
    'HF_HOME',
    'HF_HUB_CACHE',
    'HF_HUB_OFFLINE',
    'HF_TOKEN_PATH',
  ]) {
    vi.stubEnv(name, undefined);
    vi.stubEnv(name.toLowerCase(), undefined);
  }
  vi.stubEnv('HF_TOKEN', '');
  vi.stubEnv('UNTANGLE_HOME', join(folder, 'home'));
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
  hub = await startHub({
    'LabHC/bias_in_bios': {
      dataset: true,
      licence: 'mit',
      files: {
        'data/train-00000-of-00002.parquet': one,
        'data/train-00001-of-00002.parquet': two,
        'data/test-00000-of-00001.parquet': two,
        'README.md': Buffer.from('card'),
      },
    },
    'me/model': { files: { 'train.parquet': one } },
  });
  vi.stubEnv('HF_ENDPOINT', hub.url);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await hub.close();
});

test('all files of the train part, under their names, and nothing else; fetched once', async () => {
  const found = await openBiographies('bias-in-bios', context);
  expect(found.people.map(({ field, gender }) => [field, gender])).toEqual([
    ['painter', 'male'],
    ['nurse', 'female'],
    ['professor', 'female'],
  ]);
  expect(new Set(found.people.map(({ id }) => id)).size).toBe(3);
  expect(found.attribution).toContain('MIT');
  const asked = hub.asked.length;
  expect(hub.asked.filter(({ host }) => host === 'cdn')).toHaveLength(2);
  expect(await openBiographies('LabHC/bias_in_bios', context)).toEqual(found);
  expect(hub.asked).toHaveLength(asked);
});

test('another part behind a colon, or a file', async () => {
  expect((await openBiographies('LabHC/bias_in_bios:test', context)).people).toHaveLength(1);
  expect((await openBiographies(join(folder, '1.parquet'), context)).people).toHaveLength(2);
});

test('what is not there is told, data sets and models apart', async () => {
  await expect(openBiographies('me/model', context)).rejects.toMatchObject({
    code: 'hub.no-repository',
    message: expect.stringContaining('no data set me/model'),
  });
  await expect(openBiographies('LabHC/bias_in_bios:dev', context)).rejects.toMatchObject({
    code: 'hub.no-part',
    hint: expect.stringContaining('data/test-00000-of-00001.parquet'),
  });
  await expect(openBiographies('biographies', context)).rejects.toMatchObject({ code: 'biographies.source' });
});

test('names that cannot be right are refused before anything is read', async () => {
  await checkBiographies('wikipedia-people', ['science', 'arts']);
  await checkBiographies('owner/name', ['whatever', 'it has']);
  await expect(checkBiographies('wikipedia-people', ['science', 'alchemy'])).rejects.toMatchObject({
    code: 'biographies.cell',
    where: 'alchemy',
    hint: expect.stringContaining('science'),
  });
  await expect(checkBiographies('no such thing', ['a', 'b'])).rejects.toMatchObject({
    code: 'biographies.source',
  });
});
