/** @file Budgets of any cut by any rule: what each loses, what the adaptive rule spends, and shares that close. */
import { describe, expect, test } from 'vitest';
import { nodeEffects } from '../../../src/circuits/node-effects.ts';
import { cutRules, summariseRules } from '../../../src/energy/depth/cut-rules.ts';
import type { CutRules } from '../../../src/energy/depth/types.ts';
import { run, tinySetting } from '../../circuits/support/tiny.ts';

const RULES = ['midpoint-10', 'attribution-patching', 'adaptive-0.01', 'midpoint-40'];

describe('the budget of a cut', () => {
  const { network, pairs, dictionaries } = tinySetting(5, 3);
  const leakOf = ({ rules }: CutRules, name: string) => rules.find((r) => r.rule === name)!.leak;

  test('needs no dictionary: every cut of the network has one', async () => {
    for (const [cut, site] of network.cuts.entries()) {
      const found = await cutRules(network, site, pairs, RULES, run);
      expect(found).toMatchObject({ cut, site, examples: pairs.examples });
      expect(found.rules.map((r) => r.rule)).toEqual(RULES);
      expect(found.rules.every((r) => r.features === undefined)).toBe(true);
      expect(leakOf(found, 'midpoint-40')).toBeLessThan(leakOf(found, 'attribution-patching'));
      // The tolerance is on the mean |change|, so that Σ|err| ≤ 1 % Σ|Δm|.
      expect(leakOf(found, 'adaptive-0.01')).toBeLessThanOrEqual(0.01);
      const adaptive = found.rules[2]!;
      expect(adaptive.points.mean).toBeLessThanOrEqual(adaptive.points.most);
      expect([3, 9, 27, 81, 243]).toContain(adaptive.points.most);
      expect(found.rules[0]!.points).toEqual({ mean: 10, most: 10 });
    }
  });

  test('with a dictionary its parts are those of the effects by the same rule, and close', async () => {
    const [dictionary] = dictionaries;
    const rules = ['midpoint-40', 'adaptive-0.01'];
    const found = await cutRules(network, dictionary!.site, pairs, rules, run, { dictionary: dictionary! });
    for (const { rule, features, errors } of found.rules) {
      const { effects } = await nodeEffects(network, [dictionary!], pairs, { method: rule }, run);
      const mean = (values: Float64Array) => values.reduce((sum, v) => sum + v, 0) / pairs.examples;
      expect(features).toBeCloseTo(-mean(effects[0]!.featureSums_B), 6);
      expect(errors).toBeCloseTo(-mean(effects[0]!.errorSums_B), 6);
      expect(Math.abs(features! + errors! - found.deltaM)).toBeLessThan(0.02);
      expect(Math.abs(features!)).toBeGreaterThan(1e-3);
    }
  });

  test('refuses rules and places that there are not', async () => {
    const [site] = network.cuts as [string];
    await expect(cutRules(network, site, pairs, ['adaptive-2'], run)).rejects.toMatchObject({
      code: 'circuit.unknown-rule',
    });
    await expect(cutRules(network, 'blocks.1.hook_mlp_out', pairs, RULES, run)).rejects.toMatchObject({
      code: 'energy.not-a-cut',
    });
    await expect(cutRules(network, 'nowhere', pairs, RULES, run)).rejects.toMatchObject({
      code: 'circuit.not-a-place',
    });
  });
});

test('the summary is the median, the worst and the worst of the deeper half', () => {
  const row = (cut: number, leak: number): CutRules => ({
    ...{ cut, site: `cut.${cut}`, deltaM: 1, examples: 1 },
    rules: [{ rule: 'midpoint-10', leak, points: { mean: 10, most: 10 } }],
  });
  const cuts = [row(0, 0.09), row(1, 0.05), row(2, 0.004), row(3, 0.001), row(4, 0.002)];
  expect(summariseRules(cuts, 4)).toEqual([
    {
      rule: 'midpoint-10',
      median: 0.004,
      worst: { cut: 0, leak: 0.09 },
      worstDeeper: { cut: 2, leak: 0.004 },
      points: 10,
    },
  ]);
});
