/**
 * @file How well node effects are approximated, on SmolLM2: completeness of quadrature rules at every cut, correlation
 * with exact effects of features, the balance of path work, and the memory of a long prompt.
 *
 *   npm run bench:effects -- --workspace DIR [--part quadrature|pearson|path|long|all] [--cuts 0,2,4] [--examples 12] [--save]
 *
 * DIR is a workspace in which `untangle demo` has run: its dictionaries are read. Parts and cuts can be measured one by
 * one; --save puts each into bench/results/effects.json, beside what is there.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { networkOf } from '../../src/circuits/cuts.ts';
import { silent } from '../../src/core/progress.ts';
import { quantile } from '../../src/core/statistics.ts';
import { agreementTask } from '../../src/data/tasks.ts';
import { loadDictionary, MANIFEST } from '../../src/dictionaries/files.ts';
import type { Dictionary } from '../../src/dictionaries/types.ts';
import { openTokenModel as openModel } from '../../src/models/open.ts';
import { openSession } from '../../src/runtime/session.ts';
import { describeMachine } from '../machine.ts';
import { loadResult, resultText, saveResult } from '../results.ts';
import { pathRow } from './path.ts';
import { pathEffects, pearsonRow } from './pearson.ts';
import { type QuadratureRow, quadratureRow } from './quadrature.ts';
import type { Study } from './study.ts';

const { values } = parseArgs({
  options: {
    workspace: { type: 'string' },
    part: { type: 'string', default: 'all' },
    cuts: { type: 'string' },
    examples: { type: 'string', default: '12' },
    pairs: { type: 'string', default: '40' },
    threads: { type: 'string', default: '2' },
    save: { type: 'boolean', default: false },
  },
});

const PUBLISHED = 'left-10';
/** Tokens of the long prompt. */
const LONG = 768;

interface Results {
  summary?: unknown;
  quadrature: Record<string, QuadratureRow>;
  pearson: Record<string, unknown>;
  path?: unknown;
  long?: Record<string, unknown>;
  machine?: unknown;
}

const tell = (text: string) => console.error(text);
const threads = Number(values.threads);
const model = await openModel('smollm2-135m', { progress: silent });
const study: Study = {
  model,
  network: networkOf(model),
  dictionaries: await dictionariesIn(values.workspace, model.hash),
  run: { open: (graph) => openSession(graph, { threads }), tokensPerRun: 256, threads },
};
const wants = (part: string) => values.part === 'all' || values.part === part;
const listed = values.cuts?.split(',').map(Number);

const empty: Results = { quadrature: {}, pearson: {} };
const load = () => loadResult<Results>('effects') ?? empty;
let results = load();
/** Puts one figure beside those that are there, which another process may have added to meanwhile. */
const keep = (add: (results: Results) => void) => {
  if (values.save) results = load();
  add(results);
  results.machine = describeMachine();
  results.summary = summarise(Object.values(results.quadrature));
  if (values.save) saveResult('effects', results);
};

if (wants('quadrature')) {
  const task = agreementTask(model.tokenizer, { train: Number(values.examples), heldOut: 2, seed: 0 });
  const cuts = listed ?? study.network.cuts.map((_, cut) => cut).filter((cut) => cut % 2 === 0);
  for (const cut of cuts) {
    const row = await quadratureRow(study, task.train, cut);
    tell(`cut ${cut}: ${JSON.stringify(row)}`);
    keep((all) => {
      all.quadrature[cut] = row;
    });
  }
}
if (wants('pearson')) {
  const task = agreementTask(model.tokenizer, { train: Number(values.pairs), heldOut: 2, seed: 0 });
  const cutOf = ({ site }: Dictionary) => study.network.cuts.indexOf(site);
  const wanted = study.dictionaries.filter((d) => !listed || listed.includes(cutOf(d)));
  const path = await pathEffects(study, wanted, task.train);
  for (const dictionary of wanted) {
    const cut = cutOf(dictionary);
    const row = await pearsonRow(study, dictionary, task.train, path);
    tell(`cut ${cut}: ${JSON.stringify(row)}`);
    keep((all) => {
      all.pearson[cut] = row;
    });
  }
}
if (wants('path')) {
  const task = agreementTask(model.tokenizer, { train: 2, heldOut: 2, seed: 0 });
  const row = await pathRow(study, task.train);
  tell(JSON.stringify(row));
  keep((all) => {
    all.path = row;
  });
}
if (wants('long')) {
  // Block by block, as prompts longer than a run go, and the whole network at once.
  for (const [how, tokensPerRun] of [
    ['block by block', 256],
    ['at once', LONG],
  ] as const) {
    const script = fileURLToPath(new URL('long.ts', import.meta.url));
    const args = ['--import', 'tsx', script, String(LONG), String(tokensPerRun), String(threads)];
    const row = JSON.parse(execFileSync('node', args, { encoding: 'utf8' })) as unknown;
    tell(`${how}: ${JSON.stringify(row)}`);
    keep((all) => {
      all.long = { ...all.long, [how]: row };
    });
  }
}
process.stdout.write(resultText(results));

/** Medians over cuts, and the cut at which the adaptive rule misses most. */
function summarise(rows: readonly QuadratureRow[]) {
  if (rows.length === 0) return undefined;
  const median = (f: (row: QuadratureRow) => number) => Number(quantile(rows.map(f), 0.5).toPrecision(3));
  const rules = Object.keys(rows[0]!.completenessError);
  return {
    cuts: rows.length,
    medianCompletenessError: Object.fromEntries(
      rules.map((rule) => [rule, median((row) => row.completenessError[rule]!)]),
    ),
    medianRatioToPublished: Object.fromEntries(
      rules
        .filter((rule) => rule !== PUBLISHED)
        .map((rule) => [
          rule,
          median((row) => row.completenessError[rule]! / row.completenessError[PUBLISHED]!),
        ]),
    ),
    adaptive: {
      worstCompletenessError: Math.max(...rows.map((row) => row.adaptive.completenessError)),
      medianPoints: median((row) => row.adaptive.meanPoints),
    },
  };
}

/** The dictionaries of a workspace that were trained on this model, by depth. */
async function dictionariesIn(workspace: string | undefined, hash: string): Promise<Dictionary[]> {
  if (workspace === undefined) throw new RangeError('--workspace DIR: where `untangle demo` has run');
  const cache = join(workspace, 'cache');
  const folders = readdirSync(cache).filter((name) => existsSync(join(cache, name, MANIFEST)));
  const all = await Promise.all(folders.map((name) => loadDictionary(join(cache, name))));
  const block = ({ site }: Dictionary) => Number(/\d+/.exec(site)?.[0] ?? 0);
  return all.filter((d) => d.modelHash === hash).sort((a, b) => block(a) - block(b));
}
