/** @file Self-check of energy: the costate invariant on random models and on the real one, and budgets that close. */
import { networkOf } from '../circuits/cuts.ts';
import { type Pairs, pairsOf } from '../circuits/examples.ts';
import { forwardPairs } from '../circuits/forward.ts';
import { type RunOptions, TOKENS_PER_RUN } from '../circuits/run-options.ts';
import { type Check, type CheckRow, checkRow } from '../core/check.ts';
import type { WorkContext } from '../core/progress.ts';
import { type Random, random } from '../core/random.ts';
import { f32, f64, i64, type Tensor } from '../core/tensor.ts';
import { agreementTask, genderTask } from '../data/tasks.ts';
import { demoModelRows } from '../models/demo-model-rows.ts';
import { tinyLlama } from '../models/tiny.ts';
import type { Model } from '../models/types.ts';
import { openSession } from '../runtime/session.ts';
import { leaksByRule } from './budget.ts';
import { costateProducts, spread } from './costate.ts';
import { costateInvariant } from './energy.ts';

const area = 'energy';
const row = (name: string, value: number, bar: number) => checkRow(area, name, value, bar);

type Context = WorkContext & { readonly threads: number };

/** Bars of the spread, by element type, and of the plain relative spread for tangents that move the metric. */
const SPREAD = { float32: 1e-5, float64: 1e-12 } as const;
const RELATIVE = 1e-4;

/** A rule fine enough that little but rounding is left on a tiny smooth model. */
const FINE = 'midpoint-200';
const CLOSED = 1e-3;

/** Invariants of the depth clock: tests of the implementation, not discoveries. */
export const checks: Check[] = [
  { area, rows: tinyRows },
  { area, rows: (context) => demoModelRows(area, context, (model) => realRows(model, context)) },
];

const runOptions = ({ threads, signal }: Context): RunOptions => ({
  open: (graph) => openSession(graph, { threads }),
  tokensPerRun: TOKENS_PER_RUN,
  ...(signal ? { signal } : {}),
});

async function tinyRows(context: Context): Promise<CheckRow[]> {
  const run = runOptions(context);
  const rows: CheckRow[] = [];
  for (const dtype of ['float32', 'float64'] as const) {
    const stream = random(11);
    const network = networkOf(tinyLlama(11, { layers: 4, dtype }));
    const noise = () => {
      const values = Array.from({ length: 2 * 6 * network.width }, () => stream.normal());
      return (dtype === 'float32' ? f32 : f64)([2, 6, network.width], values);
    };
    const answers: Record<string, Tensor> = { answer: i64([2], [1, 2]), wrong: i64([2], [3, 4]) };
    const products = await costateProducts(network, { state: noise(), tangent: noise(), answers }, run);
    rows.push(row(`tiny Llama, ${dtype}: spread of ⟨λ, δx⟩ over all cuts`, spread(products), SPREAD[dtype]));
  }
  const network = networkOf(tinyLlama(12, { layers: 3 }));
  const pairs = randomPairs(random(12), 4, 5);
  const site = network.cuts[2]!;
  const { clean, patch } = await forwardPairs(network, pairs, [site], run);
  const leaks = await leaksByRule(
    network,
    site,
    pairs,
    {
      clean_BTD: clean.states[site]!,
      patch_BTD: patch.states[site]!,
      deltaM_B: clean.metric_B.map((m, b) => m - patch.metric_B[b]!),
    },
    [FINE],
    run,
  );
  rows.push(row(`tiny Llama: energies of a cut differ from Δm (${FINE}) by`, leaks[FINE]!, CLOSED));
  return rows;
}

async function realRows(model: Model, context: Context): Promise<CheckRow[]> {
  const rows: CheckRow[] = [];
  for (const make of [agreementTask, genderTask]) {
    const task = make(model.tokenizer, { train: 8, heldOut: 2, seed: 0 });
    const pairs = pairsOf(task.name, task.train);
    const found = await costateInvariant(networkOf(model), pairs, random(0), runOptions(context));
    const over = `over all ${found.products.length} cuts`;
    rows.push(
      row(`SmolLM2, ${task.name}: spread of ⟨λ, clean − patch⟩ ${over}`, found.spread, SPREAD.float32),
      row(`SmolLM2, ${task.name}: the same, plain relative spread`, found.relativeSpread, RELATIVE),
      row(`SmolLM2, ${task.name}: spread of ⟨λ, δx⟩ for a random δx`, found.randomSpread, SPREAD.float32),
    );
  }
  return rows;
}

function randomPairs(stream: Random, examples: number, positions: number): Pairs {
  const ids = (count: number) => Int32Array.from({ length: count }, () => stream.integer(200));
  const answer_B = ids(examples);
  return {
    examples,
    positions,
    clean_BT: ids(examples * positions),
    patch_BT: ids(examples * positions),
    answer_B,
    wrong_B: answer_B.map((id) => id + 1),
  };
}
