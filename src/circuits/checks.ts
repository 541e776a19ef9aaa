/** @file Self-check of circuits: path work balances on random models and on the real one, and edges leave nothing out. */
import { type Check, type CheckRow, checkRow } from '../core/check.ts';
import type { WorkContext } from '../core/progress.ts';
import { type Random, random } from '../core/random.ts';
import { agreementTask } from '../data/tasks.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import { demoModelRows } from '../models/demo-model-rows.ts';
import { type TinyOptions, tinyLlama } from '../models/tiny.ts';
import type { Model } from '../models/types.ts';
import { openSession } from '../runtime/session.ts';
import { edgeEffects } from './clean-edges.ts';
import { dictionariesByDepth, networkOf, placeOf } from './cuts.ts';
import { type Pairs, pairsOf } from './examples.ts';
import { exchangeRows } from './exchange-checks.ts';
import { nodeEffects } from './node-effects.ts';
import { pathWork } from './path-work.ts';
import { plantedRows } from './planted/checks.ts';
import { type RunOptions, TOKENS_PER_RUN } from './run-options.ts';

const area = 'circuits';
const row = (name: string, value: number, bar: number) => checkRow(area, name, value, bar);

type Context = WorkContext & { readonly threads: number };

/** Bars of balance, relative to what flows through a node, by element type. */
const BALANCE = { float32: 1e-4, float64: 1e-10 } as const;

/** Invariants of effects: tests of the implementation, for any network and any dictionary. */
export const checks: Check[] = [
  { area, rows: tinyRows },
  { area, rows: () => Promise.resolve(exchangeRows(area)) },
  { area, rows: (context) => plantedRows(area, context) },
  { area, rows: (context) => demoModelRows(area, context, (model) => realRows(model, context)) },
];

const runOptions = ({ threads, signal }: Context): RunOptions => ({
  open: (graph) => openSession(graph, { threads }),
  ...{ tokensPerRun: TOKENS_PER_RUN, threads },
  ...(signal ? { signal } : {}),
});

const kinds: Readonly<Record<string, TinyOptions>> = {
  'blocks in sequence': { layers: 2 },
  'parallel blocks': {
    family: 'gpt_neox',
    layers: 2,
    parallel: true,
    norm: 'layer',
    ropeWidth: 2,
    kvHeads: 4,
  },
};

async function tinyRows(context: Context): Promise<CheckRow[]> {
  const run = runOptions(context);
  const rows: CheckRow[] = [];
  for (const [kind, options] of Object.entries(kinds)) {
    for (const dtype of ['float64', 'float32'] as const) {
      const model = tinyLlama(13, { ...options, dtype });
      const network = networkOf(model);
      const sites = network.places
        .map((p) => p.site)
        .filter((site) => /attn_out|mlp_out|resid_post/.test(site));
      const dictionaries = randomDictionaries(model, sites, { features: 24, k: 6 });
      const pairs = randomPairs(random(13), 2, 4);
      const { balance } = await pathWork(network, dictionaries, pairs, { rule: 'midpoint-2' }, run);
      const name = `${kind}, ${dtype}`;
      if (dtype === 'float64') {
        rows.push(row(`${name}: path work, worst imbalance into a node`, balance.inflow, BALANCE[dtype]));
        rows.push(
          row(`${name}: path work, worst imbalance out of a node`, balance.outflow ?? 1, BALANCE[dtype]),
        );
      } else {
        rows.push(
          row(
            `${name}: what edges leave out of a node's effect`,
            await missing(network, dictionaries, pairs, run),
            BALANCE[dtype],
          ),
        );
      }
      rows.push(row(`${name}: path work, spread of the leak over cuts`, balance.leakSpread, BALANCE[dtype]));
    }
  }
  return rows;
}

/** Largest |Σ_v w(u→v) − e_u| over the largest |e|, with gradients at clean. */
async function missing(
  network: ReturnType<typeof networkOf>,
  dictionaries: readonly Dictionary[],
  pairs: Pairs,
  run: RunOptions,
): Promise<number> {
  const found = await nodeEffects(network, dictionaries, pairs, { method: 'attribution-patching' }, run);
  const edges = await edgeEffects(network, found, pairs, {}, run);
  let worst = 0;
  let largest = 0;
  for (const { site, positions, features, features_TF, errors_T } of found.effects) {
    const out = new Float64Array(positions * (features + 1));
    for (const { from, source, weight } of edges) {
      if (from === site) for (const [j, w] of weight.entries()) out[source[j]!]! += w;
    }
    out.forEach((sum, node) => {
      const [t, f] = [Math.floor(node / (features + 1)), node % (features + 1)];
      const effect = f === features ? errors_T[t]! : features_TF[t * features + f]!;
      worst = Math.max(worst, Math.abs(sum + effect));
      largest = Math.max(largest, Math.abs(effect));
    });
  }
  return worst / largest;
}

async function realRows(model: Model, context: Context): Promise<CheckRow[]> {
  const network = networkOf(model);
  const task = agreementTask(model.tokenizer, { train: 1, heldOut: 1, seed: 0 });
  const sites = ['blocks.17.hook_resid_post', 'blocks.23.hook_resid_post'];
  // Balance holds for any dictionary: random directions do.
  const dictionaries = randomDictionaries(model, sites, { features: 64, k: 8 });
  const pairs = pairsOf(task.name, task.train);
  const { balance } = await pathWork(
    network,
    dictionaries,
    pairs,
    { rule: 'midpoint-1' },
    runOptions(context),
  );
  const name = 'SmolLM2, agreement: path work';
  return [
    row(`${name}, worst imbalance into a node`, balance.inflow, BALANCE.float32),
    row(`${name}, worst imbalance out of a node`, balance.outflow ?? 1, BALANCE.float32),
    row(`${name}, spread of the leak over cuts`, balance.leakSpread, BALANCE.float32),
  ];
}

/** TopK dictionaries of random unit directions, which read what they write. */
function randomDictionaries(
  model: Model,
  sites: readonly string[],
  { features, k }: { readonly features: number; readonly k: number },
): readonly Dictionary[] {
  const network = networkOf(model);
  const all = sites.map((site, n): Dictionary => {
    const chance = random(n).fork(site);
    const { width } = placeOf(network, site);
    const rows = Array.from({ length: features }, () => {
      const direction = Array.from({ length: width }, () => chance.normal());
      const norm = Math.hypot(...direction);
      return direction.map((v) => v / norm);
    });
    const W_FD = Float32Array.from(rows.flat());
    return {
      ...{
        architecture: 'topk',
        activation: { kind: 'topk', k },
        site,
        modelHash: model.hash,
        width,
        features,
      },
      ...{ W_enc_FD: W_FD, b_enc_F: new Float32Array(features), W_dec_FD: W_FD },
      ...{ b_dec_D: new Float32Array(width), sinkNorm: Number.POSITIVE_INFINITY },
    };
  });
  return dictionariesByDepth(model, network, all);
}

function randomPairs(chance: Random, examples: number, positions: number): Pairs {
  const ids = (count: number) => Int32Array.from({ length: count }, () => chance.integer(200));
  const answer_B = ids(examples);
  return {
    ...{ examples, positions, answer_B },
    clean_BT: ids(examples * positions),
    patch_BT: ids(examples * positions),
    wrong_B: answer_B.map((id) => id + 1),
  };
}
