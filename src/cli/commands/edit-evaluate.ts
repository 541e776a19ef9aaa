/** @file `untangle edit evaluate` and `strengthen`: what an edit moves beside what it is meant to move. */
import { type Command, Option } from 'commander';
import type { LeftTask } from '../../data/tasks.ts';
import type { CollateralResult, EffectMatrix } from '../../edits/collateral/types.ts';
import { conceptKinds } from '../../edits/concepts.ts';
import type { StrengthenResult } from '../../edits/strengthen.ts';
import { dotsPicture } from '../../pictures/dots.ts';
import {
  type CollateralReport,
  type EvaluateRequest,
  evaluateEdits,
  USUAL_TASKS,
} from '../../study/edits/evaluate.ts';
import { OTHERS, type StrengthenReport, strengthenTask } from '../../study/edits/strengthen.ts';
import { belong } from '../belongs.ts';
import type { Io } from '../io.ts';
import { addGlobalOptions, modelOption, positive, real } from '../options.ts';
import { plotOption } from '../plot.ts';
import { table } from '../table.ts';
import { addPlainText, between, notNegative, type PlainTextOptions, reals, signed } from './edit-options.ts';
import { addEnergyOptions, type EnergyOptions, requestOf, show } from './energy-options.ts';

/** The usual tasks, for the help. */
const unlessNamed = (names: readonly string[]): string =>
  `(${names.join(', ')}, as far as the model's tokenizer can say them)`;

/** Usual tasks that are not scored, and why. */
const printLeft = (left: readonly LeftTask[], io: Io): void => {
  for (const { task, why } of left) io.out(`\nnot scored: ${task}: ${why}\n`);
};

interface EvaluateOptions extends PlainTextOptions, Omit<EvaluateRequest, 'edits' | 'seed' | 'threads'> {}

export function addEvaluate(edit: Command, io: Io): void {
  const command = edit
    .command('evaluate')
    .summary('what else an edit moves: other behaviours, plain text, beside random edits of equal size')
    .description(
      'Scores held-out prompts of several tasks and plain text under the edit and under random edits that move every position as ' +
        'far. With --matrix, or with one edit for each task of --on, also what each edit does to each concept at matched effect.',
    )
    .argument('<edit...>', 'edit files; the first is the one that is evaluated')
    .addOption(modelOption())
    .addOption(new Option('--tasks <task...>', `built-in tasks or task files ${unlessNamed(USUAL_TASKS)}`))
    .addOption(new Option('--on <task...>', 'what the edits are meant to change, in their order').default([]))
    .addOption(
      new Option('--matrix <kind>', 'effect matrix: fit an edit of this kind to every other task').choices([
        ...conceptKinds,
      ]),
    )
    .addOption(new Option('--dictionary <folder>', 'whose features --matrix features takes'))
    .addOption(
      new Option('--aim <share>', 'effect matrix: the share of its own effect that each edit removes')
        .default(0.5)
        .argParser(real),
    )
    .addOption(new Option('--examples <number>', 'pairs of each task').default(48).argParser(positive))
    .addOption(new Option('--draws <number>', 'random edits').default(3).argParser(notNegative))
    .addOption(new Option('--factor <number>', 'all strengths times this').default(1).argParser(real))
    .addOption(plotOption());
  addPlainText(command, 16)
    .action((edits: readonly string[], options: EvaluateOptions) => {
      const { seed = 0, ...rest } = options;
      return show(options, io, (context) => evaluateEdits({ ...rest, edits, seed }, context), {
        draw: collateralPicture,
        print: (result) => printCollateral(result, io),
      });
    })
    .addHelpText(
      'after',
      '\nExamples:\n  untangle edit evaluate no-gender.json --on gender --plot moved.svg\n' +
        '  untangle edit evaluate no-gender.json --on gender --matrix leace\n' +
        '  untangle edit evaluate a.json b.json --on gender agreement --tasks gender agreement --json',
    );
  belong(
    command,
    ['--dictionary'],
    '--matrix features',
    ({ matrix }: EvaluateOptions) => matrix === 'features',
  );
  belong(
    command,
    ['--aim'],
    '--matrix, or to several edits',
    ({ matrix }: EvaluateOptions, edits) => matrix !== undefined || edits.length > 1,
  );
  belong(command, ['--text', '--length'], '--windows above 0', ({ windows }: EvaluateOptions) => windows > 0);
  addGlobalOptions(command);
}

function printCollateral(result: CollateralReport, io: Io): void {
  const { model, changes, factor, tasks, text, draws, matrix } = result;
  const what = changes.map(({ kind, site, strength }) => `${kind} at ${site} (${strength * factor})`);
  io.out(`${model.name}: ${what.join('; ')}\n\n`);
  const rows = tasks.map((one) => [
    one.target ? `${one.task} (meant)` : one.task,
    one.accuracy.before.value.toFixed(3),
    between(one.accuracy.after),
    between(one.effect.removed),
    one.random ? between(one.random.removed) : '',
    one.random ? between(one.random.beyond) : '',
  ]);
  io.out(
    table(['task', 'accuracy', 'edited', 'effect removed', 'by random edits', 'beyond random (nats)'], rows),
  );
  if (text) {
    const row = (name: string, kl: string, perplexity: number) => [name, kl, perplexity.toFixed(3)];
    const lines = [
      row('as it is', '0', text.perplexity.before),
      row('edited', between(text.kl, 4), text.perplexity.after),
      ...(text.random ? [row('random', between(text.random.kl, 4), text.random.perplexity)] : []),
    ];
    io.out(
      `\nPlain text, ${text.tokens} tokens\n\n${table(['', 'KL per token (nats)', 'perplexity'], lines)}`,
    );
    io.out(
      `\n${table(
        ['change at', 'mean ‖Δx‖'],
        text.deltaX.map(({ site, size }) => [site, between(size)]),
      )}`,
    );
  }
  if (draws > 0) io.out(`\n${io.style.faint(`${draws} random edits, as far at every position`)}\n`);
  if (matrix) printMatrix(matrix, io);
  printLeft(result.left, io);
  if (model.note) io.out(`\n${io.style.faint(model.note)}\n`);
}

function printMatrix({ concepts, aim, rows, behaviour, probe, random }: EffectMatrix, io: Io): void {
  io.out(`\nShare of each effect that the edit of each concept removes (own effect aimed at: ${aim})\n\n`);
  const cells = rows.map((row) => [
    row.concept,
    `${row.factor.toFixed(2)}${row.matched ? '' : ' (not reached)'}`,
    ...row.behaviour.map((one) => one.value.toFixed(2).replace('-', '−')),
  ]);
  io.out(table(['edit of', 'strength ×', ...concepts], cells));
  io.out(
    `\nOn ${behaviour.on.toFixed(2)}, off ${behaviour.off.toFixed(2)}, score ${between(behaviour.interval, 2)}; ` +
      `random edits ${random.score.toFixed(2)}${probe ? `; by probes ${probe.score.toFixed(2)}` : ''}\n`,
  );
}

const collateralPicture = ({ tasks }: CollateralResult): string =>
  dotsPicture(
    tasks.map((one) => ({
      name: one.target ? `${one.task} (meant)` : one.task,
      score: one.effect.removed,
      ...(one.random ? { nulls: [{ name: 'random edits', score: one.random.removed }] } : {}),
    })),
    {
      width: 720,
      label: 'Share of the effect of each task that the edit removes',
      x: 'share of the effect removed',
      mark: { at: 0, name: 'untouched' },
      reach: [0, 1],
    },
  );

interface StrengthenOptions extends EnergyOptions, PlainTextOptions {
  readonly task: string;
  readonly others?: readonly string[];
  readonly examples: number;
  readonly features: number;
  readonly gains: readonly number[];
  readonly method: string;
  readonly draws: number;
  readonly out?: string;
}

export function addStrengthen(edit: Command, io: Io): void {
  const command = edit
    .command('strengthen')
    .summary('make a behaviour more reliable by its own features, and see what it costs')
    .description(
      'Turns up the features that serve a task most (found on train prompts) and scores held-out prompts of it and of other tasks, ' +
        'both sides of every pair, and plain text, beside random features turned up as far.',
    )
    .addOption(new Option('--task <task>', 'a built-in task or a task file').default('agreement-across-rc'))
    .addOption(new Option('--others <task...>', `what should stay as it is ${unlessNamed(OTHERS)}`))
    .addOption(new Option('--examples <number>', 'pairs of each task').default(48).argParser(positive))
    .addOption(new Option('--features <number>', 'how many features').default(10).argParser(positive))
    .addOption(new Option('--gains <number...>', 'f becomes (1 + gain) f (0.5 1 2 4)').argParser(reals))
    .addOption(new Option('--method <name>', 'how effects are taken').default('midpoint-5'))
    .addOption(new Option('--draws <number>', 'random sets of features').default(3).argParser(notNegative))
    .addOption(new Option('--out <file>', 'write the edit with the chosen gain (.json)'));
  addPlainText(command, 8)
    .action((options: StrengthenOptions) => {
      const { gains = [0.5, 1, 2, 4], task, others, examples, features, method, draws } = options;
      const { text, windows, length, out } = options;
      const request = {
        ...requestOf(options),
        ...(out === undefined ? {} : { out }),
        ...(others === undefined ? {} : { others }),
        ...{ task, examples, features, gains, method, draws, text, windows, length },
      };
      return show(options, io, (context) => strengthenTask(request, context), {
        draw: strengthenPicture,
        print: (result) => printStrengthen(result, io),
      });
    })
    .addHelpText(
      'after',
      '\nExamples:\n  untangle edit strengthen --dictionaries my-dictionaries\n' +
        '  untangle edit strengthen --task agreement --gains 1 3 --features 5 --out stronger.json --plot stronger.svg',
    );
  addEnergyOptions(command);
}

function printStrengthen(result: StrengthenReport, io: Io): void {
  const { title, baseline, rows, chosen, features } = result;
  io.out(`${title}: ${features.length} features turned up\n\n`);
  const cells = rows.map((row) => [
    row.method,
    `${row.gain}`,
    between(row.accuracy),
    signed(row.marginChange.value),
    row.beyondRandom ? between(row.beyondRandom) : '',
    between(row.kl, 4),
    row.perplexity.toFixed(2),
    row.deltaX.toFixed(2),
    ...row.others.map((other) => signed(other.accuracyChange.value)),
  ]);
  const none = [
    'as it is',
    '0',
    between(baseline.accuracy),
    '+0.000',
    '',
    '0',
    baseline.perplexity.toFixed(2),
    '0',
  ];
  const names = baseline.others.map((other) => other.task);
  io.out(
    table(
      ['', 'gain', 'accuracy', 'margin', 'margin beyond random', 'KL', 'perplexity', '‖Δx‖', ...names],
      [[...none, ...names.map(() => '+0.000')], ...cells],
    ),
  );
  io.out(
    `\nThe gain with the largest margin on train pairs is ${chosen.gain} (accuracy there ${chosen.trainAccuracy.toFixed(3)}).\n`,
  );
  printLeft(result.left, io);
}

const strengthenPicture = ({ rows, baseline, title }: StrengthenResult): string =>
  dotsPicture(
    [
      { name: 'as it is', score: baseline.accuracy },
      ...rows
        .filter((row) => row.method === 'features')
        .map((row) => {
          const random = rows.find((other) => other.method === 'random' && other.gain === row.gain);
          return {
            name: `gain ${row.gain}`,
            score: row.accuracy,
            ...(random ? { nulls: [{ name: 'random features', score: random.accuracy }] } : {}),
          };
        }),
    ],
    { width: 720, label: title, x: 'share of held-out prompts answered right', reach: [0.5, 1] },
  );
