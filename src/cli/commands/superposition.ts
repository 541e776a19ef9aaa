/** @file `untangle superposition`: toy models that hold more features than they have neurons. */
import { type Command, Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { fixed, number } from '../../pictures/scale.ts';
import { basinPath } from '../../superposition/basins.ts';
import {
  barrierProfile,
  featureBars,
  featurePlane,
  gramMatrix,
  neuronStacks,
  phaseMap,
} from '../../superposition/draw.ts';
import { describePolytopes, polytopes } from '../../superposition/geometry.ts';
import { measureToy, stickyFraction } from '../../superposition/measures.ts';
import { boundaryDistance, phaseDiagram } from '../../superposition/phases.ts';
import { toyTask } from '../../superposition/task.ts';
import { trainToys } from '../../superposition/train.ts';
import type { FeatureGroup, ToyKind, ToyWeights } from '../../superposition/types.ts';
import { type Io, printJson } from '../io.ts';
import { taskView } from '../live.ts';
import { addGlobalOptions, type GlobalOptions, positive, real } from '../options.ts';
import { type Plot, plot, plotOption } from '../plot.ts';
import { table } from '../table.ts';
import { checkAction } from './check.ts';
import { addFilm, toyContext } from './superposition-film.ts';

/** One number (powers of it) or one for each feature. */
const reals = (text: string): number | number[] =>
  text.includes(',') ? text.split(',').map(real) : real(text);

/** Groups of features: `0,1 2,3`. */
const groups = (text: string): number[][] =>
  text
    .trim()
    .split(/\s+/)
    .map((group) => group.split(',').map(real));

const size = { width: 640, height: 420 };

export function addSuperposition(program: Command, io: Io): void {
  const superposition = program
    .command('superposition')
    .summary('toy models with more features than neurons')
    .description(
      'Toy models of superposition (Elhage et al. 2022): trains them, names the geometry of their features, maps when a ' +
        'feature is ignored, kept or superposed, and measures the barrier between two arrangements. docs/superposition.md.',
    );
  addTrain(superposition, io);
  addPhases(superposition, io);
  addBasins(superposition, io);
  addFilm(superposition, io);
  const check = superposition
    .command('check')
    .summary('check the promises of the toy models on this machine')
    .action((options: GlobalOptions) => checkAction('superposition', options, io))
    .addHelpText('after', '\nExample:\n  untangle superposition check --json');
  addGlobalOptions(check);
}

interface TrainOptions extends Plot {
  readonly kind: ToyKind;
  readonly features: number;
  readonly neurons: number;
  readonly sparsity: number;
  readonly importance: number | number[];
  readonly bias: boolean;
  readonly together?: number[][];
  readonly exclusive?: number[][];
  readonly seeds: number;
  readonly steps: number;
  readonly batch: number;
  readonly learningRate: number;
  readonly picture?: PictureName;
}

/** Pictures of one trained model. */
const pictures = {
  plane: (weights: ToyWeights) => featurePlane(weights, { width: 420, height: 440 }),
  features: (weights: ToyWeights) => featureBars(weights, size),
  neurons: (weights: ToyWeights) => neuronStacks(weights, size),
  gram: (weights: ToyWeights) => gramMatrix(weights, { width: 480, height: 460 }),
} as const;
type PictureName = keyof typeof pictures;

function addTrain(superposition: Command, io: Io): void {
  const command = superposition
    .command('train')
    .summary('train toy models and say what their features form')
    .addOption(new Option('--features <n>', 'features').default(5).argParser(positive))
    .addOption(new Option('--neurons <m>', 'dimensions of the hidden state').default(2).argParser(positive))
    .addOption(new Option('--sparsity <S>', 'probability that a feature is 0').default(0.9).argParser(real))
    .addOption(
      new Option('--importance <I>', 'powers of one number, or one number for each feature')
        .default(0.9)
        .argParser(reals),
    )
    .addOption(
      new Option('--kind <kind>', 'what is computed').choices(['relu', 'linear', 'absolute']).default('relu'),
    )
    .addOption(new Option('--no-bias', 'without biases'))
    .addOption(
      new Option('--together <groups>', 'features that occur together, e.g. "0,1 2,3"').argParser(groups),
    )
    .addOption(new Option('--exclusive <groups>', 'features that never occur together').argParser(groups))
    .addOption(new Option('--seeds <n>', 'models, from different seeds').default(1).argParser(positive))
    .addOption(new Option('--steps <n>', 'steps of Adam').default(5000).argParser(positive))
    .addOption(new Option('--batch <n>', 'samples a step').default(512).argParser(positive))
    .addOption(new Option('--learning-rate <rate>', 'of Adam').default(0.003).argParser(real))
    .addOption(plotOption())
    .addOption(
      new Option('--picture <kind>', 'what --plot draws of the best model').choices(Object.keys(pictures)),
    )
    .action((options: TrainOptions) => train(options, io))
    .addHelpText(
      'after',
      '\nExamples:\n  untangle superposition train --plot pentagon.svg\n' +
        '  untangle superposition train --seeds 40\n' +
        '  untangle superposition train --features 20 --neurons 5 --sparsity 0.95 --picture neurons --plot stack.png',
    );
  addGlobalOptions(command);
}

async function train(options: TrainOptions, io: Io): Promise<void> {
  const { features, neurons, seeds, steps, batch, learningRate, seed = 0 } = options;
  const named = (kind: FeatureGroup['kind'], lists: number[][] = []): FeatureGroup[] =>
    lists.map((list) => ({ kind, features: list }));
  const picture = options.picture ?? (neurons === 2 ? 'plane' : 'features');
  if (picture === 'plane' && neurons !== 2) {
    throw new UsageError('usage.picture', `a model with ${neurons} neurons has no plane`, {
      where: '--picture plane',
      hint: 'draw features, neurons or gram, or train with --neurons 2',
    });
  }
  const task = toyTask({
    ...{ kind: options.kind, features, neurons, sparsity: options.sparsity },
    ...{ importance: options.importance, bias: options.bias },
    groups: [...named('together', options.together), ...named('exclusive', options.exclusive)],
  });
  const view = taskView(io, options.quiet === true || options.json === true);
  const trained = await trainToys(
    Array.from({ length: seeds }, (_, i) => ({ task, seed: seed + i })),
    { steps, batch, learningRate },
    toyContext(options, view, io),
  ).finally(() => view.close());
  const rows = trained.map((toy) => ({
    seed: toy.seed,
    loss: toy.loss,
    geometry: describePolytopes(polytopes(toy.weights)),
    ...measureToy(toy.weights),
  }));
  const best = rows.reduce((a, b) => (b.loss < a.loss ? b : a));
  const weights = trained[rows.indexOf(best)]!.weights;
  await plot(options.plot, () => pictures[picture](weights), io);
  if (options.json) {
    const list = (values: Float64Array) => [...values];
    return printJson(io, {
      task,
      models: rows.map((row, i) => ({
        ...{ seed: row.seed, loss: row.loss, geometry: row.geometry, represented: row.represented },
        ...{ featuresPerDimension: row.featuresPerDimension, norms: list(row.norm_N) },
        ...{ interference: list(row.interference_N), dimensionality: list(row.dimensionality_N) },
        ...{
          meanings: list(row.meanings_M),
          W: list(trained[i]!.weights.W_NM),
          b: list(trained[i]!.weights.b_N),
        },
      })),
    });
  }
  if (seeds > 1) {
    const kinds = [...new Set(rows.map((row) => row.geometry))].map((geometry) => {
      const those = rows.filter((row) => row.geometry === geometry).map((row) => row.loss);
      return { geometry, count: those.length, loss: those.reduce((a, b) => a + b, 0) / those.length };
    });
    io.out(
      table(
        ['models', 'their features form', 'mean loss'],
        kinds
          .sort((a, b) => b.count - a.count)
          .map((kind) => [String(kind.count), kind.geometry, number(kind.loss, 3)]),
      ),
    );
    return;
  }
  io.out(`  ${best.geometry}; loss ${number(best.loss, 3)}\n\n`);
  io.out(
    table(
      ['feature', 'length', 'interference', 'D', ''],
      Array.from(best.norm_N, (norm, i) => [
        String(i),
        fixed(norm, 3),
        fixed(best.interference_N[i]!, 3),
        fixed(best.dimensionality_N[i]!, 3),
        stickyFraction(best.dimensionality_N[i]!)?.name ?? '',
      ]),
    ),
  );
  io.out(`\n  meanings of each neuron: ${[...best.meanings_M].map((m) => fixed(m, 1)).join(', ')}\n`);
}

interface PhasesOptions extends Plot {
  readonly features: number;
  readonly neurons: number;
  readonly points: number;
  readonly seeds: number;
  readonly steps: number;
}

function addPhases(superposition: Command, io: Io): void {
  const command = superposition
    .command('phases')
    .summary('when is the last feature ignored, kept for itself, or superposed?')
    .addOption(new Option('--features <n>', 'features').default(2).argParser(positive))
    .addOption(new Option('--neurons <m>', 'dimensions of the hidden state').default(1).argParser(positive))
    .addOption(new Option('--points <n>', 'points along each axis').default(20).argParser(positive))
    .addOption(
      new Option('--seeds <n>', 'models for each point, of which the best counts')
        .default(8)
        .argParser(positive),
    )
    .addOption(new Option('--steps <n>', 'steps of Adam').default(2000).argParser(positive))
    .addOption(plotOption())
    .action(async (options: PhasesOptions) => {
      const { features, neurons, points, seeds, steps } = options;
      const view = taskView(io, options.quiet === true || options.json === true);
      const diagram = await phaseDiagram(
        { features, neurons, points, seeds, steps },
        toyContext(options, view, io),
      ).finally(() => view.close());
      await plot(options.plot, () => phaseMap(diagram, { width: 520, height: 520 }), io);
      const closed = features === 2 && neurons === 1 ? boundaryDistance(diagram) : undefined;
      if (options.json)
        return printJson(io, {
          ...diagram,
          ...(closed === undefined ? {} : { gridStepsOffClosedForm: closed }),
        });
      const share = (phase: string) => String(diagram.cells.filter((cell) => cell.phase === phase).length);
      io.out(
        table(
          ['the last feature is', 'points'],
          ['ignored', 'dedicated', 'superposed'].map((phase) => [phase, share(phase)]),
        ),
      );
      if (closed !== undefined)
        io.out(
          Number.isFinite(closed)
            ? `\n  farthest from the boundary in closed form: ${closed} grid step${closed === 1 ? '' : 's'}\n`
            : '\n  one of these phases the closed form has nowhere on this grid: take more points\n',
        );
    })
    .addHelpText(
      'after',
      '\nExamples:\n  untangle superposition phases --plot phases.svg\n' +
        '  untangle superposition phases --features 3 --neurons 2 --points 12 --plot three-in-two.png',
    );
  addGlobalOptions(command);
}

function addBasins(superposition: Command, io: Io): void {
  const command = superposition
    .command('basins')
    .summary('five features in two neurons: the pentagon, two digons, and the barrier between them')
    .addOption(new Option('--images <n>', 'points of the first band').default(15).argParser(positive))
    .addOption(plotOption())
    .action(async (options: Plot & { images: number }) => {
      const path = basinPath({ images: options.images });
      const fine = basinPath({ images: 2 * options.images + 1 });
      const bands = [path, fine].map(({ band }) => ({
        images: band.path.length - 2,
        saddle: band.saddleEnergy,
        fromDigons: band.barrier.forward,
        fromPentagon: band.barrier.backward,
        converged: band.converged,
        energies: [...band.energies],
      }));
      const [coarse, finest] = [bands[0]!, bands[1]!];
      const apart = Math.abs(coarse.fromDigons / finest.fromDigons - 1);
      await plot(
        options.plot,
        () =>
          barrierProfile(
            bands.map(({ images, energies }) => ({ name: `${images} images`, energies })),
            size,
          ),
        io,
      );
      const basins = [path.digons, path.pentagon].map(({ name, energy, weights }) => ({
        name,
        loss: energy,
        W: [...weights.W_NM],
        b: [...weights.b_N],
      }));
      if (options.json) return printJson(io, { basins, bands, relativeDifference: apart });
      io.out(
        table(
          ['basin', 'loss'],
          basins.map(({ name, loss }) => [name, number(loss, 4)]),
        ),
      );
      io.out('\n');
      io.out(
        table(
          ['images', 'saddle', 'over two digons', 'over the pentagon'],
          bands.map((band) => [
            String(band.images),
            number(band.saddle, 4),
            number(band.fromDigons, 4),
            number(band.fromPentagon, 4),
          ]),
        ),
      );
      io.out(
        `\n  The two resolutions differ by ${number(apart * 100)} %. An elastic band gives an upper estimate of the barrier.\n`,
      );
    })
    .addHelpText('after', '\nExample:\n  untangle superposition basins --plot barrier.svg');
  addGlobalOptions(command);
}
