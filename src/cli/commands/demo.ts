/** @file `untangle demo`: the whole journey on a real language model. */
import type { Command } from 'commander';
import { demoStudy } from '../../study/demo.ts';
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
        'later it starts in seconds. Ctrl-C stops it, the same command goes on.',
    )
    .action(async (options: ShowOptions) => {
      await play(seeded(await demoStudy(), options), commandLine(io, 'demo', options), options, io);
    })
    .addHelpText(
      'after',
      '\nExamples:\n  untangle demo\n  untangle demo --no-open --json > result.json\n  untangle demo --view /circuit/gender',
    );
  addGlobalOptions(addStudioOptions(command));
}
