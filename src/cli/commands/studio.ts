/** @file `untangle studio`: looks at a finished workspace. */
import type { Command } from 'commander';
import { demoStudy } from '../../study/demo.ts';
import { readStudy } from '../../study/parse.ts';
import { studyStore } from '../../study/state.ts';
import { showCached } from '../../study/study.ts';
import { openBrowser } from '../browser.ts';
import { type Io, printJson } from '../io.ts';
import { addGlobalOptions } from '../options.ts';
import { serve, stay } from '../play.ts';
import { addStudioOptions, commandLine, type ShowOptions, seeded } from '../show.ts';

export function addStudio(program: Command, io: Io): void {
  const command = program
    .command('studio')
    .summary('open the Studio on what a workspace already holds')
    .description(
      'Serves the Studio on this machine. It runs nothing: steps that have not run are shown as waiting.',
    )
    .argument('[file]', 'study file; the study of the demo when left out')
    .action(async (file: string | undefined, options: ShowOptions) => {
      const study = seeded(file === undefined ? await demoStudy() : await readStudy(file), options);
      const store = studyStore();
      const words = file === undefined ? 'demo' : `study ${file}`;
      await showCached(study, options.workspace, commandLine(io, words, options), store.send);
      const studio = await serve(study, store, options);
      const url = `${studio.url}${options.view ?? '/'}`;
      if (options.json) printJson(io, { url });
      else io.out(`The Studio: ${url}\n`);
      if (io.interactive && options.open) openBrowser(url);
      try {
        await stay(studio, io);
      } finally {
        await studio.close();
      }
    })
    .addHelpText('after', '\nExamples:\n  untangle studio\n  untangle studio my.yaml --port 4000 --no-open');
  addGlobalOptions(addStudioOptions(command));
}
