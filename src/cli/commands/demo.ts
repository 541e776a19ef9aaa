/** @file `untangle demo`: the whole journey on a real language model. */
import type { Command } from 'commander';
import { demoInstead, demoStudy } from '../../study/demo.ts';
import type { Io } from '../io.ts';
import { addGlobalOptions } from '../options.ts';
import { play } from '../play.ts';
import { addStudioOptions, commandLine, type ShowOptions, seeded } from '../show.ts';

export function addDemo(program: Command, io: Io): void {
  const command = program
    .command('demo')
    .summary('the whole journey on a real language model')
    .description(
      'Opens SmolLM2-135M, learns features, finds the circuits behind subject-verb agreement and she/he, ' +
        'measures their energy, edits the bias out, and counts what else moved. About ten minutes the first time; ' +
        'later it starts in seconds. Ctrl-C stops it, the same command goes on. Where nothing can be downloaded it runs ' +
        'on a small model and a text of this package, and says so.',
    )
    .action(async (options: ShowOptions) => {
      const command = commandLine(io, 'demo', options);
      let study = seeded(await demoStudy(), options);
      // Once for the text and once for the model at most: a study of what lies in this package fetches nothing.
      for (;;) {
        try {
          return await play(study, command, options, io);
        } catch (error) {
          const instead = await demoInstead(study, error);
          if (!instead) throw error;
          io.err(`\n${instead.notice}\n\n`);
          study = instead.study;
        }
      }
    })
    .addHelpText(
      'after',
      '\nExamples:\n  untangle demo\n  untangle demo --no-open --json > result.json\n  untangle demo --view /circuit/gender',
    );
  addGlobalOptions(addStudioOptions(command));
}
