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
import { addInlineOptions, type InlineOptions, inlineStudy, inlineWords } from './inline-study.ts';

const stages = [
  ['harvest', 'record activations at the sites of the dictionaries'],
  ['train', 'train the dictionaries'],
  ['evaluate', 'score the dictionaries on held-out text'],
  ['features', 'collect the passages on which each feature is most active'],
  ['circuit', 'find the circuits of the tasks'],
  ['energy', 'measure the energy of each task, cut by cut'],
  ['edit', 'switch features off and count what else moves'],
] as const;

/** Stages that need no behaviour: their study may be written on the command line. */
const inline: ReadonlySet<string> = new Set(['harvest', 'train', 'evaluate', 'features']);

/** Steps that belong to a stage beside those of its name. */
const also: Readonly<Record<string, readonly string[]>> = {
  evaluate: ['sweep'],
  energy: ['flow', 'sequence', 'concept'],
};

const belongs = (name: string, stage: string): boolean => {
  const [first = ''] = name.split('/');
  return first === stage || (also[stage]?.includes(first) ?? false);
};

/** Adds `harvest`, `train` … `edit`. */
export function addStages(program: Command, io: Io): void {
  for (const [stage, summary] of stages) {
    const command = program
      .command(stage)
      .summary(summary)
      .description(`Runs a study as far as to ${summary}. Finished steps are kept and not run again.`)
      .argument('[file]', 'study file; the study of the demo when left out')
      .action((file: string | undefined, options: GlobalOptions & InlineOptions) =>
        runStage(stage, file, options, io),
      )
      .addHelpText(
        'after',
        `\nExamples:\n  untangle ${stage}\n  untangle ${stage} my.yaml --json${inline.has(stage) ? inlineExample(stage) : ''}`,
      );
    if (inline.has(stage)) addInlineOptions(command);
    addGlobalOptions(command);
  }
}

const inlineExample = (stage: string): string =>
  `\n  untangle ${stage} --model smollm2-135m --site blocks.11 --set architecture=batchtopk k=16,32`;

async function runStage(
  stage: string,
  file: string | undefined,
  options: GlobalOptions & InlineOptions,
  io: Io,
): Promise<void> {
  const written = inline.has(stage) ? inlineStudy(options, file) : undefined;
  const given = written ?? (file === undefined ? await demoStudy() : await readStudy(file));
  const study = seeded(given, options);
  const steps = await planStudy(study, options.workspace);
  if (!steps.some((step) => belongs(step.name, stage))) {
    throw new StudyError('study.no-stage', `this study has no stage "${stage}"`, {
      ...(file === undefined ? {} : { where: file }),
      hint: 'circuit, energy and edit need tasks, and must not be switched off in the study',
    });
  }
  const words = [stage, ...(file === undefined ? [] : [file]), ...(written ? [inlineWords(options)] : [])];
  const wanted = (step: Pick<StudyStep, 'name'>) => belongs(step.name, stage);
  const play_ = { ...options, wanted, studio: false, folders: wanted };
  await play(study, commandLine(io, words.join(' '), options), play_, io);
}
