/** @file Feature pages come from the databases that the program itself wrote, opened when first asked for. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildWeb } from '../../scripts/build-web.ts';
import { silent } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { buildFeatureDatabase } from '../../src/dictionaries/database.ts';
import { featureSource } from '../../src/studio/features.ts';
import { type Studio, startStudio } from '../../src/studio/server.ts';
import type { ErrorReport, FeatureDetail, FeatureList } from '../../src/studio/shapes.ts';
import { normals, randomDictionary } from '../dictionaries/support.ts';
import { storeAt } from '../support/invented-studio.ts';
import { inventedStudy } from '../support/invented-study.ts';
import { temporaryFolder } from '../support/temporary.ts';

const site = 'blocks.3.hook_resid_post';
const [windows, length, width, features] = [6, 16, 8, 40];
const workspace = temporaryFolder();
const folder = join(workspace, 'cache/0123/features');

/** A database of random features over random rows; token t of window w is called `wNtM`. */
async function writeDatabase(): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await buildFeatureDatabase(
    folder,
    {
      dictionary: randomDictionary({ width, features, k: 4 }, { site }),
      tokenizer: { token: (id) => ` w${Math.floor(id / 100)}t${id % 100}` },
      windows: Array.from({ length: windows }, (_, w) => ({
        tokens: Int32Array.from({ length }, (_, t) => w * 100 + t),
        documents: new Int32Array(length).fill(w % 2),
      })),
      titles: ['Whales', "O'Hara <b>"],
      x_ND: normals(random(3), windows * length * width),
      places: {
        window: Int32Array.from({ length: windows * length }, (_, i) => Math.floor(i / length)),
        position: Int32Array.from({ length: windows * length }, (_, i) => i % length),
      },
    },
    { progress: silent, threads: 1 },
  );
}

describe('feature pages from a workspace', () => {
  let studio: Studio;
  beforeAll(async () => {
    await buildWeb();
    const source = featureSource((name) => (name === site ? folder : undefined));
    studio = await startStudio({ store: storeAt(inventedStudy()), features: source });
  });
  afterAll(() => studio.close());
  const get = async <T>(path: string) => {
    const response = await fetch(studio.url + path);
    return { status: response.status, body: (await response.json()) as T };
  };

  test('before the database is written the answer says so; then it is found without a restart', async () => {
    const before = await get<ErrorReport>(`/api/features?site=${site}`);
    expect(before).toMatchObject({ status: 404, body: { code: 'studio.unknown-site' } });
    await writeDatabase();
    const after = await get<FeatureList>(`/api/features?site=${site}&sort=id&limit=500`);
    expect(after.body.total).toBe(features);
    expect(after.body.rows.map((row) => row.id)).toEqual(Array.from({ length: features }, (_, i) => i));
  });

  test('a feature’s passages carry its activations at the right tokens', async () => {
    const { body: list } = await get<FeatureList>(`/api/features?site=${site}&sort=max&limit=1`);
    const strongest = list.rows[0]!;
    const { body } = await get<FeatureDetail>(`/api/features/${site}/${strongest.id}`);
    expect(body.site).toBe(site);
    const first = body.passages[0]!;
    expect(Math.max(...first.activations)).toBeCloseTo(strongest.maxActivation, 4);
    expect(first.tokens).toHaveLength(first.activations.length);
    expect(['Whales', "O'Hara <b>"]).toContain(first.document);
    expect(body.histogram.reduce((sum, bin) => sum + bin.count, 0)).toBe(
      Math.round(body.frequency * windows * length),
    );
  });

  test('search finds features by the token they fire on, and is safe from quotes', async () => {
    const { body: all } = await get<FeatureList>(`/api/features?site=${site}&sort=max`);
    const { body: one } = await get<FeatureDetail>(`/api/features/${site}/${all.rows[0]!.id}`);
    const passage = one.passages[0]!;
    const peak = passage.tokens[passage.activations.indexOf(Math.max(...passage.activations))]!.trim();
    const { body: found } = await get<FeatureList>(`/api/features?site=${site}&q=${peak}`);
    expect(found.rows.map((row) => row.id)).toContain(one.id);
    expect(one.firesOn[0]!.trim()).toBe(peak);
    expect(all.rows[0]!.firesOn).toEqual(one.firesOn);
    expect(new Set(one.firesOn).size).toBe(one.firesOn.length);
    expect(found.total).toBeLessThan(features);
    const odd = await get<FeatureList>(
      `/api/features?site=${site}&q=${encodeURIComponent(`'; DROP VIEW features; --`)}`,
    );
    expect(odd).toMatchObject({ status: 200, body: { total: 0 } });
    const still = await get<FeatureList>(`/api/features?site=${site}`);
    expect(still.body.total).toBe(features);
  });

  test('a number past the end is refused by its code', async () => {
    const { status, body } = await get<ErrorReport>(`/api/features/${site}/${features}`);
    expect([status, body.code]).toEqual([404, 'studio.unknown-site']);
  });

  test('many readers at once all get their answer', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, id) => get<FeatureDetail>(`/api/features/${site}/${id}`)),
    );
    expect(answers.map((one) => one.body.id)).toEqual(Array.from({ length: 40 }, (_, id) => id));
  });
});
