/** @file `untangle study bias`: a classifier trained on confounded data, every edit of it, and what each one cost. */
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import type { BiasResult } from '../../edits/bias/types.ts';
import { makeWritable } from '../../files/atomic.ts';
import { readChoice } from '../../study/bias/choice.ts';
import { biasPictures } from '../../study/bias/draw.ts';
import { runBiasText, saveBias } from '../../study/bias/run.ts';
import { runBiasTable } from '../../study/bias/table.ts';
import { BIAS_TEXT_DEFAULTS, BIAS_TEXT_SMALL, type BiasTextOptions } from '../../study/bias/types.ts';
import type { PlannedStep } from '../../study/plan.ts';
import { biasFolder } from '../../study/saved.ts';
import { belong } from '../belongs.ts';
import { type Io, printJson } from '../io.ts';
import { taskView } from '../live.ts';
import { addGlobalOptions, type GlobalOptions, positive } from '../options.ts';
import { plot } from '../plot.ts';
import { duration } from '../progress.ts';
import { commandLine } from '../show.ts';
import { report } from './study-bias-report.ts';
import {
  addTableOptions,
  requireTable,
  type TableCommandOptions,
  tableOptions,
  tableWords,
} from './study-bias-table.ts';

interface BiasCommandOptions extends TableCommandOptions {
  readonly model: string;
  readonly site?: string;
  readonly dictionary: readonly string[];
  readonly fields: readonly [string, string];
  readonly data: string;
  readonly natural?: true;
  readonly text?: string;
  readonly plot?: string;
}

function fieldPair(text: string): [string, string] {
  const names = text.split(',').map((name) => name.trim());
  if (names.length === 2 && names[0] && names[1] && names[0] !== names[1]) return [names[0], names[1]];
  throw new InvalidArgumentError('It must be two different fields, e.g. science,arts.');
}

/** Adds `bias` to `study`. */
export function addStudyBias(study: Command, io: Io): void {
  const command = study
    .command('bias')
    .summary('take a bias out of a classifier, by every method, and count what each one costs')
    .description(
      'Trains a probe on biographies in which the field tells the gender (men of the first field, women of the second), tests ' +
        'it where it does not, and edits it: features by rule, by hand and along paths, beside erasers, deletions and bounds.',
    )
    .action((options: BiasCommandOptions, self: Command) => {
      requireText(options, self);
      return runAction(options, io);
    })
    .addHelpText(
      'after',
      '\nExamples:\n  untangle study bias\n  untangle study bias --small --model tiny\n' +
        '  untangle study bias --choice choice.json --plot pictures\n' +
        '  untangle study bias --model EleutherAI/pythia-70m-deduped --site blocks.4 --data bias-in-bios \\\n' +
        '    --fields professor,nurse --natural --dictionary saprmarks/pythia-70m-deduped-saes:resid_out_layer4\n' +
        '  untangle study bias --table cps-wages-1985 --outcome wage --median wage --protected gender',
    );
  addTextOptions(command);
  addTableOptions(command);
  belong(
    command,
    ['--seeds'],
    'dictionaries that are learned, without --dictionary',
    ({ dictionary }: BiasCommandOptions) => dictionary.length === 0,
  );
  addGlobalOptions(command);
}

/** Options of the study on text. */
function addTextOptions(command: Command): void {
  const { model, fields, data } = BIAS_TEXT_DEFAULTS;
  command
    .addOption(new Option('--model <model>', 'as for `untangle run`').default(model))
    .addOption(new Option('--site <site>', 'the cut that is edited (blocks.11 of SmolLM2)'))
    .addOption(
      new Option(
        '--dictionary <source...>',
        'dictionaries of others in place of ones that are learned: folders, files, names on the Hugging Face hub',
      ).default([]),
    )
    .addOption(
      new Option('--fields <a,b>', 'two fields of the data: men of A and women of B are trained on')
        .default(fields, fields.join(','))
        .argParser(fieldPair),
    )
    .addOption(
      new Option(
        '--data <source>',
        'wikipedia-people, bias-in-bios, or a Parquet file of its form (docs/bias.md)',
      ).default(data),
    )
    .addOption(
      new Option(
        '--natural',
        'no swapped biographies: people as they were found, where the data have enough of each',
      ),
    )
    .addOption(
      new Option(
        '--choice <file>',
        'features that a person picked in the Studio: adds SHIFT with that choice',
      ),
    )
    .addOption(new Option('--seeds <n>', 'dictionaries that are learned (3)').argParser(positive))
    .addOption(new Option('--probes <n>', 'seeds of every probe (10)').argParser(positive))
    .addOption(new Option('--text <source>', 'text that features are learned from (wikipedia-leads)'))
    .addOption(new Option('--small', 'a trial within a minute; its figures mean nothing'))
    .addOption(new Option('--plot <folder>', 'write the trade-off curves and the paths as SVG files'));
}

/** Options that mean nothing to a table. */
const ofText = [
  'model',
  'site',
  'dictionary',
  'fields',
  'data',
  'natural',
  'text',
] as const satisfies readonly (keyof BiasCommandOptions)[];

/** @throws UsageError `usage.options` where an option of the study on text stands beside a table */
function requireText({ table }: BiasCommandOptions, self: Command): void {
  const given = ofText.find((name) => self.getOptionValueSource(name) === 'cli');
  if (table === undefined || given === undefined) return;
  throw new UsageError('usage.options', `--${given} belongs to the study on text`, {
    where: `--${given}`,
    hint: `leave --${given} out, or --table: a table has a network of its own`,
  });
}

/** Runs the study that is asked for, on text or on a table. */
async function runAction(options: BiasCommandOptions, io: Io): Promise<void> {
  const view = taskView(io, options.quiet === true);
  const { threads, workspace } = options;
  requireTable(options);
  const onTable = options.table !== undefined;
  const command = commandLine(io, onTable ? tableWords(options) : biasWords(options), options);
  const context = { threads, progress: view.progress, signal: io.signal, command };
  try {
    await makeWritable(biasFolder(workspace));
    const result = onTable
      ? await runBiasTable(await tableOptions(options), context)
      : await runBiasText(await textOptions(options), {
          ...{ ...context, workspace },
          planned: (steps) => {
            if (options.quiet !== true) io.err(estimate(steps));
          },
        });
    view.close();
    await finish(result, options, io);
  } finally {
    view.close();
  }
}

/** Saves, draws and prints a result, of text or of a table. */
export async function finish(
  result: BiasResult,
  options: GlobalOptions & { readonly plot?: string },
  io: Io,
): Promise<void> {
  const file = await saveBias(options.workspace, result);
  if (options.plot !== undefined) {
    for (const { name, svg } of biasPictures(result)) await plot(join(options.plot, `${name}.svg`), svg, io);
  }
  if (options.json) return printJson(io, result);
  io.out(report(result));
  if (result.attribution !== undefined) io.out(`\n  ${result.attribution}\n`);
  io.out(`\n  Saved in ${file}; the Studio shows it on the page "Bias".\n`);
}

async function textOptions(options: BiasCommandOptions): Promise<BiasTextOptions> {
  const { model, site, dictionary, fields, data, choice, seeds, probes, text, seed, small } = options;
  return {
    ...BIAS_TEXT_DEFAULTS,
    ...(small ? BIAS_TEXT_SMALL : {}),
    ...{ model, fields, data, dictionaries: dictionary },
    ...(site === undefined
      ? model === 'tiny'
        ? { site: 'blocks.1.hook_resid_post' }
        : {}
      : { site: /^blocks\.\d+$/.test(site) ? `${site}.hook_resid_post` : site }),
    ...(choice === undefined ? {} : { choice: await readChoice(choice) }),
    ...(seeds === undefined ? {} : { dictionarySeeds: seeds }),
    ...(probes === undefined ? {} : { probes }),
    ...(options.natural ? { counterfactuals: false } : {}),
    ...(text === undefined ? {} : { text }),
    ...(seed === undefined ? {} : { seed }),
  };
}

/** The options again, for the command that is shown to people. */
function biasWords(options: BiasCommandOptions): string {
  const { model, site, dictionary, fields, data, choice, seeds, probes, text, small } = options;
  const defaults = BIAS_TEXT_DEFAULTS;
  return [
    'study bias',
    ...(model === defaults.model ? [] : [`--model ${model}`]),
    ...(site === undefined ? [] : [`--site ${site}`]),
    ...(dictionary.length === 0 ? [] : [`--dictionary ${dictionary.join(' ')}`]),
    ...(fields.join() === defaults.fields.join() ? [] : [`--fields ${fields.join()}`]),
    ...(data === defaults.data ? [] : [`--data ${data}`]),
    ...(options.natural ? ['--natural'] : []),
    ...(choice === undefined ? [] : [`--choice ${choice}`]),
    ...(seeds === undefined ? [] : [`--seeds ${seeds}`]),
    ...(probes === undefined ? [] : [`--probes ${probes}`]),
    ...(text === undefined ? [] : [`--text ${text}`]),
    ...(small ? ['--small'] : []),
  ].join(' ');
}

function estimate(steps: readonly PlannedStep[]): string {
  const left = steps.filter((step) => !step.cached);
  if (left.length === 0) return 'Everything is there already.\n';
  const seconds = left.reduce((sum, step) => sum + step.cost.seconds, 0);
  return `${left.length} of ${steps.length} steps to run, about ${duration(seconds)} on two cores.\n`;
}
