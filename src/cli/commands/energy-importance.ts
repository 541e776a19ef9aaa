/** @file `untangle energy importance`: features ranked by every clock, beside their exact effects and with nulls. */
import { type Command, Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import type { ImportanceResult, ImportanceRun } from '../../energy/importance/types.ts';
import { cutLabel } from '../../pictures/budget.ts';
import { fixed, number, percent } from '../../pictures/scale.ts';
import { importancePicture, measureWords, trainingPicture } from '../../study/energy/draw-results.ts';
import type { LearnChoice } from '../../study/energy/importance.ts';
import { belong } from '../belongs.ts';
import type { Io } from '../io.ts';
import { positive, real } from '../options.ts';
import { table } from '../table.ts';
import {
  addTaskAndText,
  keep,
  show,
  spread,
  type TaskOptions,
  type TextOptions,
  taskRequestOf,
  textRequestOf,
} from './energy-options.ts';

const size = { width: 900, height: 480 };

interface ImportanceOptions extends TaskOptions, TextOptions {
  readonly on: 'text' | 'task';
  readonly site?: string;
  readonly sample: number;
  readonly minActive: number;
  readonly nulls: boolean;
  readonly learn: boolean;
  readonly features: number;
  readonly steps: number;
  readonly rows: number;
  readonly evaluationRows: number;
  readonly optimiser: LearnChoice['optimiser'];
  readonly rate?: number;
  readonly picture: 'rankings' | 'training';
}

export function addImportance(energy: Command, io: Io): void {
  const command = energy
    .command('importance')
    .summary('whether energy marks important features: rankings beside exact effects, with nulls')
    .description(
      'Runs the exact effect of a sample of features and says how well each ranking agrees with it: drift, T, V, depth energy, ' +
        'gradient × activation, activation, chance; the same on an untrained network and on shuffled layers, read in the same dictionary. ' +
        'With --learn it trains a small dictionary at the site first, follows every feature’s own parameters through the training, and ranks ' +
        'by the learning clock as well: by the part of the loss’s change that each feature’s motion made. Each null then learns its own.',
    )
    .addOption(new Option('--on <what>', 'plain text or a task').choices(['text', 'task']).default('text'))
    .addOption(new Option('--site <site>', 'whose dictionary (the middle one)'))
    .addOption(
      new Option('--sample <number>', 'features whose exact effects are run').default(40).argParser(positive),
    )
    .addOption(
      new Option('--min-active <number>', 'positions at which a feature must be active')
        .default(6)
        .argParser(positive),
    )
    .addOption(new Option('--no-nulls', 'leave the untrained and the shuffled network out'))
    .addOption(
      new Option('--learn', 'train a dictionary here and rank by the learning clock too').default(false),
    )
    .addOption(
      new Option(
        '--picture <name>',
        'what --plot draws: the rankings, or with --learn T, V and H of the training',
      )
        .choices(['rankings', 'training'])
        .default('rankings'),
    )
    .action((options: ImportanceOptions, self: Command) => runImportance(options, self, io))
    .addHelpText(
      'after',
      '\nExamples:\n  untangle energy importance --site blocks.11 --plot importance.svg\n' +
        '  untangle energy importance --on task --task agreement --sample 80\n' +
        '  untangle energy importance --model tiny --learn --site blocks.1 --evaluation-rows 256',
    );
  addLearnOptions(command);
  addTaskAndText(command, { examples: 16, windows: 8, length: 64 });
  const onText = ({ on }: ImportanceOptions) => on === 'text';
  belong(command, ['--task', '--examples'], '--on task', (options: ImportanceOptions) => !onText(options));
  belong(command, ['--windows'], '--on text', onText);
  belong(
    command,
    ['--text', '--length'],
    '--on text or --learn',
    (options: ImportanceOptions) => onText(options) || options.learn,
  );
}

/** Options that mean something with --learn. */
function addLearnOptions(command: Command): void {
  command
    .addOption(
      new Option('--features <number>', 'with --learn: features of it').default(256).argParser(positive),
    )
    .addOption(
      new Option('--steps <number>', 'with --learn: steps of the training').default(400).argParser(positive),
    )
    .addOption(
      new Option('--rows <number>', 'with --learn: activations that are learned from')
        .default(8192)
        .argParser(positive),
    )
    .addOption(
      new Option(
        '--evaluation-rows <number>',
        'with --learn: the fixed evaluation batch, activations that no step learns from and on which the loss V is counted (in whole batches of 128; fewer than 128 make every batch as small)',
      )
        .default(256)
        .argParser(positive),
    )
    .addOption(
      new Option(
        '--optimiser <name>',
        'with --learn: heavy-ball has a momentum of its own, adam trains faster',
      )
        .choices(['adam', 'heavy-ball'] satisfies LearnChoice['optimiser'][])
        .default('adam'),
    )
    .addOption(
      new Option('--rate <number>', 'with --learn: learning rate (0.003; heavy-ball 0.0003)').argParser(real),
    );
}

function runImportance(options: ImportanceOptions, self: Command, io: Io): Promise<void> {
  requireLearn(options, self);
  return show(
    options,
    io,
    async (context) => {
      const { importanceReport } = await import('../../study/energy/importance.ts');
      const request = { ...taskRequestOf(options), ...textRequestOf(options) };
      const { site, sample, minActive, nulls, on } = options;
      const choice = {
        ...{ sample, minActive, nulls, on },
        ...(site === undefined ? {} : { site }),
        ...(options.learn ? { learn: learnOf(options) } : {}),
      };
      return keep('importance', options, io, () => importanceReport(request, choice, context));
    },
    {
      draw: (result) => drawImportance(result, options),
      print: (result) => printImportance(result, io),
    },
  );
}

const learnOf = ({
  features,
  steps,
  rows,
  evaluationRows,
  optimiser,
  rate,
}: ImportanceOptions): LearnChoice => ({
  ...{ features, steps, rows, evaluationRows, optimiser },
  ...(rate === undefined ? {} : { rate }),
});

/** Options that say how a dictionary is learned. */
const learning = ['features', 'steps', 'rows', 'evaluationRows', 'optimiser', 'rate'] as const;

/** @throws UsageError `usage.options` where an option of learning stands without it, or dictionaries beside it */
function requireLearn({ learn, dictionaries, picture }: ImportanceOptions, self: Command): void {
  const wrong = (message: string, hint: string) => new UsageError('usage.options', message, { hint });
  if (learn && dictionaries.length > 0)
    throw wrong('--learn trains a dictionary of its own', 'leave --dictionaries out, or --learn');
  if (learn) return;
  const given = learning.find((name) => self.getOptionValueSource(name) === 'cli');
  const flag = self.options.find((option) => option.attributeName() === given)?.long;
  if (flag) throw wrong(`${flag} says how a dictionary is learned`, `add --learn, or leave ${flag} out`);
  if (picture === 'training')
    throw wrong('without --learn no training is recorded', 'add --learn, or leave --picture out');
}

function drawImportance({ comparisons, runs }: ImportanceResult, { picture }: ImportanceOptions): string {
  const training = runs[0]?.training;
  return picture === 'training' && training
    ? trainingPicture(training, size)
    : importancePicture(comparisons[0]!, 900);
}

function printImportance({ runs, comparisons }: ImportanceResult, io: Io): void {
  for (const { site, metric, scores } of comparisons) {
    const own = runs.find((run) => run.network === 'trained' && run.site === site && run.metric === metric);
    io.out(
      `${cutLabel(site)}, ${metric}: ${own?.features} of ${own?.eligible} features, ${own?.examples} examples\n\n`,
    );
    const nulls = scores[0]?.nulls.map((one) => one.name) ?? [];
    io.out(
      table(
        [
          'ranking',
          'Spearman',
          ...nulls,
          'given activation and frequency',
          'beyond gradient × activation',
          `first ${own?.k}`,
        ],
        scores.map(({ name, score, nulls }) => {
          const row = own?.scores.find((one) => one.name === name);
          return [
            ...[measureWords[name], spread(score), ...nulls.map((one) => spread(one.score))],
            ...(row ? [spread(row.partial), spread(row.beyondGradient), percent(row.precision.value)] : []),
          ];
        }),
      ),
    );
  }
  const trainings = runs.filter((run) => run.training);
  if (trainings.length > 0) printTrainings(trainings, io);
  io.out('\nSpearman: rank correlation with |exact effect|, 95 % intervals over features.');
  if (runs.some((run) => run.network !== 'trained')) {
    io.out(
      trainings.length > 0
        ? ' Each null has learned a dictionary of its own activations.'
        : ' The nulls read the same dictionary, whose directions they have not learned.',
    );
  }
  io.out('\n');
}

/** How the dictionaries were trained, and whether the work of their features adds up to the change of the loss. */
function printTrainings(runs: readonly ImportanceRun[], io: Io): void {
  io.out('\n');
  io.out(
    table(
      [
        ...['dictionary of', 'V at the start', 'at the end', 'ΔV', 'by features', 'by shared parameters'],
        ...['not accounted for', 'variance explained', 'active features'],
      ],
      runs.flatMap(({ network, training }) => {
        if (!training) return [];
        const { potential, change, shared, completeness, fve, l0 } = training;
        return [
          [
            ...[network, number(potential[0]!, 4), number(potential.at(-1)!, 4), number(change, 4)],
            ...[percent(1 - shared / change, 1), percent(shared / change, 1), number(completeness)],
            ...[percent(fve), fixed(l0, 1)],
          ],
        ];
      }),
    ),
  );
  const { name, steps, rows, evaluationRows, features } = runs[0]!.training!;
  io.out(
    `\n${features} features learned by ${name} in ${steps} steps from ${rows} activations; V is the loss on ${evaluationRows} others, the same at every step.\n`,
  );
}
