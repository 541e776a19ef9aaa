/**
 * @file The depth clock on SmolLM2: the energy budget of every cut by rule, the costate invariant, block energies, and with
 * dictionaries the energy flow and their canonicity.
 *
 *   npm run bench:energy -- [--part budget|invariant|blocks|flow|canonicity|all] [--cuts 0,1,2] [--examples 12]
 *                           [--rules midpoint-10,left-10,adaptive-0.01] [--workspace DIR] [--again] [--threads 2] [--save]
 *
 * DIR is a workspace in which `untangle demo` has run: `flow` and `canonicity` read its dictionaries, and `budget` gives the
 * shares of features and errors at their cuts. --save puts every figure into bench/results/energy.json as soon as it is there,
 * beside what is there already, and the tables of docs/energy.md; cuts that are there are left out, so that a call that was
 * ended goes on where it was (--again measures them anew).
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { networkOf } from '../src/circuits/cuts.ts';
import { encodeStates } from '../src/circuits/encode-state.ts';
import { pairsOf } from '../src/circuits/examples.ts';
import type { FeatureState } from '../src/circuits/feature-state.ts';
import { forwardPairs } from '../src/circuits/forward.ts';
import type { RunOptions } from '../src/circuits/run-options.ts';
import { silent } from '../src/core/progress.ts';
import { random } from '../src/core/random.ts';
import { agreementTask, builtInTasks } from '../src/data/tasks.ts';
import { loadDictionary, MANIFEST } from '../src/dictionaries/files.ts';
import type { Dictionary } from '../src/dictionaries/types.ts';
import { blockEnergies, blockShares } from '../src/energy/depth/blocks.ts';
import { canonicity } from '../src/energy/depth/canonicity.ts';
import { cutRules, summariseRules } from '../src/energy/depth/cut-rules.ts';
import { energyFlow } from '../src/energy/depth/flow.ts';
import type { BlockShares } from '../src/energy/depth/types.ts';
import { costateInvariant } from '../src/energy/energy.ts';
import { openTokenModel } from '../src/models/open.ts';
import { openSession } from '../src/runtime/session.ts';
import { type EnergyResults, withFigures } from './energy-table.ts';
import { describeMachine } from './machine.ts';
import { loadResult, resultText, saveResult } from './results.ts';

const { values } = parseArgs({
  options: {
    part: { type: 'string', default: 'all' },
    cuts: { type: 'string' },
    examples: { type: 'string', default: '12' },
    rules: { type: 'string', default: 'midpoint-10,left-10,adaptive-0.01' },
    workspace: { type: 'string' },
    again: { type: 'boolean', default: false },
    threads: { type: 'string', default: '2' },
    save: { type: 'boolean', default: false },
  },
});

const parts = ['budget', 'invariant', 'blocks', 'flow', 'canonicity'] as const;
type Part = (typeof parts)[number];
const wants = (part: Part) => values.part === 'all' || values.part === part;
if (values.part !== 'all' && !parts.some((part) => part === values.part)) {
  throw new RangeError(`--part is one of ${parts.join(', ')}, all`);
}

/** The rule and the examples of the flow, and the features that it shows at each cut. */
const [FLOW_RULE, FLOW_EXAMPLES, SHOWN] = ['midpoint-10', 4, 6] as const;
/** Examples of the invariant and of block energies. */
const CLEAN_EXAMPLES = 8;

const tell = (text: string) => console.error(text);
/** Four digits say enough. */
const short = <T>(figures: T): T =>
  JSON.parse(
    JSON.stringify(figures, (_, v) =>
      typeof v === 'number' && !Number.isInteger(v) ? Number(v.toPrecision(4)) : v,
    ),
  ) as T;

const threads = Number(values.threads);
const examples = Number(values.examples);
const model = await openTokenModel('smollm2-135m', { progress: silent });
const network = networkOf(model);
const run: RunOptions = {
  open: (graph) => openSession(graph, { threads }),
  ...{ tokensPerRun: 256, threads },
};
const task = agreementTask(model.tokenizer, { train: examples, heldOut: 2, seed: 0 });
const pairs = pairsOf(task.name, task.train);
const few = (count: number) => pairsOf(task.name, task.train.slice(0, count));

let results: EnergyResults = { budget: {} };
const load = () => loadResult<EnergyResults>('energy') ?? { budget: {} };
if (values.save) results = load();
/** Puts one figure beside those that are there, which another process may have added to meanwhile. */
const keep = (add: (results: EnergyResults) => void) => {
  if (values.save) results = load();
  add(results);
  results.what =
    'the depth clock on the agreement task; energies in units of the metric, leaks as shares of Σ|Δm|';
  results.model = { name: model.name, hash: model.hash };
  results.machine = describeMachine();
  results.summary = short(
    summariseRules(
      Object.values(results.budget).sort((a, b) => a.cut - b.cut),
      network.cuts.length - 1,
    ),
  );
  if (!values.save) return;
  saveResult('energy', results);
  const page = fileURLToPath(new URL('../docs/energy.md', import.meta.url));
  writeFileSync(page, withFigures(readFileSync(page, 'utf8'), results));
};

const dictionaries = await dictionariesIn(values.workspace, model.hash);
if (wants('invariant')) {
  const found = short(await costateInvariant(network, few(CLEAN_EXAMPLES), random(0), run));
  const { spread, relativeSpread, randomSpread, products } = found;
  tell(`invariant: ${JSON.stringify({ spread, relativeSpread, randomSpread })}`);
  keep((all) => {
    all.invariant = {
      task: task.name,
      examples: Math.min(CLEAN_EXAMPLES, examples),
      cuts: products.length,
      spread,
      relativeSpread,
      randomSpread,
    };
  });
}
if (wants('blocks')) {
  const found = short(await blockEnergies(network, few(CLEAN_EXAMPLES), run));
  const shares: BlockShares[] = [];
  for (const dictionary of dictionaries) {
    if (!network.cuts.includes(dictionary.site)) continue;
    shares.push(short(await blockShares(network, dictionary, few(CLEAN_EXAMPLES), run, { count: 5 })));
  }
  tell(`blocks: drift ${found.drift}`);
  keep((all) => {
    all.blocks = { task: task.name, ...found, shares };
  });
}
if (wants('budget')) {
  const rules = values.rules.split(',');
  const listed = values.cuts?.split(',').map(Number) ?? network.cuts.map((_, cut) => cut);
  for (const cut of listed) {
    const known = results.budget[cut];
    const same = known?.examples === pairs.examples && `${known.rules.map((r) => r.rule)}` === `${rules}`;
    if (same && !values.again) continue;
    const site = network.cuts[cut];
    if (site === undefined) throw new RangeError(`there is no cut ${cut}`);
    const dictionary = dictionaries.find((d) => d.site === site);
    const started = performance.now();
    const row = short(await cutRules(network, site, pairs, rules, run, dictionary ? { dictionary } : {}));
    const seconds = Math.round((performance.now() - started) / 1000);
    tell(`cut ${cut} (${seconds} s): ${JSON.stringify(row.rules)}`);
    keep((all) => {
      all.budget[cut] = row;
    });
  }
}
if (wants('flow') && dictionaries.length > 0) {
  const started = performance.now();
  const found = short(
    await energyFlow(network, dictionaries, few(FLOW_EXAMPLES), { rule: FLOW_RULE, perCut: SHOWN }, run),
  );
  tell(
    `flow: leak ${found.leak}, imbalance ${found.imbalance}, ${Math.round((performance.now() - started) / 1000)} s`,
  );
  keep((all) => {
    all.flow = { task: task.name, ...found };
  });
}
if (wants('canonicity')) {
  // Prompts of all built-in tasks, so that many features have their turn.
  const prompts = builtInTasks.map(({ name, make }) => {
    const some = make(model.tokenizer, { train: examples, heldOut: 2, seed: 0 });
    return pairsOf(name, some.train);
  });
  const read = dictionaries.filter((d) => network.cuts.includes(d.site));
  const states = new Map<string, FeatureState[]>(read.map((d) => [d.site, []]));
  for (const task of prompts) {
    const { clean } = await forwardPairs(network, task, [...states.keys()], run);
    for (const dictionary of read) {
      const { site, width } = dictionary;
      const shape = { examples: task.examples, positions: task.positions, width };
      states.get(site)!.push(...(await encodeStates(dictionary, [clean.states[site]!], shape, threads)));
    }
  }
  for (const dictionary of read) {
    const { site, features } = dictionary;
    const found = short({
      ...{ features, prompts: prompts.reduce((sum, task) => sum + task.examples, 0) },
      ...canonicity(dictionary, states.get(site)!),
    });
    tell(`canonicity of ${site}: ${JSON.stringify(found.together)}`);
    keep((all) => {
      all.canonicity = { ...all.canonicity, [site]: found };
    });
  }
}
process.stdout.write(resultText(results));
process.exit(0);

/** The dictionaries of a workspace that were trained on this model and whose features have encoder rows, by depth. */
async function dictionariesIn(workspace: string | undefined, hash: string): Promise<Dictionary[]> {
  if (workspace === undefined) return [];
  const cache = join(workspace, 'cache');
  const folders = readdirSync(cache).filter((name) => existsSync(join(cache, name, MANIFEST)));
  const all = await Promise.all(folders.map((name) => loadDictionary(join(cache, name))));
  const cut = ({ site }: Dictionary) => network.cuts.indexOf(site);
  return all.filter((d) => d.modelHash === hash && cut(d) >= 0).sort((a, b) => cut(a) - cut(b));
}
