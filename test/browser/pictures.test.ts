/** @file The pictures in the docs are made by the program, whole and small; and the program can make them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { largest, madePictures, shots, takePictures } from '../../scripts/readme-pictures.ts';
import { sha256 } from '../../src/core/hash.ts';
import { browserTests, launchBrowser } from '../support/browser.ts';
import { inventedStudio } from '../support/invented-studio.ts';
import { temporaryFolder } from '../support/temporary.ts';

const png = [0x89, 0x50, 0x4e, 0x47];

describe('pictures', () => {
  const docs = 'docs/pictures';
  test.skipIf(!existsSync(docs))('those in the docs are as the program wrote them', async () => {
    const made = await madePictures(docs);
    const there = readdirSync(docs).filter((name) => name.endsWith('.png'));
    expect(there.sort()).toEqual(shots.map((shot) => `${shot.name}.png`).sort());
    for (const name of there) {
      const bytes = readFileSync(join(docs, name));
      expect(sha256(bytes)).toBe(made[name]);
      expect(bytes.length).toBeLessThanOrEqual(largest);
    }
  });

  test.skipIf(!browserTests)('the program takes every one of them', async () => {
    const folder = temporaryFolder();
    const { studio } = await inventedStudio();
    const browser = await launchBrowser();
    try {
      const names = await takePictures(browser, studio.url, folder);
      expect(names).toEqual(shots.map((shot) => `${shot.name}.png`));
      for (const name of names) {
        const bytes = readFileSync(join(folder, name));
        expect([...bytes.subarray(0, 4)]).toEqual(png);
        expect(bytes.length).toBeGreaterThan(20_000);
      }
    } finally {
      await browser.close();
      await studio.close();
    }
  });
});
