/** @file One page of a browser on an invented Studio, for the tests of a file: opened before them, without an error after them. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { launchBrowser, watchedPage } from './browser.ts';
import { type InventedStudio, inventedStudio } from './invented-studio.ts';

/** What is open while the tests of the block run; `page` is there from then on. */
export interface StudioPage {
  readonly page: Page;
  /** Goes to a path of the Studio and waits for its heading, of this name if one is given. */
  open(path: string, heading?: string): Promise<void>;
}

/** Opens a Studio and a page before the tests of this block; after them closes both and expects that no error was shown. */
export function studioPage(): StudioPage {
  let browser: Browser;
  let invented: InventedStudio;
  let page: Page;
  let errors: string[];
  beforeAll(async () => {
    invented = await inventedStudio();
    browser = await launchBrowser();
    ({ page, errors } = await watchedPage(browser));
  });
  afterAll(async () => {
    await browser?.close();
    await invented?.studio.close();
    expect(errors).toEqual([]);
  });
  return {
    get page() {
      return page;
    },
    async open(path, heading) {
      await page.goto(invented.studio.url + path);
      await page
        .getByRole('heading', { level: 1, ...(heading === undefined ? {} : { name: heading }) })
        .waitFor();
    },
  };
}
