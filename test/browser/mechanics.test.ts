/** @file The Mechanics page: knobs turn, pictures follow, the address remembers. */
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { browserTests } from '../support/browser.ts';
import { studioPage } from '../support/studio-page.ts';

describe.skipIf(!browserTests)('mechanics in the Studio', () => {
  const studio = studioPage();
  const open = (path: string) => studio.open(path, 'Mechanics');
  let page: Page;
  beforeAll(() => {
    page = studio.page;
  });
  const section = (name: string) => page.getByRole('region', { name });

  test('another angle gives another swing, and the address keeps it', async () => {
    await open('/mechanics');
    const path = () => section('1.').locator('.picture svg').last().innerHTML();
    const before = await path();
    const knob = section('1.').getByRole('slider', { name: 'Let go at' });
    await knob.focus();
    for (let i = 0; i < 10; i++) await page.keyboard.press('ArrowLeft');
    await expect.poll(() => section('1.').locator('output').textContent()).toBe('80°');
    expect(await path()).not.toBe(before);
    expect(new URL(page.url()).searchParams.get('angle')).toBe('80');
  });

  test('the scrubber draws part of the time', async () => {
    await open('/mechanics?angle=80');
    const dots = () => section('1.').locator('.picture svg').last().locator('circle').getAttribute('cx');
    const end = await dots();
    const scrubber = section('1.').getByRole('slider', { name: 'time' });
    await scrubber.focus();
    for (let i = 0; i < 60; i++) await page.keyboard.press('ArrowLeft');
    await expect.poll(dots).not.toBe(end);
  });

  test('the section follows the energy, the order plot the system', async () => {
    await open('/mechanics');
    const drawn = (name: string) => section(name).locator('.picture svg').innerHTML();
    const [orderly, exact] = [await drawn('Order and chaos'), await drawn('How exact')];
    const knob = section('Order and chaos').getByRole('slider', { name: 'Energy' });
    await knob.focus();
    for (let i = 0; i < 10; i++) await page.keyboard.press('ArrowLeft');
    await expect.poll(() => drawn('Order and chaos')).not.toBe(orderly);
    await section('How exact').getByRole('combobox', { name: 'On' }).selectOption('pendulum');
    await expect.poll(() => drawn('How exact')).not.toBe(exact);
  });

  test('any system offers only the methods that can move it', async () => {
    await open('/mechanics');
    await section('Any system').getByRole('combobox', { name: 'System' }).selectOption('rigid-body');
    const methods = await section('Any system')
      .getByRole('combobox', { name: 'Method' })
      .locator('option')
      .allTextContents();
    expect(methods).toContain('lie-poisson');
    expect(methods).not.toContain('leapfrog-kdk');
    await section('Any system').getByRole('combobox', { name: 'System' }).selectOption('kepler');
    await section('Any system').getByRole('combobox', { name: 'Method' }).selectOption('rk4');
    await expect.poll(() => new URL(page.url()).searchParams.get('method')).toBe('rk4');
    await page.reload();
    expect(await section('Any system').getByRole('combobox', { name: 'Method' }).inputValue()).toBe('rk4');
  });
});
