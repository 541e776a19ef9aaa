/** @file `untangle superposition film`: the way from tangled neurons to features, as a film. */
import { extname } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { track } from '../../core/progress.ts';
import { fixed, number } from '../../pictures/scale.ts';
import { transitionScene } from '../../superposition/draw.ts';
import { describePolytopes, polytopes } from '../../superposition/geometry.ts';
import { neuronResponses } from '../../superposition/responses.ts';
import { toyTask } from '../../superposition/task.ts';
import { type ToyContext, trainToys } from '../../superposition/train.ts';
import { type TransitionMethod, transition, transitionMethods } from '../../superposition/transition.ts';
import { type Io, printJson } from '../io.ts';
import { type TaskView, taskView } from '../live.ts';
import { addGlobalOptions, type GlobalOptions, positive, real } from '../options.ts';
import { plot } from '../plot.ts';
import { table } from '../table.ts';

interface FilmOptions extends GlobalOptions {
  readonly out: string;
  readonly by: TransitionMethod;
  readonly features: number;
  readonly neurons: number;
  readonly sparsity: number;
  readonly steps: number;
}

/** What training of toy models needs from a command. */
export const toyContext = (options: GlobalOptions, view: TaskView, io: Io): ToyContext => ({
  threads: options.threads,
  progress: view.progress,
  ...(io.signal ? { signal: io.signal } : {}),
});

/** The name of a film or of its last picture. */
function filmFile(file: string): string {
  if (['.gif', '.svg', '.png'].includes(extname(file).toLowerCase())) return file;
  throw new InvalidArgumentError('A film ends with .gif, a picture of its end with .svg or .png.');
}

/** Models of which the best is disentangled. */
const FILM_SEEDS = 4;
const FILM_FRAMES = 41;

/** Adds `film` to the commands of superposition. */
export function addFilm(superposition: Command, io: Io): void {
  const command = superposition
    .command('film')
    .summary('from tangled neurons to features: two stack plots and the way between them in phase space')
    .addOption(
      new Option('--out <file>', 'a film (.gif) or its last picture (.svg, .png)')
        .default('superposition.gif')
        .argParser(filmFile),
    )
    .addOption(new Option('--by <method>', 'optimiser').choices(transitionMethods).default('heavy-ball'))
    .addOption(new Option('--features <n>', 'features').default(8).argParser(positive))
    .addOption(new Option('--neurons <m>', 'dimensions of the hidden state').default(3).argParser(positive))
    .addOption(new Option('--sparsity <S>', 'probability that a feature is 0').default(0.95).argParser(real))
    .addOption(new Option('--steps <n>', 'steps of the transition').default(2000).argParser(positive))
    .action((options: FilmOptions) => film(options, io))
    .addHelpText(
      'after',
      '\nExamples:\n  untangle superposition film --out transition.gif\n' +
        '  untangle superposition film --by energy-conserving --out transition.svg',
    );
  addGlobalOptions(command);
}

async function film(options: FilmOptions, io: Io): Promise<void> {
  const { features, neurons, sparsity, steps, out, by, seed = 0 } = options;
  const task = toyTask({ features, neurons, sparsity });
  const view = taskView(io, options.quiet === true || options.json === true);
  const context = toyContext(options, view, io);
  try {
    const toys = await trainToys(
      Array.from({ length: FILM_SEEDS }, (_, i) => ({ task, seed: seed + i })),
      { steps: 3000, learningRate: 0.01 },
      context,
    );
    const { weights } = toys.reduce((a, b) => (b.loss < a.loss ? b : a));
    const way = transition(task, weights, by, { steps, seed });
    const before = neuronResponses(weights);
    const scene = (share: number) => transitionScene(before, way, share);
    const [{ writeFileAtomic }, { gifOf }] = await Promise.all([
      import('../../files/atomic.ts'),
      import('../../pictures/gif.ts'),
    ]);
    if (extname(out).toLowerCase() === '.gif') {
      const frames = Array.from({ length: FILM_FRAMES }, (_, i) => scene(i / (FILM_FRAMES - 1)));
      const bytes = await track(
        view.progress,
        { task: 'superposition/film', label: `Draw ${out}`, total: frames.length, unit: 'pictures' },
        (advance) =>
          gifOf(frames, { onFrame: (done) => advance(done), ...(io.signal ? { signal: io.signal } : {}) }),
      );
      await writeFileAtomic(out, bytes);
    }
    view.close();
    if (extname(out).toLowerCase() === '.gif') io.err(`${out} written\n`);
    else await plot(out, () => scene(1), io);
    const [first, last] = [way.frames[0]!, way.frames.at(-1)!];
    if (options.json)
      return printJson(io, {
        file: out,
        method: by,
        mcc: way.mcc,
        first,
        last,
        geometry: describePolytopes(polytopes(weights)),
      });
    io.out(
      table(
        ['', 'tangled', 'disentangled'],
        [
          ['mean cosine with the true features', fixed(way.mcc.before, 3), fixed(way.mcc.after, 3)],
          ['loss of the autoencoder (V)', number(first.potential, 3), number(last.potential, 3)],
          ['energy of motion (T)', number(first.kinetic), number(last.kinetic)],
        ],
      ),
    );
  } finally {
    view.close();
  }
}
