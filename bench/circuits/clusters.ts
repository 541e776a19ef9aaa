/**
 * @file Behaviours without a hypothesis, scored: contexts of the built-in tasks hidden in plain text, clustered by feature
 * effects, by features and by dense states; adjusted Rand index against what was planted, and stability.
 *
 *   npm run bench:clusters [-- --each 30] [--plain 300] [--k 20] [--json] [--save]
 *
 * The primary figure, fixed beforehand: adjusted Rand of `spectral-effects` minus that of `dense-k-means` at k = 20
 * over the planted contexts, with a paired bootstrap interval. --save writes bench/results/clusters.json.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { assignClusters, clusterContexts, clusterMethods } from '../../src/circuits/clusters/cluster.ts';
import { plainContexts, plantedContexts } from '../../src/circuits/clusters/contexts.ts';
import { adjustedRand, randEstimate } from '../../src/circuits/clusters/scores.ts';
import { type ContextVectors, contextVectors } from '../../src/circuits/clusters/vectors.ts';
import { networkOf } from '../../src/circuits/cuts.ts';
import { contentHash } from '../../src/core/hash.ts';
import type { Progress } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { bootstrap, type Estimate } from '../../src/core/statistics.ts';
import { builtInTasks } from '../../src/data/tasks.ts';
import { cacheRoot } from '../../src/files/cache.ts';
import { openTokenModel } from '../../src/models/open.ts';
import { openSession } from '../../src/runtime/session.ts';
import { resultText, saveResult } from '../results.ts';
import { benchDictionaries, benchWindows, dictionarySettings } from './dictionaries.ts';

const { values } = parseArgs({
  options: {
    each: { type: 'string', default: '30' },
    plain: { type: 'string', default: '300' },
    k: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
});
const [each, plain, k] = [Number(values.each), Number(values.plain), Number(values.k)];
const LENGTH = 48;
const THREADS = 2;
const RESAMPLES = 4;
const otherSizes = [10, 30];

const tell = (text: string) => console.error(text);
const progress: Progress = (event) => {
  if (event.type === 'start') tell(event.label);
};
const round = (value: number) => Number(value.toFixed(3));
const shown = ({ value, low, high, n }: Estimate) => ({
  value: round(value),
  low: round(low),
  high: round(high),
  n,
});

const model = await openTokenModel('smollm2-135m', { progress });
const { tokenizer } = model;
const dictionaries = await benchDictionaries(model, THREADS, progress);
const { heldOut: windows } = await benchWindows(model, progress);
const chance = random(0).fork('bench-clusters');
const behaviours = builtInTasks.map(({ name, make }) => ({
  name,
  examples: make(tokenizer, { train: each, heldOut: 2, seed: 0 }).train,
}));
const contexts = chance.shuffle([
  ...plantedContexts(behaviours, tokenizer, windows, LENGTH, chance),
  ...plainContexts(windows, { length: LENGTH, count: plain }, chance),
]);
tell(`${contexts.length} contexts of ${LENGTH} tokens`);
const open = (graph: Parameters<typeof openSession>[0]) => openSession(graph, { threads: THREADS });
let rows = 0;
/** Vectors take most of the time: they are kept for another run with the same settings. */
const keptAt = join(
  cacheRoot(),
  'bench',
  `clusters-${contentHash({ model: model.hash, contexts, dictionarySettings })}.bin`,
);
const vectors = existsSync(keptAt)
  ? (deserialize(readFileSync(keptAt)) as ContextVectors)
  : await contextVectors(networkOf(model), dictionaries, contexts, {
      open,
      tokensPerRun: 16 * LENGTH,
      threads: THREADS,
      advance: (more) => {
        rows += more;
        if (rows % 10 === 0) tell(`${rows} of ${2 * contexts.length} rows`);
      },
    });
if (!existsSync(keptAt)) writeFileSync(keptAt, serialize(vectors));

const planted = contexts.flatMap((context, i) => (context.planted === undefined ? [] : [i]));
const truth = planted.map((i) => contexts[i]!.planted!);
const families = truth.map((name) => (name.startsWith('agreement') ? 'agreement' : name));
const assigned = new Map<string, number[]>();
const methods = clusterMethods.map((method) => {
  const stream = chance.fork(method);
  const clustering = clusterContexts(
    contexts,
    vectors,
    { method, k, resamples: RESAMPLES, features: 20 },
    (token) => tokenizer.decode([token]),
    stream,
  );
  const found = planted.map((i) => clustering.assigned[i]!);
  assigned.set(method, found);
  const members = contexts.length;
  const row = {
    method,
    adjustedRand: shown(randEstimate(found, truth, stream)),
    againstFamilies: shown(randEstimate(found, families, stream)),
    shuffledLabels: shown(randEstimate(found, stream.shuffle(truth), stream)),
    atOtherK: Object.fromEntries(
      otherSizes.map((size) => {
        const all = assignClusters(vectors, method, size, stream, { restarts: 2 });
        return [
          size,
          round(
            adjustedRand(
              planted.map((i) => all[i]!),
              truth,
            ),
          ),
        ];
      }),
    ),
    stability: round(
      clustering.clusters.reduce((sum, c) => sum + (c.stability * c.members.length) / members, 0),
    ),
    clusters: clustering.clusters.map((cluster) => ({
      size: cluster.members.length,
      stability: round(cluster.stability),
      name: cluster.name.text,
      share: round(cluster.share),
      planted: counts(cluster.members.map((i) => contexts[i]!.planted ?? 'plain text')),
    })),
  };
  tell(`${method}: ${JSON.stringify(row.adjustedRand)}, stability ${row.stability}`);
  return row;
});

function counts(names: readonly string[]): Record<string, number> {
  const all = new Map<string, number>();
  for (const name of names) all.set(name, (all.get(name) ?? 0) + 1);
  return Object.fromEntries([...all].sort((a, b) => b[1] - a[1]));
}

const [sparse, dense] = [assigned.get('spectral-effects')!, assigned.get('dense-k-means')!];
const difference = bootstrap(
  truth.map((name, i) => ({ name, sparse: sparse[i], dense: dense[i] })),
  (sample) => {
    const names = sample.map((s) => s.name);
    const rand = (side: 'sparse' | 'dense') =>
      adjustedRand(
        sample.map((s) => s[side]),
        names,
      );
    return rand('sparse') - rand('dense');
  },
  chance.fork('difference'),
);
const report = {
  what: 'adjusted Rand index of clusters against planted behaviours (built-in tasks hidden in plain text), over the planted contexts, with 95 % bootstrap intervals over contexts; beside dense k-means and shuffled labels; stability: mean Jaccard over subsets of 80 %, weighted by size',
  command: `npm run bench:clusters -- --each ${each} --plain ${plain} --k ${k}`,
  date: new Date().toISOString().slice(0, 10),
  model: { name: model.name, hash: model.hash },
  dictionaries: dictionarySettings,
  settings: {
    each,
    plain,
    k,
    length: LENGTH,
    resamples: RESAMPLES,
    behaviours: behaviours.map((b) => b.name),
  },
  primary: {
    what: 'adjusted Rand of spectral-effects minus dense-k-means, paired',
    difference: shown(difference),
  },
  methods,
};
if (values.save) saveResult('clusters', report);
if (values.json) process.stdout.write(resultText(report));
else tell(JSON.stringify(report.primary));
process.exit(0);
