/** @file `untangle energy importance`, `circuit`, `learning` and `ensemble`: what takes minutes, kept for the Studio. */
import { type Command, Option } from 'commander';
import type { Estimate } from '../../core/statistics.ts';
import type { ImportanceResult } from '../../energy/importance/types.ts';
import type { MaskCircuitResult } from '../../energy/masks/types.ts';
import { cutLabel } from '../../pictures/budget.ts';
import { fixed, number, percent } from '../../pictures/scale.ts';
import {
  armWords,
  barrierPicture,
  effectivePicture,
  heatPicture,
  importancePicture,
  maskMotionPicture,
  maskPicture,
  measureWords,
  trainingPicture,
} from '../../study/energy/draw-results.ts';
import type { EnsembleReport, LearningReport } from '../../study/energy/types.ts';
import { energyFile, type SavedKind } from '../../study/saved.ts';
import type { Io } from '../io.ts';
import { addGlobalOptions, positive } from '../options.ts';
import { type Plot, plotOption } from '../plot.ts';
import { table } from '../table.ts';
import {
  addTaskAndText,
  addTaskOptions,
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

/** Keeps a result where the Studio finds it. */
async function keep<Report>(
  kind: SavedKind,
  { workspace, quiet }: Plot,
  io: Io,
  report: Report,
): Promise<Report> {
  const { writeJson } = await import('../../files/atomic.ts');
  const file = energyFile(workspace, kind);
  await writeJson(file, report);
  if (!quiet) io.err(`${file} written: the Studio’s Energy page shows it\n`);
  return report;
}

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

interface LearningOptions extends Plot {
  readonly system: 'toy' | 'dictionary';
  readonly steps: number;
  readonly method?: string;
  readonly picture: 'energies' | 'barrier';
}

export function addLearning(energy: Command, io: Io): void {
  const command = energy
    .command('learning')
    .summary('T, V and H of training runs, what symmetries conserve, and the barrier between features')
    .description(
      'Trains a toy model of superposition, or a small dictionary of its hidden states, by a motion without friction, with friction, ' +
        'and by optimisers; V is the full-batch loss. Charges of symmetries, what step size and weight decay break, and how high the ' +
        'loss must rise before two features merge.',
    )
    .addOption(new Option('--system <name>', 'what learns').choices(['toy', 'dictionary']).default('toy'))
    .addOption(new Option('--steps <number>', 'steps of each run').default(400).argParser(positive))
    .addOption(new Option('--method <name>', 'whose run --plot draws (the first)'))
    .addOption(
      new Option('--picture <name>', 'what --plot draws')
        .choices(['energies', 'barrier'])
        .default('energies'),
    )
    .addOption(plotOption())
    .action((options: LearningOptions) =>
      show(
        options,
        io,
        async (context) => {
          const { learningReport } = await import('../../study/energy/learning.ts');
          const { system, steps, seed = 0 } = options;
          return keep('learning', options, io, await learningReport({ system, steps, seed }, context));
        },
        { draw: (report) => drawLearning(report, options), print: (report) => printLearning(report, io) },
      ),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  untangle energy learning --plot energies.svg\n  untangle energy learning --picture barrier --plot barrier.svg',
    );
  addGlobalOptions(command);
}

function drawLearning({ runs, separation }: LearningReport, { picture, method }: LearningOptions): string {
  if (picture === 'barrier' && separation) return barrierPicture(separation, size);
  return trainingPicture(runs.find((run) => run.name === method) ?? runs[0]!, size);
}

function printLearning(report: LearningReport, io: Io): void {
  const { name, parameters, runs, charges, broken, separation } = report;
  io.out(`${name}, ${parameters} parameters; V is the full-batch loss\n\n`);
  io.out(
    table(
      [
        'method',
        'V at the start',
        'V at the end',
        'H at the start',
        'at the end',
        'friction took',
        'unaccounted',
      ],
      runs.map(({ name, potential, energy, dissipated, unaccounted }) => [
        ...[name, number(potential[0]!, 3), number(potential.at(-1)!, 3)],
        ...[number(energy[0]!, 3), number(energy.at(-1)!, 3)],
        ...[
          dissipated ? number(dissipated.at(-1)!, 3) : '',
          unaccounted === undefined ? '' : number(unaccounted),
        ],
      ]),
    ),
  );
  if (charges.length > 0) {
    io.out('\n');
    io.out(
      table(
        ['symmetry', 'kind', 'charge', 'at the end', 'predicted', 'largest difference'],
        charges.map(({ name, kind, charge, predicted, defect, conserved }) => [
          ...[
            name,
            conserved ? `${kind}, conserved` : kind,
            number(charge[0]!, 4),
            number(charge.at(-1)!, 4),
          ],
          ...[number(predicted.at(-1)!, 4), number(defect)],
        ]),
      ),
    );
  }
  if (broken.length > 0) {
    io.out('\nWhat gradient flow conserves, after gradient descent\n');
    io.out(
      table(
        ['quantity', 'step size', 'weight decay', 'before', 'after', 'by the flow', 'predicted'],
        broken.map((one) => [
          ...[one.name, number(one.learningRate), number(one.weightDecay), number(one.before, 4)],
          ...[number(one.after, 4), number(one.flow, 4), number(one.predicted, 4)],
        ]),
      ),
    );
  }
  if (separation) {
    io.out(
      `\nEstimated barrier: ${number(separation.barrier - separation.floor, 3)} above a floor of ${number(separation.floor, 3)} until features ${separation.pair.join(' and ')} merge (cosine ${separation.cosine}); an upper estimate, a lower way may exist\n`,
    );
    io.out(
      table(
        ['energy r', 'margin', 'energy error', 'largest cosine', 'merged'],
        separation.runs.map((run) => [
          ...[number(run.height), number(run.margin), number(run.energyError)],
          ...[fixed(run.largestCosine, 3), run.merged ? 'yes' : 'no'],
        ]),
      ),
    );
  }
}

interface EnsembleOptions extends TaskOptions, TextOptions {
  readonly site?: string;
  readonly masked: number;
  readonly rows: number;
  readonly picture: 'heat' | 'features';
}

export function addEnsemble(energy: Command, io: Io): void {
  const command = energy
    .command('ensemble')
    .summary('temperature, specific heat and entropy of feature states, with nulls')
    .description(
      'Beyond Hamilton: all masks of the main features of a task as an ensemble at a temperature; the effective number of features ' +
        'from the entropy of co-activation; local learning coefficients of two basins of a toy model. Every figure has its null.',
    )
    .addOption(new Option('--site <site>', 'whose dictionary (the middle one)'))
    .addOption(
      new Option('--masked <number>', 'features of the ensemble: 2ⁿ runs').default(6).argParser(positive),
    )
    .addOption(
      new Option('--rows <number>', 'rows of the co-activation matrix').default(256).argParser(positive),
    )
    .addOption(
      new Option('--picture <name>', 'what --plot draws').choices(['heat', 'features']).default('heat'),
    )
    .action((options: EnsembleOptions) =>
      show(
        options,
        io,
        async (context) => {
          const { ensembleReport } = await import('../../study/energy/ensemble.ts');
          const request = { ...taskRequestOf(options), ...textRequestOf(options) };
          return keep('ensemble', options, io, await ensembleReport(request, options, context));
        },
        {
          draw: (report) =>
            options.picture === 'heat' ? heatPicture(report, size) : effectivePicture(report, 900),
          print: (report) => printEnsemble(report, io),
        },
      ),
    )
    .addHelpText(
      'after',
      '\nExample:\n  untangle energy ensemble --task agreement --masked 6 --plot heat.svg',
    );
  addTaskAndText(command, { examples: 8, windows: 16, length: 64 });
}

function printEnsemble({ title, model, site, masks, coactivation, basins }: EnsembleReport, io: Io): void {
  io.out(`${title}, ${model}, features at ${cutLabel(site)}\n\n`);
  io.out(
    table(
      ['masks of', 'features', 'V with all', 'with none', 'best', 'specific heat peaks at', 'peak'],
      masks.map(({ name, features, all, none, lowest, peak }) => [
        ...[name, String(features.length), fixed(all, 3), fixed(none, 3), fixed(lowest, 3)],
        ...[number(peak.temperature), fixed(peak.specificHeat, 3)],
      ]),
    ),
  );
  io.out('\n');
  io.out(
    table(
      ['co-activation of', 'norm', 'active', 'L0', 'effective features', 'if independent'],
      coactivation.map(({ name, norm, active, l0, effective, independent }) => [
        ...[name, norm, String(active), fixed(l0, 1), fixed(effective, 1)],
        `${fixed(independent.effective, 1)} ± ${fixed(independent.deviation, 1)}`,
      ]),
    ),
  );
  io.out('\n');
  io.out(
    table(
      ['basin', 'parameters', 'learning coefficient', 'if all counted', 'effective parameters'],
      basins.map(({ name, parameters, value, error, regular, effective }) => [
        ...[name, String(parameters), `${fixed(value, 2)} ± ${fixed(error, 2)}`, fixed(regular, 1)],
        fixed(effective, 1),
      ]),
    ),
  );
  io.out(
    '\nV is minus the task’s metric; temperature in its unit. Energies of an ensemble say nothing by themselves: compare with the nulls.\n',
  );
}
