/** @file Every page loads in a real browser, light and dark, without an error and without an accessibility violation. */
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noResults } from '../../src/study/results.ts';
import { browserTests, launchBrowser, watchedPage } from '../support/browser.ts';
import { type InventedStudio, inventedStudio } from '../support/invented-studio.ts';
import { inventedStudy } from '../support/invented-study.ts';

const site = 'blocks.11.hook_resid_post';
const pages: [path: string, heading: string | RegExp][] = [
  ['/', /carry 86/],
  ['/model', /SmolLM2/],
  ['/text', 'The text it read'],
  ['/features', 'What it has features for'],
  [`/features/${site}`, 'Features at block 11'],
  [`/features/${site}/12`, /Feature 12/],
  ['/circuit', 'She or he after an occupation'],
  ['/circuit/agreement', 'Subject–verb agreement'],
  ['/energy', 'Where the energy goes'],
  ['/energy?tab=sequence', 'Where the energy goes'],
  ['/energy?tab=importance', 'Where the energy goes'],
  ['/energy?tab=learning', 'Where the energy goes'],
  ['/energy?tab=concepts', 'Where the energy goes'],
  ['/bias', 'Removing a bias from a classifier'],
  ['/edit', 'Removing a bias, counting the cost'],
  ['/glossary', 'Glossary'],
];
const empty = { ...inventedStudy(), results: noResults };

describe.skipIf(!browserTests)('pages in a real browser', () => {
  let browser: Browser;
  let full: InventedStudio;
  let bare: InventedStudio;
  beforeAll(async () => {
    full = await inventedStudio();
    bare = await inventedStudio({
      ...empty,
      steps: empty.steps.map(({ name, label, stage }) => ({ name, label, stage, status: 'waiting' })),
    });
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await full?.studio.close();
    await bare?.studio.close();
  });

  describe.each(['light', 'dark'] as const)('%s', (scheme) => {
    test.each(pages)('%s', async (path, heading) => {
      const { page, errors } = await watchedPage(browser, { scheme });
      await page.goto(full.studio.url + path);
      await page.getByRole('heading', { level: 1, name: heading }).waitFor();
      // Structure is the same in both themes; colours are not. Thousands of edges have nothing to be checked.
      const axe = new AxeBuilder({ page }).exclude('.edges-all');
      const { violations } = await (scheme === 'dark' ? axe.withRules(['color-contrast']) : axe).analyze();
      expect(violations.map((one) => `${one.id}: ${one.nodes[0]?.html}`)).toEqual([]);
      expect(errors).toEqual([]);
      await page.context().close();
    });
  });

  test.each(pages.map(([path]) => path).filter((path) => !path.includes('/12')))(
    '%s says what is missing while nothing is there',
    async (path) => {
      const { page, errors } = await watchedPage(browser);
      await page.goto(bare.studio.url + path);
      const main = page.locator('main');
      await main.getByRole('heading').first().waitFor();
      // While the page asks for the study, and then for files of the workspace, it says only that.
      await page.getByText('Asking the study').waitFor({ state: 'detached' });
      const missing = /not there yet|come with the results|Nothing has been measured/;
      if (path !== '/glossary') await main.filter({ hasText: missing }).waitFor();
      const words = ((await main.textContent()) ?? '').replace(/\s+/g, ' ');
      expect(words.length).toBeGreaterThan(60);
      expect(errors).toEqual([]);
      await page.context().close();
    },
  );

  test.each([
    [1440, 900],
    [1024, 768],
    [390, 844],
  ])('at %d × %d nothing is wider than the window', async (width, height) => {
    const { page } = await watchedPage(browser, { width, height });
    for (const [path] of pages) {
      await page.goto(full.studio.url + path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect({ path, over: Math.max(0, over) }).toEqual({ path, over: 0 });
    }
    await page.context().close();
  });

  test('an address that leads nowhere says so, an unknown feature too', async () => {
    const { page } = await watchedPage(browser);
    await page.goto(`${full.studio.url}/poetry`);
    await page.getByText('There is no such page').waitFor();
    await page.goto(`${full.studio.url}/features/${site}/99999`);
    await page.getByRole('alert').getByText('studio.unknown-feature').waitFor();
    await page.context().close();
  });

  test('every number of the sentence leads to its page', async () => {
    const { page } = await watchedPage(browser);
    await page.goto(full.studio.url);
    const links = page.locator('h1 a');
    const targets = await links.evaluateAll((all) => all.map((one) => one.getAttribute('href')));
    expect(targets).toEqual([
      '/model',
      '/circuit/gender',
      '/circuit/gender',
      '/circuit/gender',
      '/edit',
      '/edit',
      '/edit',
      '/edit',
    ]);
    await links.nth(2).click();
    await page.getByRole('heading', { level: 1, name: 'She or he after an occupation' }).waitFor();
    await page.goBack();
    await page.getByRole('heading', { level: 1, name: /carry 86/ }).waitFor();
    await page.context().close();
  });

  test('the theme can be chosen and is remembered', async () => {
    const { page } = await watchedPage(browser, { scheme: 'light' });
    await page.goto(full.studio.url);
    const paper = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const light = await paper();
    await page.getByRole('button', { name: /Theme/ }).click();
    await page.getByRole('button', { name: /Theme: light/ }).click();
    await page.getByRole('button', { name: /Theme: dark/ }).waitFor();
    expect(await paper()).not.toBe(light);
    await page.reload();
    expect(await paper()).not.toBe(light);
    await page.context().close();
  });
});
