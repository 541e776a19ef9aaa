/**
 * @file Do features whose energy is conserved matter more? Rankings of features by the sequence and depth clocks, by gradients,
 * activation, frequency and chance, beside their exact effects on SmolLM2; with an untrained network and shuffled layers as
 * nulls, each with dictionaries of its own, and V permuted in time. By the learning clock too, for dictionaries whose training is
 * recorded, by two optimisers, each null having learned its own. `npm run bench:importance` measures part after part (finished
 * parts are kept under the cache; `--one` stops after the next, `--again` forgets them); `--save` writes
 * bench/results/importance.json and the tables of docs/energy.md; `--tiny` takes the small model of this package, to try the program.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { networkOf } from '../src/circuits/cuts.ts';
import { pairsOf, pickPairs, range } from '../src/circuits/examples.ts';
import { TOKENS_PER_RUN } from '../src/circuits/run-options.ts';
import { random } from '../src/core/random.ts';
import { builtInTask } from '../src/data/tasks.ts';
import type { Dictionary } from '../src/dictionaries/types.ts';
import { besideNulls, type ImportanceInput, measureImportance } from '../src/energy/importance/importance.ts';
import { shuffledLayers, untrainedModel } from '../src/energy/importance/null-networks.ts';
import { textNetwork, textPairs } from '../src/energy/importance/text-network.ts';
import type { ImportanceRun } from '../src/energy/importance/types.ts';
import { type RecordedTraining, trainRecorded } from '../src/energy/learning/dictionary-run.ts';
import { siteRows } from '../src/energy/learning/site-rows.ts';
import { cacheRoot } from '../src/files/cache.ts';
import type { Graph } from '../src/graph/types.ts';
import { openTokenModel } from '../src/models/open.ts';
import type { Model } from '../src/models/types.ts';
import { openSession } from '../src/runtime/session.ts';
import { benchDictionaries, benchWindows, dictionarySettings, streamSet } from './circuits/dictionaries.ts';
import { writeImportance } from './feature-tables.ts';
import { describeMachine } from './machine.ts';
import { saveResult } from './results.ts';

const given = (flag: string) => process.argv.includes(flag);
const tiny = given('--tiny');
const settings = {
  model: tiny ? 'tiny' : 'smollm2-135m',
  sites: (tiny ? [1] : [9, 21]).map((block) => `blocks.${block}.hook_resid_post`),
  /** Windows of text that are measured, and others that faithfulness is scored on. */
  text: { windows: 24, heldOut: 12, length: 24, minActive: 4 },
  task: { name: 'agreement', train: 32, heldOut: 32, minActive: 2 },
  sample: 128,
  /** Distinct tokens that the dictionaries of null networks are learned from, seen as often as those of the trained one. */
  nullTokens: 30_000,
  /** Dictionaries whose training is recorded. */
  learning: {
    site: `blocks.${tiny ? 1 : 9}.hook_resid_post`,
    optimisers: ['adam', 'heavy-ball'] as const,
    ...{ features: 256, steps: 400, rows: 8192, evaluationRows: 256 },
    /** Features of ReLU are active nearly everywhere: half of the windows have as many effects to run as sparse codes on all. */
    windows: 12,
  },
  seed: 0,
};
const threads = 2;
const progress = () => {};
const run = {
  threads,
  tokensPerRun: TOKENS_PER_RUN,
  open: (graph: Graph) => openSession(graph, { threads }),
};

const folder = join(cacheRoot(), 'bench', `importance-v2${tiny ? '-tiny' : ''}`);
const file = join(folder, 'runs.json');
mkdirSync(folder, { recursive: true });
const known: { settings: unknown; runs: ImportanceRun[] } =
  existsSync(file) && !given('--again') ? JSON.parse(readFileSync(file, 'utf8')) : { settings, runs: [] };
const runs = JSON.stringify(known.settings) === JSON.stringify(settings) ? known.runs : [];
let measured = 0;

const trained = await openTokenModel(settings.model, { progress });
const { heldOut: windows, train } = await benchWindows(trained, progress);
const { text, task } = settings;
const examples = builtInTask(task.name).make(trained.tokenizer, { ...task, seed: settings.seed });
const pairs = textPairs(windows.slice(0, text.windows), text.length);
const heldOut = textPairs(windows.slice(text.windows, text.windows + text.heldOut), text.length);

/** What text does, and a task: the metric and what features change to. */
type Asked = Pick<
  ImportanceInput,
  'network' | 'metric' | 'pairs' | 'baseline' | 'minActive' | 'heldOut' | 'recorded'
>;
const onText = (model: Model): Asked => ({
  network: textNetwork(model),
  metric: 'next-token loss on text, features set to 0',
  pairs,
  baseline: 'zero',
  minActive: text.minActive,
});
const onTask: Asked = {
  network: networkOf(trained),
  metric: `${task.name}, features set to their values in the patched prompt`,
  pairs: pairsOf(task.name, examples.train),
  heldOut: pairsOf(task.name, examples.heldOut),
  baseline: 'counterfactual',
  minActive: task.minActive,
};

const set = tiny
  ? { ...streamSet, name: 'importance-tiny-v1', sites: settings.sites, tokens: 30_000 }
  : streamSet;
const own = (await benchDictionaries(trained, threads, progress, set)).filter((d) =>
  settings.sites.includes(d.site),
);
await measure('trained', own, { ...onText(trained), heldOut });
await measure('trained', own, onTask);
const nulls = [
  ['untrained', () => untrainedModel(trained, settings.seed)],
  ['shuffled-layers', () => shuffledLayers(trained, random(settings.seed).fork('layers'))],
] as const;
for (const [name, make] of nulls) {
  if (settings.sites.every((site) => isKnown(name, site, onText(trained).metric)) || stopped()) continue;
  const model = make();
  const learned = await benchDictionaries(model, threads, progress, {
    name: `importance-${name}-v1${tiny ? '-tiny' : ''}`,
    sites: settings.sites,
    tokens: settings.nullTokens,
  });
  await measure(name, learned, onText(model));
}
for (const optimiser of settings.learning.optimisers) {
  for (const [name, make] of [['trained', () => trained] as const, ...nulls]) {
    const { site, optimisers: _, rows, windows: count, ...learning } = settings.learning;
    const asked = onText(trained);
    const metric = `${asked.metric}, dictionary learned by ${optimiser} and recorded`;
    if (isKnown(name, site, metric) || stopped()) continue;
    const model = make();
    // The first position of a window is no row.
    const { length } = train[0]!.tokens;
    const some = train.slice(0, Math.ceil((rows + learning.evaluationRows) / (length - 1)));
    const activations = await siteRows(model, site, some, length, run);
    const recorded = await trainRecorded(
      activations,
      { ...learning, optimiser, seed: settings.seed },
      { threads },
    );
    const { change, completeness, fve, l0 } = recorded.training;
    process.stdout.write(
      `\n${name}, ${site}, recorded training by ${optimiser}: ΔV ${change.toFixed(2)}, not accounted for ${completeness.toExponential(1)}, FVE ${fve.toFixed(2)}, L0 ${l0.toFixed(1)}\n`,
    );
    const own = { ...onText(model), ...(name === 'trained' ? { heldOut } : {}), metric, recorded };
    await measure(name, [recorded.dictionary], { ...own, pairs: pickPairs(pairs, range(0, count)) });
  }
}

function stopped(): boolean {
  return given('--one') && measured > 0;
}

function isKnown(network: string, site: string, metric: string): boolean {
  return runs.some((r) => r.network === network && r.site === site && r.metric === metric);
}

async function measure(name: string, dictionaries: readonly Dictionary[], asked: Asked): Promise<void> {
  for (const dictionary of dictionaries) {
    if (isKnown(name, dictionary.site, asked.metric) || stopped()) continue;
    const { sample, seed } = settings;
    const found = await measureImportance({ ...asked, name, dictionary, sample, seed }, run);
    measured++;
    runs.push(found);
    writeFileSync(file, JSON.stringify({ settings, runs }));
    process.stdout.write(
      `\n${name}, ${found.site}, ${found.metric}: ${found.features} of ${found.eligible} features, ${found.seconds.toFixed(0)} s\n`,
    );
    for (const score of found.scores) {
      const { value, low, high } = score.spearman;
      const partial = score.partial ? score.partial.value.toFixed(2) : '–';
      process.stdout.write(
        `${score.name.padEnd(22)} Spearman ${value.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)}), partial ${partial}, first ${found.k}: ${score.precision.value.toFixed(2)}${score.cmd ? `, CMD ${score.cmd.value.toFixed(2)}` : ''}\n`,
      );
    }
  }
}

if (given('--save')) {
  const { comparisons } = besideNulls(runs);
  saveResult('importance', {
    what: 'rankings of features beside their exact effects on SmolLM2-135M: Spearman, partial Spearman given activation and frequency, precision at k, CMD; nulls beside them; 95 % bootstrap intervals over features (CMD: over examples)',
    command: 'npm run bench:importance -- --save',
    date: new Date().toISOString().slice(0, 10),
    machine: describeMachine(),
    ...{ threads, settings, dictionaries: dictionarySettings, comparisons },
    // Figures of single features and of single steps stay in the cache.
    runs: runs.map(({ rows: _rows, training, ...rest }) => ({
      ...rest,
      ...(training ? { training: endsOf(training) } : {}),
    })),
  });
  writeImportance(runs);
}

/** A training by its scalars, and V at its ends. */
function endsOf(training: RecordedTraining) {
  const { times: _t, kinetic: _k, energy: _e, dissipated: _d, potential, ...figures } = training;
  return { ...figures, potential: [potential[0], potential.at(-1)] };
}
