/** @file A real browser for tests: any Chrome or Chromium on the machine, driven by playwright-core. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

const runnable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** Path of a browser: CHROME_PATH first, then the usual names on PATH; undefined when there is none. */
export function findBrowser(): string | undefined {
  const wanted = process.env.CHROME_PATH;
  if (wanted) return wanted;
  const folders = (process.env.PATH ?? '').split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(runnable);
}

const path = findBrowser();

/** False only on a user's machine without a browser; with CI set the tests run and fail instead. */
export const browserTests = path !== undefined || Boolean(process.env.CI);
if (!browserTests) {
  console.warn('browser tests are skipped: no Chrome or Chromium found; set CHROME_PATH to one');
}

/** Starts the browser. @throws when there is none (with CI set). */
export function launchBrowser(): Promise<Browser> {
  if (!path) throw new Error('no Chrome or Chromium found; set CHROME_PATH or install one');
  return chromium.launch({
    executablePath: path,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export interface WatchedPage {
  readonly page: Page;
  /** Errors the page or its console has shown so far. */
  readonly errors: string[];
}

/** A new page that remembers every error, and refuses to talk to any other machine. */
export async function watchedPage(
  browser: Browser,
  options: { scheme?: 'light' | 'dark'; width?: number; height?: number } = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1440, height: options.height ?? 900 },
    colorScheme: options.scheme ?? 'light',
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text());
  });
  page.on('request', (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (protocol.startsWith('http') && hostname !== '127.0.0.1') errors.push(`asked ${hostname}`);
  });
  page.setDefaultTimeout(20_000);
  return { page, errors };
}
