/** @file Self-check of energy: the costate invariant on random models and on the real one, and budgets that close. */
import { networkOf } from '../circuits/cuts.ts';
import { pairsOf } from '../circuits/examples.ts';
import { forwardPairs } from '../circuits/forward.ts';
import { type RunOptions, TOKENS_PER_RUN } from '../circuits/run-options.ts';
import { type Check, type CheckRow, checkRow } from '../core/check.ts';
import type { WorkContext } from '../core/progress.ts';
import { random } from '../core/random.ts';
import { agreementTask, genderTask } from '../data/tasks.ts';
import { demoModelRows } from '../models/demo-model-rows.ts';
import { tinyLlama } from '../models/tiny.ts';
import type { Model } from '../models/types.ts';
import { openSession } from '../runtime/session.ts';
import { leaksByRule } from './budget.ts';
import { clockRows } from './clock-checks.ts';
import { depthRows, RELATIVE, randomPairs, SPREAD } from './depth/checks.ts';
import { costateInvariant } from './energy.ts';
import { featureRows } from './feature-checks.ts';

const area = 'energy';
const row = (name: string, value: number, bar: number) => checkRow(area, name, value, bar);

type Context = WorkContext & { readonly threads: number };

/** A rule fine enough that little but rounding is left on a tiny smooth model. */
const FINE = 'midpoint-200';
const CLOSED = 1e-3;

/** Invariants of the depth clock: tests of the implementation, not discoveries. */
export const checks: Check[] = [
  { area, rows: tinyRows },
  { area, rows: (context) => demoModelRows(area, context, (model) => realRows(model, context)) },
  { area, rows: (context) => clockRows(runOptions(context)) },
  { area, rows: (context) => featureRows(runOptions(context)) },
];

const runOptions = ({ threads, signal }: Context): RunOptions => ({
  open: (graph) => openSession(graph, { threads }),
  tokensPerRun: TOKENS_PER_RUN,
  ...(signal ? { signal } : {}),
});

async function tinyRows(context: Context): Promise<CheckRow[]> {
  const run = runOptions(context);
  const rows = await depthRows(run, context);
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
