/** @file `untangle study`: a study of one's own, a file to start from, and what it would cost. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { writeFileAtomic } from '../../files/atomic.ts';
import { demoText } from '../../study/demo.ts';
import { readStudy } from '../../study/parse.ts';
import { planStudy } from '../../study/study.ts';
import { type Io, printJson } from '../io.ts';
import { addGlobalOptions, type GlobalOptions } from '../options.ts';
import { play } from '../play.ts';
import { duration } from '../progress.ts';
import { addStudioOptions, commandLine, type ShowOptions, seeded } from '../show.ts';
import { table } from '../table.ts';
import { addStudyBias } from './study-bias.ts';

export function addStudy(program: Command, io: Io): void {
  const study = program
    .command('study')
    .summary('run a study file; write one; see what it would cost')
    .description('Runs a study: model, text, features, circuits, energy and edit, said in one YAML file.')
    .argument('[file]', 'study file')
    // Options after `init` and `plan` are theirs.
    .enablePositionalOptions()
    .action(async (file: string | undefined, options: ShowOptions) => {
      if (file === undefined) {
        throw new UsageError('usage.missing-argument', 'which study?', {
          hint: '`untangle study FILE.yaml` runs one, `untangle study init` writes one to start from',
        });
      }
      await play(
        seeded(await readStudy(file), options),
        commandLine(io, `study ${file}`, options),
        options,
        io,
      );
    })
    .addHelpText(
      'after',
      '\nExamples:\n  untangle study init my.yaml\n  untangle study plan my.yaml\n  untangle study my.yaml',
    );
  addGlobalOptions(addStudioOptions(study));
  addInit(study, io);
  addPlan(study, io);
  addStudyBias(study, io);
}

function addInit(study: Command, io: Io): void {
  const command = study
    .command('init')
    .summary('write a study file with comments')
    .argument('[file]', 'where to write it', 'study.yaml')
    .action(async (file: string, options: GlobalOptions) => {
      if (existsSync(file)) {
        throw new UsageError('usage.exists', `${file} exists already`, {
          where: file,
          hint: 'name another file, or remove this one first',
        });
      }
      await writeFileAtomic(file, await demoText());
      if (options.json) printJson(io, { file });
      else io.out(`Wrote ${file}. Change what you like, then: ${io.self} study plan ${file}\n`);
    });
  addGlobalOptions(command);
}

function addPlan(study: Command, io: Io): void {
  const command = study
    .command('plan')
    .summary('show the steps: kept or not, time, disk and memory')
    .argument('<file>', 'study file')
    .action(async (file: string, options: GlobalOptions) => {
      const steps = await planStudy(seeded(await readStudy(file), options), options.workspace);
      const toRun = steps.filter((step) => !step.cached);
      const total = {
        steps: steps.length,
        cached: steps.length - toRun.length,
        seconds: sum(toRun.map((step) => step.cost.seconds)),
        diskBytes: sum(toRun.map((step) => step.cost.diskBytes)),
        memoryBytes: Math.max(0, ...toRun.map((step) => step.cost.memoryBytes)),
      };
      if (options.json) return printJson(io, { steps, toRun: total });
      io.out(
        table(
          ['step', 'state', 'time', 'disk', 'memory'],
          steps.map(({ name, cached, cost }) => [
            name,
            cached ? 'kept' : 'to run',
            `${cached ? '' : '~'}${duration(cost.seconds)}`,
            megabytes(cost.diskBytes),
            cached ? '' : megabytes(cost.memoryBytes),
          ]),
        ),
      );
      io.out(
        `\n${toRun.length} of ${steps.length} steps to run: about ${duration(total.seconds)}, ` +
          `${megabytes(total.diskBytes)} of disk, ${megabytes(total.memoryBytes)} of memory\n`,
      );
    });
  addGlobalOptions(command);
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const megabytes = (bytes: number): string =>
  bytes >= 1e6 ? `${Math.round(bytes / 1e6)} MB` : `${Math.ceil(bytes / 1e3)} kB`;
