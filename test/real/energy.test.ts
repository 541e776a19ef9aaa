/** @file The depth clock on the real model: the costate invariant over all 31 cuts, and what quadrature rules lose. */
import { beforeAll, describe, expect, test } from 'vitest';
import { type Network, networkOf } from '../../src/circuits/cuts.ts';
import { pairsOf } from '../../src/circuits/examples.ts';
import { forwardPairs } from '../../src/circuits/forward.ts';
import type { RunOptions } from '../../src/circuits/run-options.ts';
import { random } from '../../src/core/random.ts';
import { agreementTask, genderTask, type Task } from '../../src/data/tasks.ts';
import { leaksByRule } from '../../src/energy/budget.ts';
import { cutRules } from '../../src/energy/depth/cut-rules.ts';
import { costateInvariant } from '../../src/energy/energy.ts';
import { openSession } from '../../src/runtime/session.ts';
import { hasRealModel, realModel } from '../support/real-model.ts';

const run: RunOptions = { open: (graph) => openSession(graph, { threads: 2 }), tokensPerRun: 256 };

describe.runIf(await hasRealModel())('the depth clock of SmolLM2-135M', () => {
  let network: Network;
  let tasks: readonly Task[];
  beforeAll(async () => {
    const model = await realModel();
    network = networkOf(model);
    const options = { train: 8, heldOut: 8, seed: 0 };
    tasks = [agreementTask(model.tokenizer, options), genderTask(model.tokenizer, options)];
  });

  test('⟨λ, δx⟩ is the same at all 31 cuts, for both tasks', async () => {
    for (const task of tasks) {
      const pairs = pairsOf(task.name, task.train);
      const result = await costateInvariant(network, pairs, random(0), run);
      console.log(
        `${task.name}: spread ${result.spread.toExponential(1)}, relative ${result.relativeSpread.toExponential(1)}, random tangent ${result.randomSpread.toExponential(1)}`,
      );
      expect(result.products).toHaveLength(31);
      expect(result.spread).toBeLessThanOrEqual(1e-5);
      expect(result.randomSpread).toBeLessThanOrEqual(1e-5);
      expect(result.relativeSpread).toBeLessThanOrEqual(1e-4);
    }
  });

  test('in the deeper half ten midpoints leave at most 0.5 % of Δm, and the published left rule more', async () => {
    const [task] = tasks as [Task];
    const pairs = pairsOf(task.name, task.train);
    const site = 'blocks.20.hook_resid_post';
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
      ['midpoint-10', 'left-10'],
      run,
    );
    expect(leaks['midpoint-10']).toBeLessThanOrEqual(0.005);
    expect(leaks['left-10']!).toBeGreaterThan(leaks['midpoint-10']!);
  });

  test('at an early cut the adaptive rule stays within 1 %, with as many points as that needs', async () => {
    const [task] = tasks as [Task];
    const pairs = pairsOf(task.name, task.train.slice(0, 3));
    const { rules } = await cutRules(
      network,
      'blocks.3.hook_resid_post',
      pairs,
      ['midpoint-10', 'adaptive-0.01'],
      run,
    );
    console.log(
      rules.map((r) => `${r.rule}: ${(100 * r.leak).toFixed(2)} % with ${r.points.mean} points`).join(', '),
    );
    expect(rules[1]!.leak).toBeLessThanOrEqual(0.01);
    expect(rules[1]!.points.most).toBeLessThan(243);
  });
});
