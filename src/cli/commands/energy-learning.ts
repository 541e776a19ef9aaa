/** @file `untangle energy learning` and `ensemble`: training runs and their charges; what statistical mechanics makes of features. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { cutLabel } from '../../pictures/budget.ts';
import { fixed, number } from '../../pictures/scale.ts';
import {
  barrierPicture,
  effectivePicture,
  heatPicture,
  potentialWords,
  trainingPicture,
} from '../../study/energy/draw-results.ts';
import type { EnsembleReport, LearningReport } from '../../study/energy/types.ts';
import { belong } from '../belongs.ts';
import type { Io } from '../io.ts';
import { addGlobalOptions, positive } from '../options.ts';
import { type Plot, plotOption } from '../plot.ts';
import { table } from '../table.ts';
import {
  addTaskAndText,
  keep,
  show,
  type TaskOptions,
  type TextOptions,
  taskRequestOf,
  textRequestOf,
} from './energy-options.ts';

const size = { width: 900, height: 480 };

interface LearningOptions extends Plot {
  readonly system: 'toy' | 'dictionary';
  readonly steps: number;
  readonly evaluationRows?: number;
  readonly method?: string;
  readonly picture: 'energies' | 'barrier';
}

export function addLearning(energy: Command, io: Io): void {
  const command = energy
    .command('learning')
    .summary('T, V and H of training runs, what symmetries conserve, and the barrier between features')
    .description(
      'Trains a toy model of superposition, or a small dictionary of its hidden states, by a motion without friction, with friction, ' +
        'and by optimisers; V is the full-batch loss, or with --evaluation-rows the loss on a fixed evaluation batch. Charges of symmetries, what step size and weight decay break, and how high the ' +
        'loss must rise before two features merge.',
    )
    .addOption(new Option('--system <name>', 'what learns').choices(['toy', 'dictionary']).default('toy'))
    .addOption(new Option('--steps <number>', 'steps of each run').default(400).argParser(positive))
    .addOption(
      new Option(
        '--evaluation-rows <number>',
        'dictionary only: steps learn from batches, and V is the loss on so many rows that none of them sees (all rows)',
      ).argParser(positive),
    )
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
          const { system, steps, evaluationRows, seed = 0 } = options;
          const request = {
            system,
            steps,
            seed,
            ...(evaluationRows === undefined ? {} : { evaluationRows }),
          };
          return keep('learning', options, io, () => learningReport(request, context));
        },
        { draw: (report) => drawLearning(report, options), print: (report) => printLearning(report, io) },
      ),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  untangle energy learning --plot energies.svg\n' +
        '  untangle energy learning --system dictionary --evaluation-rows 100\n  untangle energy learning --picture barrier --plot barrier.svg',
    );
  belong(
    command,
    ['--method'],
    '--plot FILE with --picture energies',
    ({ plot, picture }: LearningOptions) => plot !== undefined && picture === 'energies',
  );
  addGlobalOptions(command);
}

/** How many features are masked. */
function masked(text: string): number {
  const value = positive(text);
  if (value <= 16) return value;
  throw new InvalidArgumentError('It must be 16 or less: n features have 2ⁿ masks, each a run.');
}

function drawLearning({ runs, separation }: LearningReport, { picture, method }: LearningOptions): string {
  if (picture === 'barrier' && separation) return barrierPicture(separation, size);
  return trainingPicture(runs.find((run) => run.name === method) ?? runs[0]!, size);
}

function printLearning(report: LearningReport, io: Io): void {
  const { name, parameters, runs, charges, broken, separation } = report;
  io.out(`${name}, ${parameters} parameters; V is the loss on ${potentialWords[runs[0]!.potentialOf]}\n\n`);
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
      new Option('--masked <number>', 'features of the ensemble: 2ⁿ runs').default(6).argParser(masked),
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
          return keep('ensemble', options, io, () => ensembleReport(request, options, context));
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
