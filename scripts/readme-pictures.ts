/** @file `npm run pictures [WORKSPACE]`: the Studio takes its own pictures of a finished demo for README and docs. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { sha256 } from '../src/core/hash.ts';
import { featureSource } from '../src/studio/features.ts';
import { startStudio } from '../src/studio/server.ts';
import type { StudyState } from '../src/studio/shapes.ts';
import { demoStudy } from '../src/study/demo.ts';
import { studyStore } from '../src/study/state.ts';
import { showCached, stepFolders } from '../src/study/study.ts';
import { launchBrowser } from '../test/support/browser.ts';
import { buildWeb } from './build-web.ts';

export interface Shot {
  readonly name: string;
  readonly scheme: 'light' | 'dark';
  /** Address inside the Studio, from what the study has found. */
  path(state: StudyState): string;
  /** What must be on the page before the picture is taken. */
  readonly ready: string;
  readonly height: number;
}

/** Largest picture (bytes): the repository carries them. */
export const largest = 400_000;

const circuitOf = (state: StudyState): string =>
  (state.results.circuits.find((one) => one.task === 'gender') ?? state.results.circuits[0])?.task ?? '';

/** Site and number of the feature that the edit turns down first, else of the strongest one in the circuit. */
function featureOf({ results }: StudyState): string {
  const edited = results.edit?.features[0];
  const node = results.circuits
    .flatMap((one) => one.nodes)
    .filter((one) => one.kind === 'feature')
    .sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect))[0];
  const [site, id] = edited ? [edited.site, edited.feature] : [node?.site ?? '', node?.feature ?? 0];
  return `/features/${encodeURIComponent(site)}/${id}`;
}

export const shots: readonly Shot[] = [
  { name: 'overview', scheme: 'light', path: () => '/', ready: '.three svg', height: 1000 },
  { name: 'overview-dark', scheme: 'dark', path: () => '/', ready: '.three svg', height: 1000 },
  {
    name: 'circuit',
    scheme: 'light',
    path: (state) => `/circuit/${circuitOf(state)}?sel=node~${circuitOf(state)}~output`,
    ready: '[data-node]',
    height: 980,
  },
  { name: 'feature', scheme: 'light', path: featureOf, ready: '.passages li', height: 900 },
  { name: 'energy', scheme: 'light', path: () => '/energy', ready: '.section svg', height: 760 },
  { name: 'edit', scheme: 'dark', path: () => '/edit', ready: '.section svg', height: 900 },
];

/** Takes all pictures of the Studio at `url` into `folder`, with a list of their checksums. */
export async function takePictures(browser: Browser, url: string, folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const state = (await (await fetch(`${url}/api/study`)).json()) as StudyState;
  const sums: Record<string, string> = {};
  for (const shot of shots) {
    const context = await browser.newContext({
      viewport: { width: 1440, height: shot.height },
      colorScheme: shot.scheme,
      reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    await page.goto(url + shot.path(state));
    await page.locator(shot.ready).first().waitFor();
    await page.evaluate(() => document.fonts.ready);
    const png = await page.screenshot({ type: 'png' });
    await context.close();
    if (png.length > largest)
      throw new Error(`${shot.name}.png has ${png.length} bytes, more than ${largest}`);
    await writeFile(join(folder, `${shot.name}.png`), png);
    sums[`${shot.name}.png`] = sha256(png);
  }
  const made = { command: state.command, model: state.results.model?.name, sha256: sums };
  await writeFile(join(folder, 'made.json'), `${JSON.stringify(made, null, 2)}\n`);
  return Object.keys(sums);
}

/** Serves what `workspace` holds of the demo and takes the pictures. */
export async function demoPictures(workspace: string, folder: string): Promise<string[]> {
  await buildWeb();
  const study = await demoStudy();
  const store = studyStore();
  await showCached(study, workspace, 'npm run -s untangle -- demo', store.send);
  if (!store.get().results.edit) {
    throw new Error(`${workspace} does not hold a finished demo: run \`npm start\` first`);
  }
  const folders = await stepFolders(study, workspace);
  const features = featureSource((site) => folders.get(`features/${site}`));
  const studio = await startStudio({ store, features });
  const browser = await launchBrowser();
  try {
    return await takePictures(browser, studio.url, folder);
  } finally {
    await browser.close();
    await studio.close();
  }
}

/** Names and checksums that `made.json` in `folder` lists. */
export const madePictures = async (folder: string): Promise<Record<string, string>> =>
  (JSON.parse(await readFile(join(folder, 'made.json'), 'utf8')) as { sha256: Record<string, string> })
    .sha256;

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const folder = fileURLToPath(new URL('../docs/pictures', import.meta.url));
  const names = await demoPictures(process.argv[2] ?? '.untangle', folder);
  console.log(names.map((name) => `docs/pictures/${name}`).join('\n'));
}
