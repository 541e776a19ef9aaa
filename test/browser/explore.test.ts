/** @file What a person does in the Studio works: explore the circuit, search, read a word, follow a running study. */
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { browserTests, launchBrowser, watchedPage } from '../support/browser.ts';
import { inventedStudio } from '../support/invented-studio.ts';
import { inventedSites, inventedStudy, inventedStudyMidway } from '../support/invented-study.ts';
import { studioPage } from '../support/studio-page.ts';

const site = inventedSites[1]!;

describe.skipIf(!browserTests)('exploring', () => {
  const studio = studioPage();
  const { open } = studio;
  let page: Page;
  beforeAll(() => {
    page = studio.page;
  });
  const shown = () => page.locator('[data-node]').count();

  test('the slider takes parts away and the address remembers', async () => {
    await open('/circuit/gender');
    const all = await shown();
    const slider = page.getByRole('slider');
    await slider.focus();
    for (let i = 0; i < 40; i++) await page.keyboard.press('ArrowRight');
    await expect.poll(shown).toBeLessThan(all);
    await page.waitForURL(/threshold=/);
    await page.waitForTimeout(400);
    const fewer = await shown();
    await page.reload();
    await page.locator('[data-node]').first().waitFor();
    expect(await shown()).toBe(fewer);
    const said = Number(await page.getByTestId('shown').textContent());
    expect(await page.locator('.node.feature, .node.error').count()).toBe(said);
  });

  test('pointing at a part lights its paths and shows it; a click keeps it, Escape lets go', async () => {
    await open('/circuit/gender');
    const strongest = page.locator('.node.feature').first();
    await strongest.hover();
    await page.getByTestId('lit').waitFor();
    const inspector = page.getByRole('complementary', { name: 'Inspector' });
    await inspector.getByRole('heading', { name: /feature \d+ at nurse/ }).waitFor();
    await strongest.click();
    expect(new URL(page.url()).searchParams.get('sel')).toMatch(/^node~gender~/);
    await page.mouse.move(5, 400);
    await inspector.getByText('pinned').waitFor();
    await page.reload();
    await inspector.getByRole('heading', { name: /feature \d+ at nurse/ }).waitFor();
    await page.keyboard.press('Escape');
    await inspector.getByText('Nothing selected').waitFor();
    expect(new URL(page.url()).searchParams.get('sel')).toBeNull();
  });

  test('an edge can be pointed at and kept', async () => {
    await open('/circuit/gender');
    await page.locator('[data-edge]').last().dispatchEvent('pointerover');
    const inspector = page.getByRole('complementary', { name: 'Inspector' });
    await inspector.getByText('carries push').waitFor();
    await page.locator('[data-edge]').last().dispatchEvent('click');
    expect(new URL(page.url()).searchParams.get('sel')).toMatch(/^edge~gender~/);
  });

  test('a way from a word to the answer is followed in the graph, and edges can be cut down to such ways', async () => {
    await open('/circuit/gender');
    const drawn = () => page.locator('.edges-all path:not(.touch)').count();
    const all = await drawn();
    await page.getByTestId('path').first().hover();
    await page.getByTestId('lit').waitFor();
    // A way passes every place once: its edges are one fewer than its steps, drawn with their glow.
    const steps = await page.getByTestId('path').first().getByRole('button').count();
    expect(await page.getByTestId('lit').locator('path').count()).toBe(2 * (steps - 1));
    await page.getByRole('button', { name: 'efficient paths' }).click();
    await expect.poll(drawn).toBeLessThan(all / 2);
    expect(new URL(page.url()).searchParams.get('edges')).toBe('paths');
    await page.getByRole('button', { name: 'all', exact: true }).click();
    await expect.poll(drawn).toBe(all);
  });

  test('arrow keys walk through the graph, Enter keeps', async () => {
    await open('/circuit/gender');
    await page.locator('[data-node][tabindex="0"]').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    const focused = await page.evaluate(() => document.activeElement?.getAttribute('data-node'));
    expect(focused).toBeTruthy();
    await page.keyboard.press('Enter');
    expect(new URL(page.url()).searchParams.get('sel')).toBe(`node~gender~${focused}`);
  });

  test('zoom is kept in the address', async () => {
    await open('/circuit/gender');
    await page.getByRole('button', { name: 'Zoom in' }).click();
    await expect.poll(() => new URL(page.url()).searchParams.get('view')).toMatch(/^1\.40,/);
    await page.getByRole('button', { name: 'Fit' }).click();
    await expect.poll(() => new URL(page.url()).searchParams.get('view')).toBeNull();
  });

  test('error nodes stay visible whatever is pointed at', async () => {
    await open('/circuit/gender');
    await page.locator('.node.feature').first().hover();
    await page.getByTestId('lit').waitFor();
    const opacity = await page
      .locator('.node.error .shape')
      .first()
      .evaluate((one) => getComputedStyle(one).opacity);
    expect(opacity).toBe('1');
  });

  test('a slash focuses the search; arrows and Enter go where it says', async () => {
    await open('/model');
    await page.keyboard.press('/');
    await page.keyboard.type('costate');
    await page.getByRole('option').first().waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/glossary\?word=/);
    await page.keyboard.press('/');
    await page.keyboard.type('whale');
    const feature = page.getByRole('option', { name: /^Feature \d+/ }).first();
    await feature.click();
    await page.waitForURL(/\/features\/.+\/\d+/);
  });

  test('the feature list searches, sorts, scrolls and opens a feature', async () => {
    await open(`/features/${site}`);
    await page.getByText('2,304 features').waitFor();
    expect(await page.locator('[data-row]').count()).toBeLessThan(80);
    const first = page.locator('[data-row] .id').first();
    const strongest = await first.textContent();
    await page.getByLabel('Sort by').selectOption('id');
    await expect.poll(() => first.textContent()).toBe('0');
    expect(strongest).not.toBe('0');
    await page.locator('.virtual').evaluate((one) => one.scrollTo(0, 36 * 2000));
    await page.locator('[data-row] .id', { hasText: /^2005$/ }).waitFor();
    await page.getByLabel('Search features of this site').fill('river');
    await page.waitForURL(/q=river/);
    await expect
      .poll(() => page.locator('[data-row] .chip', { hasText: 'river' }).count())
      .toBeGreaterThan(3);
    await page.getByLabel('Search features of this site').fill('no such token');
    await page.getByText('No feature matches').waitFor();
    await page.getByLabel('Search features of this site').fill('12');
    await page.locator('[data-row] a').first().click();
    await page.getByRole('heading', { level: 1, name: /Feature 12/ }).waitFor();
    expect(await page.locator('.passages li').count()).toBe(12);
  });

  test('a dotted word shows its meaning when pointed at and when focused', async () => {
    await open('/energy');
    const word = page.locator('main').getByRole('button', { name: 'costate' });
    await word.hover();
    await page
      .getByRole('tooltip')
      .getByText(/seen as a momentum/)
      .waitFor();
    await page.mouse.move(5, 400);
    await expect.poll(() => page.getByRole('tooltip').count()).toBe(0);
    await word.focus();
    await page.getByRole('tooltip').waitFor();
  });

  test('the command at the top opens the same view', async () => {
    await open('/circuit/agreement?threshold=0.1');
    await page.getByText(`npm run -s untangle -- demo --view '/circuit/agreement?threshold=0.1'`).waitFor();
  });
});

describe.skipIf(!browserTests)('a running study', () => {
  test('fills the page live, from the first step to the pictures, and tells a failure', async () => {
    const midway = inventedStudyMidway();
    const { studio, store } = await inventedStudio(midway);
    const browser = await launchBrowser();
    try {
      const { page, errors } = await watchedPage(browser);
      await page.goto(studio.url);
      await page.getByText('Features being learned').waitFor();
      await page.getByText(/34 % of 600,064 tokens/).waitFor();
      const step = `train/${site}`;
      const dots = () => page.locator('.figure circle').count();
      const before = await dots();
      for (const done of [300_000, 360_000, 420_000]) {
        store.send({
          type: 'progress',
          step,
          event: { type: 'advance', task: step, done, figures: { fve: done / 1e6 } },
        });
        await page.getByText(new RegExp(`${Math.floor(done / 6000.64)} % of 600,064 tokens`)).waitFor();
      }
      await expect.poll(dots).toBe(before + 3);
      const circuit = inventedStudy().results.circuits[0]!;
      store.send({ type: 'finished', step: 'circuit/gender', cached: false, seconds: 4, result: circuit });
      await page.getByRole('heading', { name: 'The circuit' }).waitFor();
      await page.getByRole('heading', { level: 1, name: /carry 86/ }).waitFor();
      store.send({
        type: 'failed',
        step: 'energy/gender',
        error: { code: 'file.full', message: 'the disk is full', hint: 'free some space' },
      });
      await page
        .getByRole('alert')
        .getByText(/the disk is full/)
        .waitFor();
      expect(errors).toEqual([]);
      await studio.close();
      await page.getByText(/its last state/).waitFor();
    } finally {
      await browser.close();
      await studio.close();
    }
  });
});
