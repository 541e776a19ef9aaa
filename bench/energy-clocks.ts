/**
 * @file The sequence clock, ensembles of feature states and effective numbers of features on SmolLM2; the learning clock of the
 * toy model and of a small dictionary.
 *
 *   npm run bench:energy-clocks -- [--part sequence|ensembles|learning|basins|all] [--sites 15] [--windows 16] [--length 96]
 *                                  [--masked 6] [--examples 8] [--rows 256] [--threads 2] [--save]
 *
 * Dictionaries are those of the circuits' benchmarks (trained at the first call), texts their held-out windows. --save puts
 * every part into bench/results/energy-clocks.json as soon as it is there, beside what is there already.
 */
import { parseArgs } from 'node:util';
import { networkOf } from '../src/circuits/cuts.ts';
import { pairsOf } from '../src/circuits/examples.ts';
import { TOKENS_PER_RUN } from '../src/circuits/run-options.ts';
import { silent } from '../src/core/progress.ts';
import { random } from '../src/core/random.ts';
import { agreementTask } from '../src/data/tasks.ts';
import type { Dictionary } from '../src/dictionaries/types.ts';
import { textNetwork, textPairs } from '../src/energy/importance/text-network.ts';
import { sequenceClock } from '../src/energy/sequence/clock.ts';
import { openTokenModel } from '../src/models/open.ts';
import { openSession } from '../src/runtime/session.ts';
import { basins, ensemblesOf } from '../src/study/energy/ensemble.ts';
import { learningReport } from '../src/study/energy/learning.ts';
import { benchDictionaries, benchWindows } from './circuits/dictionaries.ts';
import { describeMachine } from './machine.ts';
import { loadResult, resultText, saveResult } from './results.ts';

const { values } = parseArgs({
  options: {
    part: { type: 'string', default: 'all' },
    sites: { type: 'string', default: '15' },
    windows: { type: 'string', default: '16' },
    length: { type: 'string', default: '96' },
    masked: { type: 'string', default: '6' },
    examples: { type: 'string', default: '8' },
    rows: { type: 'string', default: '256' },
    threads: { type: 'string', default: '2' },
    save: { type: 'boolean', default: false },
  },
});
const [windows, length, masked, examples, rows, threads] = (
  ['windows', 'length', 'masked', 'examples', 'rows', 'threads'] as const
).map((name) => Number(values[name])) as [number, number, number, number, number, number];
const wanted = (part: string) => values.part === 'all' || values.part === part;

interface Results {
  what?: string;
  model?: unknown;
  machine?: unknown;
  sequence: Record<string, unknown>;
  ensembles: Record<string, unknown>;
  basins?: unknown;
  learning: Record<string, unknown>;
}
const results: Results = loadResult<Results>('energy-clocks') ?? {
  sequence: {},
  ensembles: {},
  learning: {},
};
const keep = (part: string, found: unknown) => {
  results.what =
    'sequence: means over steps of T, V, E and drift of every feature on held-out text, V permuted in time beside it, first order against runs; ensembles: exact sums over masks of the strongest features of a task, and exp S of the co-activation matrix; learning: T, V, H, charges, their breaking, the estimated barrier';
  results.machine = describeMachine();
  console.log(part);
  process.stdout.write(resultText(found));
  if (values.save) saveResult('energy-clocks', results);
};

const run = {
  open: (graph: Parameters<typeof openSession>[0]) => openSession(graph, { threads }),
  tokensPerRun: TOKENS_PER_RUN,
  threads,
};

if (wanted('sequence') || wanted('ensembles')) {
  const model = await openTokenModel('smollm2-135m', { progress: silent });
  results.model = { name: model.name, hash: model.hash };
  const asked = values.sites.split(',').map((block) => `blocks.${block}.hook_resid_post`);
  const all: readonly Dictionary[] = await benchDictionaries(model, threads, silent);
  const { heldOut } = await benchWindows(model, silent);
  const texts = textPairs(heldOut.slice(0, windows), length);
  const task = agreementTask(model.tokenizer, { train: examples, heldOut: 2, seed: 0 });
  const pairs = pairsOf(task.name, task.train);
  for (const dictionary of all.filter(({ site }) => asked.includes(site))) {
    const { site } = dictionary;
    if (wanted('sequence')) {
      const network = textNetwork(model);
      const begun = performance.now();
      const clock = await sequenceClock(
        network,
        dictionary,
        { pairs: texts, scale: length },
        { seed: 0, exact: {} },
        run,
      );
      const seconds = (performance.now() - begun) / 1000;
      results.sequence[site] = {
        ...{ texts: clock.texts, length, steps: clock.steps, permutations: clock.permutations, seconds },
        tables: clock.tables.map(({ features, ...table }) => ({
          ...table,
          active: features.length,
          first: features.slice(0, 8),
        })),
        exact: clock.exact && { ...clock.exact, points: clock.exact.points.length },
      };
      keep(`sequence, ${site}`, results.sequence[site]);
    }
    if (wanted('ensembles')) {
      const begun = performance.now();
      const found = await ensemblesOf(
        { model, network: networkOf(model), dictionary, pairs, texts },
        { masked, rows },
        0,
        run,
      );
      results.ensembles[site] = {
        ...{ task: task.name, examples: pairs.examples, seconds: (performance.now() - begun) / 1000 },
        masks: found.masks.map(({ thermal, ...mask }) => ({
          ...mask,
          // A third of the ladder, hottest first.
          thermal: thermal.filter((_, k) => k % 3 === 0),
        })),
        coactivation: found.coactivation,
      };
      keep(`ensembles, ${site}`, results.ensembles[site]);
    }
  }
}
if (wanted('learning')) {
  for (const system of ['dictionary', 'toy'] as const) {
    const { runs, charges, separation, ...report } = await learningReport(
      { system, steps: 2000, seed: 0 },
      { progress: silent },
    );
    results.learning[system] = {
      ...report,
      runs: runs.map(({ name, kineticOf, kinetic, potential, energy, friction, unaccounted }) => ({
        ...{ name, kineticOf, friction, unaccounted },
        ...{ first: energy[0], kinetic: kinetic.at(-1), potential: potential.at(-1), energy: energy.at(-1) },
      })),
      charges: charges.map(({ times: _, charge, predicted: __, ...rest }) => ({
        ...rest,
        first: charge[0],
        last: charge.at(-1),
      })),
      ...(separation ? { separation: { ...separation, path: separation.path.length } } : {}),
    };
    keep(`learning, ${system}`, results.learning[system]);
  }
}
if (wanted('basins')) {
  results.basins = basins(random(0), undefined);
  keep('basins', results.basins);
}
process.exit(0);
