/** @file Runs a study for a command: progress on the terminal, the Studio beside it, the report at the end. */
import { relative } from 'node:path';
import { UntangleError } from '../core/errors.ts';
import { featureSource } from '../studio/features.ts';
import { savedIn } from '../studio/saved.ts';
import { type Studio, startStudio } from '../studio/server.ts';
import type { StudyStep } from '../study/plan.ts';
import type { Study } from '../study/schema.ts';
import { type StudyStore, studyStore } from '../study/state.ts';
import { runStudy, stepFolders } from '../study/study.ts';
import { openBrowser } from './browser.ts';
import { type Io, printJson } from './io.ts';
import type { GlobalOptions } from './options.ts';
import { progressView } from './progress.ts';
import { report } from './report.ts';
import { table } from './table.ts';

export interface PlayOptions extends GlobalOptions {
  /** Whether the browser is opened when a person sits in front. */
  readonly open?: boolean;
  readonly port?: number;
  /** Address inside the Studio that is opened, e.g. `/circuit/gender`. */
  readonly view?: string;
  /** False for commands that show no Studio. */
  readonly studio?: boolean;
  readonly wanted?: (step: StudyStep) => boolean;
  /** Steps whose folders are told at the end: for commands that run one stage. */
  readonly folders?: (step: Pick<StudyStep, 'name'>) => boolean;
}

/** Runs `study` and prints what it found. `command` is what does this again. */
export async function play(study: Study, command: string, options: PlayOptions, io: Io): Promise<void> {
  const store = studyStore();
  const studio = options.studio === false ? undefined : await openStudio(study, store, options, io);
  const view = options.quiet ? undefined : progressView(io);
  const unsubscribe = view && store.subscribe((message, state) => view.show(message, state));
  try {
    const summary = await runStudy(study, {
      workspace: options.workspace,
      threads: options.threads,
      command,
      watch: store.send,
      signal: io.signal,
      ...(options.wanted ? { wanted: options.wanted } : {}),
    });
    view?.close();
    const kept = options.folders ? await folderList(study, store, options) : undefined;
    if (options.json) printJson(io, kept ? { ...summary, steps: kept } : summary);
    else io.out(report(summary, io) + (kept ? folderReport(kept) : ''));
    if (studio && io.interactive && !options.json) await stay(studio, io);
  } finally {
    view?.close();
    unsubscribe?.();
    await studio?.close();
  }
}

interface KeptStep {
  readonly step: string;
  readonly folder: string;
  readonly seconds: number;
  /** What it found, in half a line. */
  readonly summary: string;
}

/** Where the steps of a stage have put what they made. */
async function folderList(study: Study, store: StudyStore, options: PlayOptions): Promise<KeptStep[]> {
  const folders = await stepFolders(study, options.workspace);
  return store
    .get()
    .steps.filter((step) => options.folders?.(step))
    .map(({ name, seconds = 0, summary = '' }) => ({
      step: name,
      folder: folders.get(name)!,
      seconds,
      summary,
    }));
}

const folderReport = (kept: readonly KeptStep[]): string =>
  `\n${table(
    ['step', 'result', 'folder'],
    kept.map(({ step, summary, folder }) => [step, summary, relative(process.cwd(), folder)]),
  )}`;

/** The Studio beside a running study; undefined, with the reason told, when its pages are not built. */
async function openStudio(
  study: Study,
  store: StudyStore,
  options: PlayOptions,
  io: Io,
): Promise<Studio | undefined> {
  try {
    const studio = await serve(study, store, options);
    if (!options.quiet) io.err(`The Studio: ${studio.url}${options.view ?? '/'}\n`);
    if (io.interactive && options.open !== false) openBrowser(`${studio.url}${options.view ?? '/'}`);
    return studio;
  } catch (error) {
    if (!(error instanceof UntangleError && error.code === 'studio.no-pages')) throw error;
    io.err(`The Studio is not shown: ${error.message}; ${error.hint}\n`);
    return undefined;
  }
}

/** Starts the Studio over a store. */
export async function serve(
  study: Study,
  store: StudyStore,
  options: Pick<PlayOptions, 'workspace' | 'port'>,
): Promise<Studio> {
  const folders = await stepFolders(study, options.workspace);
  return startStudio({
    store,
    features: featureSource((site) => folders.get(`features/${site}`)),
    saved: savedIn(options.workspace),
    ...(options.port === undefined ? {} : { port: options.port }),
  });
}

/** Serves until Ctrl-C. */
export async function stay(studio: Studio, io: Io): Promise<void> {
  io.err(`\n${io.style.faint(`The Studio stays at ${studio.url} until Ctrl-C.`)}\n`);
  if (io.signal.aborted) return;
  // A timer keeps the process alive however the server treats its sockets.
  const timer = setInterval(() => {}, 60_000);
  await new Promise<void>((done) => io.signal.addEventListener('abort', () => done(), { once: true }));
  clearInterval(timer);
}
