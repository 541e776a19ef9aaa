/** @file Single steps of a study as commands: each runs a study up to one stage. */
import type { Command } from 'commander';
import { StudyError } from '../../core/errors.ts';
import { demoStudy } from '../../study/demo.ts';
import { readStudy } from '../../study/parse.ts';
import type { StudyStep } from '../../study/plan.ts';
import { planStudy } from '../../study/study.ts';
import type { Io } from '../io.ts';
import { addGlobalOptions, type GlobalOptions } from '../options.ts';
import { play } from '../play.ts';
import { commandLine, seeded } from '../show.ts';

const stages = [
  ['harvest', 'record activations at the sites of the dictionaries'],
  ['train', 'train the dictionaries'],
  ['evaluate', 'score the dictionaries on held-out text'],
  ['features', 'collect the passages on which each feature is most active'],
  ['circuit', 'find the circuits of the tasks'],
  ['energy', 'measure the energy of each task, cut by cut'],
  ['edit', 'switch features off and count what else moves'],
] as const;

/** Adds `harvest`, `train` … `edit`. */
export function addStages(program: Command, io: Io): void {
  for (const [stage, summary] of stages) {
    const command = program
      .command(stage)
      .summary(summary)
      .description(`Runs a study as far as to ${summary}. Finished steps are kept and not run again.`)
      .argument('[file]', 'study file; the study of the demo when left out')
      .action(async (file: string | undefined, options: GlobalOptions) => {
        const study = seeded(file === undefined ? await demoStudy() : await readStudy(file), options);
        const wanted = (step: StudyStep) => step.name === stage || step.name.startsWith(`${stage}/`);
        const steps = await planStudy(study, options.workspace);
        if (!steps.some((step) => step.name === stage || step.name.startsWith(`${stage}/`))) {
          throw new StudyError('study.no-stage', `this study has no stage "${stage}"`, {
            ...(file === undefined ? {} : { where: file }),
            hint: 'circuit, energy and edit need tasks, and must not be switched off in the study',
          });
        }
        const words = file === undefined ? stage : `${stage} ${file}`;
        await play(study, commandLine(io, words, options), { ...options, wanted, studio: false }, io);
      })
      .addHelpText('after', `\nExamples:\n  untangle ${stage}\n  untangle ${stage} my.yaml --json`);
    addGlobalOptions(command);
  }
}
