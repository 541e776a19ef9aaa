/** @file The Superposition page: models train while one looks, knobs begin anew, the scrubber goes back in time. */
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { browserTests } from '../support/browser.ts';
import { studioPage } from '../support/studio-page.ts';

describe.skipIf(!browserTests)('superposition in the Studio', () => {
  const studio = studioPage();
  const open = (path: string) => studio.open(path, 'Superposition');
  let page: Page;
  beforeAll(() => {
    page = studio.page;
  });
  const section = (name: string) => page.getByRole('region', { name });
  const verdict = () => section('1.').locator('.verdict').textContent();
  const slow = { timeout: 60_000 };

  test('five features in two neurons become a pentagon; at sparsity 0 two are left', async () => {
    await open('/superposition');
    await expect.poll(verdict, slow).toBe('pentagon (D = 0.40)');
    await open('/superposition?S=0');
    await expect
      .poll(verdict, slow)
      .toMatch(/^one alone \(D = (1\.00|0\.9\d)\), one alone \(D = (1\.00|0\.9\d)\); 3 dropped$/);
  });

  test('the scrubber goes back to the first steps', async () => {
    await open('/superposition');
    const caption = () => section('1.').locator('.picture svg').first().textContent();
    await expect.poll(caption, slow).toContain('step 1200');
    const scrubber = section('1.').getByRole('slider', { name: 'time' });
    await scrubber.focus();
    await page.keyboard.press('Home');
    await expect.poll(caption).toContain('step 0,');
  });

  test('another seed stands in the address', async () => {
    await open('/superposition');
    const knob = section('1.').getByRole('slider', { name: 'Seed' });
    await knob.focus();
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => new URL(page.url()).searchParams.get('seed')).toBe('2');
  });

  test('a worker maps the phases, climbs the barrier and untangles eight features', async () => {
    await open('/superposition');
    const words = (name: string) => section(name).textContent();
    await expect.poll(() => words('5.'), slow).toMatch(/Mean cosine with the true features: 0\.\d\d → 1\.00/);
    await expect.poll(() => words('4.'), slow).toContain('From the two pairs the climb is 3.1 × 10⁻⁵');
    const cells = () => section('3.').locator('.picture svg g rect').count();
    await expect.poll(cells, slow).toBeGreaterThanOrEqual(18 * 18);
    await section('5.').getByRole('combobox', { name: 'Learned by' }).selectOption('adam');
    await expect.poll(() => words('5.')).toContain('computing');
    await expect.poll(() => words('5.'), slow).toContain('→ 1.00');
  });
});
