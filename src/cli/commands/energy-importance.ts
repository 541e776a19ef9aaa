/** @file `untangle energy importance` and `circuit`: features ranked and chosen by energy, beside exact effects and other ways. */
import { type Command, Option } from 'commander';
import type { Estimate } from '../../core/statistics.ts';
import type { ImportanceResult } from '../../energy/importance/types.ts';
import type { MaskCircuitResult } from '../../energy/masks/types.ts';
import { cutLabel } from '../../pictures/budget.ts';
import { fixed, percent } from '../../pictures/scale.ts';
import {
  armWords,
  importancePicture,
  maskMotionPicture,
  maskPicture,
  measureWords,
} from '../../study/energy/draw-results.ts';
import type { Io } from '../io.ts';
import { positive } from '../options.ts';
import { table } from '../table.ts';
import {
  addTaskAndText,
  addTaskOptions,
  keep,
  show,
  type TaskOptions,
  type TextOptions,
  taskRequestOf,
  textRequestOf,
} from './energy-options.ts';

const size = { width: 900, height: 480 };
const spread = (estimate: Estimate | undefined, digits = 2): string =>
  estimate ? written(estimate, digits) : '';
const written = ({ value, low, high }: Estimate, digits: number): string =>
  Number.isFinite(low)
    ? `${fixed(value, digits)} (${fixed(low, digits)} to ${fixed(high, digits)})`
    : fixed(value, digits);

interface ImportanceOptions extends TaskOptions, TextOptions {
  readonly on: 'text' | 'task';
  readonly site?: string;
  readonly sample: number;
  readonly minActive: number;
  readonly nulls: boolean;
}

export function addImportance(energy: Command, io: Io): void {
  const command = energy
    .command('importance')
    .summary('whether energy marks important features: rankings beside exact effects, with nulls')
    .description(
      'Runs the exact effect of a sample of features and says how well each ranking agrees with it: drift, T, V, depth energy, ' +
        'gradient × activation, activation, chance; the same on an untrained network and on shuffled layers, read in the same dictionary.',
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
    .action((options: ImportanceOptions) =>
      show(
        options,
        io,
        async (context) => {
          const { importanceReport } = await import('../../study/energy/importance.ts');
          const request = { ...taskRequestOf(options), ...textRequestOf(options) };
          return keep('importance', options, io, await importanceReport(request, options, context));
        },
        {
          draw: ({ comparisons }) => importancePicture(comparisons[0]!, 900),
          print: (result) => printImportance(result, io),
        },
      ),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  untangle energy importance --site blocks.11 --plot importance.svg\n' +
        '  untangle energy importance --on task --task agreement --sample 80',
    );
  addTaskAndText(command, { examples: 16, windows: 8, length: 64 });
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
          'given activation',
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
  io.out(
    '\nSpearman: rank correlation with |exact effect|, 95 % intervals over features. The nulls read the same dictionary, whose directions they have not learned.\n',
  );
}

interface CircuitOptions extends TaskOptions {
  readonly loss: 'metric' | 'kl';
  readonly steps: number;
  readonly sizes: readonly number[];
  readonly target: number;
  readonly flow: boolean;
  readonly picture: 'sizes' | 'motion';
}

const sizesOf = (text: string): number[] => text.split(',').map(positive);

export function addMasks(energy: Command, io: Io): void {
  const command = energy
    .command('circuit')
    .summary('a circuit found by letting feature masks move under energy, beside other ways')
    .description(
      'Every feature gets a mask as a coordinate; V = loss of the task + λ × size; conformal leapfrog moves them. Beside it, at equal ' +
        'size: masks by Adam, the largest effects, the paths that carry most, chance.',
    )
    .addOption(
      new Option(
        '--loss <name>',
        'KL to the whole network, or −metric, which has no bottom: masks then push the answer further than the network does',
      )
        .choices(['kl', 'metric'])
        .default('kl'),
    )
    .addOption(new Option('--steps <number>', 'updates of the masks').default(30).argParser(positive))
    .addOption(
      new Option('--sizes <numbers>', 'sizes of circuits, e.g. 10,20,50')
        .default([10, 20, 50, 100, 200], '10,20,50,100,200')
        .argParser(sizesOf),
    )
    .addOption(
      new Option('--target <number>', 'about so many nodes are worth λ').default(200).argParser(positive),
    )
    .addOption(new Option('--no-flow', 'leave the circuit by path work out, which takes longest'))
    .addOption(
      new Option('--picture <name>', 'what --plot draws: faithfulness over size, or T, V, H of the masks')
        .choices(['sizes', 'motion'])
        .default('sizes'),
    )
    .action((options: CircuitOptions) =>
      show(
        options,
        io,
        async (context) => {
          const { maskReport } = await import('../../study/energy/importance.ts');
          const { loss, steps, sizes, target, flow } = options;
          const chosen = { loss, steps, sizes, target, ...(flow ? {} : { flow: false as const }) };
          return keep('circuit', options, io, await maskReport(taskRequestOf(options), chosen, context));
        },
        {
          draw: (result) =>
            options.picture === 'motion'
              ? maskMotionPicture(result.arms[0] ?? {}, size)
              : maskPicture(result, size),
          print: (result) => printMasks(result, io),
        },
      ),
    )
    .addHelpText(
      'after',
      '\nExample:\n  untangle energy circuit --task agreement --examples 24 --no-flow --plot circuits.svg',
    );
  addTaskOptions(command, 24);
}

function printMasks(
  { task, arms, differences, candidates, examples, heldOutExamples, loss }: MaskCircuitResult,
  io: Io,
): void {
  io.out(
    `${task}: masks over ${candidates} nodes, loss ${loss}, ${examples} pairs to learn from, ${heldOutExamples} held out\n\n`,
  );
  const sizes = arms[0]?.points.map((point) => point.nodes) ?? [];
  io.out(
    table(
      ['way', ...sizes.map((nodes) => `${nodes} nodes`), 'gradients', 'seconds'],
      arms.map(({ name, points, gradients, seconds }) => [
        armWords(name),
        ...sizes.map((nodes) => {
          const point = points.find((one) => one.nodes === nodes);
          return point ? spread(point.faithfulness) : '';
        }),
        ...[String(gradients), fixed(seconds, 1)],
      ]),
    ),
  );
  io.out('\n');
  io.out(
    table(
      ['nodes', 'by energy minus', 'difference'],
      differences.map((one) => [String(one.nodes), armWords(one.against), spread(one.difference)]),
    ),
  );
  io.out('\nShares of the behaviour on held-out pairs, 95 % intervals; differences pair by pair.\n');
}
