/** @file The Energy and Bias pages as a person uses them: clocks, features, texts, figures, a choice of features as a file. */
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { browserTests } from '../support/browser.ts';
import { studioPage } from '../support/studio-page.ts';

describe.skipIf(!browserTests)('energy and bias in the Studio', () => {
  const studio = studioPage();
  let page: Page;
  beforeAll(() => {
    page = studio.page;
  });
  const section = (name: string) => page.getByRole('region', { name });
  const drawn = (name: string) => section(name).locator('.picture svg').first().innerHTML();

  test('the flow is drawn with its errors and leak, the other task says what draws it', async () => {
    await studio.open('/energy', 'Where the energy goes');
    await expect.poll(() => drawn('From the words')).toContain('errors: energy');
    expect(await section('From the words').textContent()).toContain('1.2 %');
    await page.getByRole('link', { name: 'Subject–verb agreement' }).click();
    await page.getByText('untangle energy flow --task agreement').waitFor();
  });

  test('another feature has another portrait, and the two forms of the energy are one line', async () => {
    await studio.open('/energy', 'Where the energy goes');
    await page.getByRole('link', { name: 'Over the tokens' }).click();
    await section('Phase portrait').waitFor();
    const first = await drawn('Phase portrait');
    const choose = page.getByRole('combobox', { name: 'Follow feature' });
    await choose.selectOption({ index: 3 });
    await expect.poll(() => drawn('Phase portrait')).not.toBe(first);
    expect(new URL(page.url()).searchParams.get('feature')).toBe('97');
    const last = (svg: string) => /stroke-width="2" [^>]*><\/path><title>T [+−] [VU]/.test(svg);
    await expect.poll(async () => last(await drawn('Energy over'))).toBe(true);
    await page.getByRole('button', { name: 'T − U' }).click();
    await expect.poll(() => drawn('Energy over')).toContain('U = −V, help');
    await page.reload();
    await expect.poll(() => drawn('Energy over')).toContain('U = −V, help');
  });

  test('what commands measured is shown: rankings, masks, learning, ensembles', async () => {
    await studio.open('/energy?tab=importance', 'Where the energy goes');
    await expect.poll(() => drawn('Importance at')).toContain('untrained');
    const rankings = section('Importance at');
    await expect.poll(() => rankings.textContent()).toContain('features’ own parameters made 97.5 %');
    expect(await rankings.locator('.picture svg').nth(1).getAttribute('aria-label')).toContain('by adam');
    await expect.poll(() => drawn('A circuit found')).toContain('masks by Adam');
    await studio.open('/energy?tab=learning', 'Where the energy goes');
    await page.getByRole('combobox', { name: 'Method' }).selectOption('Adam');
    await expect.poll(() => new URL(page.url()).searchParams.get('method')).toBe('Adam');
    await expect
      .poll(() => section('T, V and H').locator('svg').getAttribute('aria-label'))
      .toContain('Adam');
    await expect.poll(() => drawn('What symmetries keep')).toContain('predicted');
    await expect.poll(() => drawn('Beyond Hamilton')).toContain('without interaction');
  });

  test('a bias study: another figure, another axis, another path', async () => {
    await studio.open('/bias', 'Removing a bias from a classifier');
    await expect.poll(() => drawn('Every method')).toContain('LEACE: 74 %');
    await section('Every method').getByRole('combobox', { name: 'Show' }).selectOption('leakage');
    await expect.poll(() => drawn('Every method')).toContain('LEACE: 58 %');
    await section('The whole trade-off').getByRole('combobox', { name: 'Against' }).selectOption('kl');
    await expect.poll(() => drawn('The whole trade-off')).toContain('KL on plain text');
    const least = await drawn('The way there');
    await section('The way there').getByRole('combobox', { name: 'Path' }).selectOption('straight');
    await expect.poll(() => drawn('The way there')).not.toBe(least);
  });

  test('a bias study: what else moved, by logit difference and by accuracy, and how far each edit moves other tasks', async () => {
    await studio.open('/bias', 'Removing a bias from a classifier');
    const moved = section('What else moved');
    const cells = () => moved.getByRole('row', { name: /^least action/ }).textContent();
    await expect.poll(cells).toContain('−48.0 (−50.0 to −46.0) / −1.0');
    await moved.getByRole('combobox', { name: 'Show' }).selectOption('accuracy');
    await expect.poll(cells).toContain('−24.0');
    expect(await moved.textContent()).toContain('Not scored: capitals');
    await section('Every method').getByRole('combobox', { name: 'Show' }).selectOption('otherTasks');
    await expect.poll(() => drawn('Every method')).toContain('LEACE: 6 %');
  });

  test('ticked features are saved in the form that the command reads', async () => {
    await studio.open('/bias', 'Removing a bias from a classifier');
    const choose = section('Choose yourself');
    await choose.getByRole('button', { name: 'Tick what the rule takes' }).click();
    await choose.getByRole('checkbox', { name: 'remove feature 12', exact: true }).click();
    await choose.getByRole('button', { name: 'Save the choice of 5' }).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      choose.getByRole('button', { name: /Save the choice/ }).click(),
    ]);
    const path = await download.path();
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
      ...{ format: 'untangle-choice', version: 1, model: 'smollm2-135m', modelHash: 'abc' },
      ...{ site: 'blocks.11.hook_resid_post', dictionary: 'def', features: [43, 74, 105, 136, 167] },
    });
    const { readChoice } = await import('../../src/study/bias/choice.ts');
    expect((await readChoice(path)).features).toEqual([43, 74, 105, 136, 167]);
    await page.reload();
    await choose.getByRole('button', { name: 'Save the choice of 5' }).waitFor();
  });
});
