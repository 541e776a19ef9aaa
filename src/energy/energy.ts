/** @file The energy of a behaviour: costate invariant over all cuts, budget per dictionary's cut, energy per feature. */

import { joinRules, quadrature } from '../autodiff/quadrature.ts';
import { type Network, networkOf } from '../circuits/cuts.ts';
import { type EffectsFile, loadEffects } from '../circuits/effects-file.ts';
import { placeChange } from '../circuits/exact.ts';
import { exampleFeeds, type Pairs, pairsOf, range } from '../circuits/examples.ts';
import { dtypeAt, floats } from '../circuits/floats.ts';
import { forwardPairs } from '../circuits/forward.ts';
import { type RunOptions, TOKENS_PER_RUN } from '../circuits/run-options.ts';
import { track, type WorkContext } from '../core/progress.ts';
import { type Random, random } from '../core/random.ts';
import { quantile } from '../core/statistics.ts';
import type { Task } from '../data/tasks.ts';
import type { Model } from '../models/types.ts';
import { openSession } from '../runtime/session.ts';
import { budgetOf, leaksByRule, topFeatures } from './budget.ts';
import { type CutProducts, costateProducts, meanProducts, relativeSpread, spread } from './costate.ts';
import type { CostateResult, CutBudget, EnergyResult } from './types.ts';

export interface EnergyOptions {
  /** Rules whose leaks are compared. */
  readonly rules: readonly string[];
  /** Examples that all rules are run on. */
  readonly ruleExamples: number;
  /** Examples of the costate invariant. */
  readonly costateExamples: number;
  /** Features listed. */
  readonly topFeatures: number;
  readonly tokensPerRun: number;
}

export const ENERGY_DEFAULTS: EnergyOptions = {
  rules: ['midpoint-10', 'midpoint-5', 'left-10', 'attribution-patching'],
  ruleExamples: 16,
  costateExamples: 8,
  topFeatures: 40,
  tokensPerRun: TOKENS_PER_RUN,
};

export interface EnergyInput {
  readonly model: Model;
  readonly task: Task;
  /** Folder of the task's circuit step: its `effects.safetensors` is read. */
  readonly effectsFolder: string;
  readonly threads: number;
  readonly seed: number;
  readonly options?: Partial<EnergyOptions>;
}

/** Energy along the depth clock (mechanics.md §2). @throws CircuitError, FileError as the functions it calls. */
export async function measureEnergy(input: EnergyInput, context: WorkContext): Promise<EnergyResult> {
  const { model, task, threads } = input;
  const options = { ...ENERGY_DEFAULTS, ...input.options };
  const network = networkOf(model);
  const effects = await loadEffects(input.effectsFolder);
  const pairs = pairsOf(task.name, task.train.slice(0, options.ruleExamples));
  const joint = joinRules(options.rules.map(quadrature));
  const total = pairs.examples * effects.places.length * joint.points.length;
  const label = { task: 'energy', label: `Energy: ${task.title}`, total, unit: 'runs' };
  return track(context.progress, label, async (advance) => {
    let done = 0;
    const run: RunOptions = {
      open: (graph) => openSession(graph, { threads }),
      tokensPerRun: options.tokensPerRun,
      ...(context.signal ? { signal: context.signal } : {}),
    };
    const stream = random(input.seed).fork(`energy/${task.name}`);
    const few = pairsOf(task.name, task.train.slice(0, options.costateExamples));
    const costate = await costateInvariant(network, few, stream, run);
    const counted: RunOptions = {
      ...run,
      advance: (rows) => {
        done += rows;
        advance(done);
      },
    };
    const budget = await budgets(network, pairs, effects, options.rules, run, counted);
    return {
      task: task.name,
      costate,
      leak: quantile(
        budget.map((b) => b.leak),
        0.5,
      ),
      budget,
      rules: options.rules.map((name) => ({ name, points: quadrature(name).points.length })),
      rule: effects.rule,
      topFeatures: topFeatures(effects.places, options.topFeatures),
      examples: effects.deltaM_B.length,
      ruleExamples: pairs.examples,
    };
  });
}

async function budgets(
  network: Network,
  pairs: Pairs,
  effects: EffectsFile,
  rules: readonly string[],
  run: RunOptions,
  counted: RunOptions,
): Promise<CutBudget[]> {
  const sites = effects.places.map((c) => c.effects.site);
  const { clean, patch } = await forwardPairs(network, pairs, sites, run);
  const budget: CutBudget[] = [];
  for (const record of effects.places) {
    const { site } = record.effects;
    const change_B = await placeChange(network, site, pairs, { clean, patch }, run);
    const leaks = await leaksByRule(
      network,
      site,
      pairs,
      {
        clean_BTD: clean.states[site]!,
        patch_BTD: patch.states[site]!,
        deltaM_B: change_B.map((change) => -change),
      },
      rules,
      counted,
    );
    budget.push(budgetOf(record, leaks));
  }
  return budget;
}

/** ⟨λ, δx⟩ over all cuts for the tangent clean − patch and for a random one, both at the embedding. */
export async function costateInvariant(
  network: Network,
  pairs: Pairs,
  stream: Random,
  run: RunOptions,
): Promise<CostateResult> {
  const [embed] = network.cuts as [string];
  const { clean, patch } = await forwardPairs(network, pairs, [embed], run);
  const [x, y] = [clean.states[embed]!, patch.states[embed]!];
  const tangent = Float64Array.from({ length: 2 * x.length }, (_, i) =>
    i < x.length ? x[i]! - y[i]! : stream.normal(),
  );
  // One batch: every example with the tangent clean − patch, then every example with a random one.
  const rows = [...range(0, pairs.examples), ...range(0, pairs.examples)];
  const shape = [rows.length, x.length / (pairs.examples * network.width), network.width];
  const state = Float64Array.from(tangent, (_, i) => x[i % x.length]!);
  const dtype = dtypeAt(network.graph, embed);
  const products = await costateProducts(
    network,
    {
      state: floats(dtype, shape, state),
      tangent: floats(dtype, shape, tangent),
      others: exampleFeeds(pairs, 'clean', rows),
    },
    run,
  );
  const part = (from: number, to: number): CutProducts[] =>
    products.map((p) => ({ value_B: p.value_B.slice(from, to), scale_B: p.scale_B.slice(from, to) }));
  const difference = part(0, pairs.examples);
  const means = meanProducts(difference);
  return {
    spread: spread(difference),
    relativeSpread: relativeSpread(difference),
    randomSpread: spread(part(pairs.examples, rows.length)),
    products: network.cuts.map((site, cut) => ({ cut, site, value: means[cut]! })),
  };
}
