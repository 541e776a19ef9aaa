/** @file Energy flow in groups: it balances at every node and cut, its groups are sums, and its paths carry all of it. */
import { beforeAll, describe, expect, test } from 'vitest';
import { pathWork } from '../../../src/circuits/path-work.ts';
import { random } from '../../../src/core/random.ts';
import { energyFlow } from '../../../src/energy/depth/flow.ts';
import type { EnergyFlow } from '../../../src/energy/depth/types.ts';
import { randomDictionary } from '../../circuits/support/dictionaries.ts';
import { run, tinySetting } from '../../circuits/support/tiny.ts';

const RULE = 'midpoint-8';

describe('energy flow of a tiny Llama', () => {
  const { network, pairs, dictionaries } = tinySetting(5, 3);
  let flow: EnergyFlow;
  beforeAll(async () => {
    flow = await energyFlow(network, dictionaries, pairs, { rule: RULE, perCut: 4, paths: 400 }, run);
  });

  test('runs from tokens through two cuts to the answer', () => {
    expect(flow.cuts.map((cut) => cut.depth)).toEqual([0, 2, 3, 4]);
    expect(flow.cuts[0]!.nodes.map((node) => node.kind)).toEqual(['token', 'token']);
    for (const cut of flow.cuts.slice(1, 3)) {
      const kinds = cut.nodes.map((node) => node.kind);
      expect(kinds).toEqual(['feature', 'feature', 'feature', 'feature', 'other', 'errors']);
    }
    const nodes = new Set(flow.cuts.flatMap((cut) => cut.nodes.map((node) => node.id)));
    for (const { source, target } of flow.flows) expect(nodes.has(source) && nodes.has(target)).toBe(true);
  });

  test('what comes in at a node is its energy, and is what goes out', () => {
    const scale = Math.max(...flow.flows.map(({ energy }) => Math.abs(energy)));
    for (const { energy, inflow, outflow } of flow.cuts.flatMap((cut) => cut.nodes)) {
      for (const side of [inflow, outflow]) {
        if (side !== undefined) expect(Math.abs(side - energy) / scale).toBeLessThan(1e-5);
      }
    }
    expect(flow.imbalance).toBeLessThan(1e-5);
  });

  test('every cut carries Δm less one leak', () => {
    const carried = flow.cuts.map((cut) => cut.energy);
    for (const energy of carried) expect(Math.abs(energy - carried[0]!)).toBeLessThan(1e-5);
    expect(flow.leakSpread).toBeLessThan(1e-6);
    expect(Math.abs(carried[0]! - flow.deltaM)).toBeGreaterThan(1e-9);
  });

  test('a group is the sum of its nodes', async () => {
    const single = await pathWork(network, dictionaries, pairs, { rule: RULE }, run);
    for (const { site, features, features_TF, errors_T } of single.effects.slice(1)) {
      const cut = flow.cuts.find((c) => c.site === site)!;
      const shown = new Set(cut.nodes.flatMap((node) => node.feature ?? []));
      const sums = new Map<string, number>();
      features_TF.forEach((effect, i) => {
        const feature = i % features;
        const key = shown.has(feature) ? `${site}:f${feature}` : `${site}:other`;
        sums.set(key, (sums.get(key) ?? 0) - effect);
      });
      sums.set(`${site}:errors`, -errors_T.reduce((sum, e) => sum + e, 0));
      for (const { id, energy } of cut.nodes) expect(energy).toBeCloseTo(sums.get(id)!, 5);
      // Shown are the largest: none of the others is larger by itself.
      const least = Math.min(...[...shown].map((f) => Math.abs(sums.get(`${site}:f${f}`)!)));
      const all = new Float64Array(features);
      features_TF.forEach((effect, i) => {
        all[i % features]! += effect;
      });
      all.forEach((effect, i) => {
        if (!shown.has(i)) expect(Math.abs(effect)).toBeLessThanOrEqual(least + 1e-6);
      });
    }
    // An edge between groups is the sum of the edges between their nodes: into the answer from the last cut's errors.
    const last = single.edges.find((edge) => edge.to === 'metric')!;
    const errors = last.fromFeatures;
    let sum = 0;
    last.weight.forEach((w, j) => {
      if (last.source[j]! % (errors + 1) === errors) sum += w;
    });
    const link = flow.flows.find((f) => f.source === `${last.from}:errors` && f.target === 'output');
    expect(link!.energy).toBeCloseTo(sum, 5);
  });

  test('all paths together carry the whole flow, and each is the product of its fractions', () => {
    const arrives = flow.cuts.at(-1)!.energy;
    expect(flow.carrying.reduce((sum, path) => sum + path.carried, 0)).toBeCloseTo(arrives, 4);
    const energies = new Map(flow.cuts.flatMap((cut) => cut.nodes.map((node) => [node.id, node.energy])));
    for (const { nodes, value, carried } of flow.efficient.slice(0, 20)) {
      let product = 1;
      nodes.slice(1).forEach((target, j) => {
        const source = nodes[j]!;
        const link = flow.flows.find((f) => f.source === source && f.target === target)!;
        product *= link.energy / energies.get(source)!;
      });
      expect(value).toBeCloseTo(product, 8);
      expect(carried).toBeCloseTo(product * energies.get(nodes[0]!)!, 8);
    }
    const sizes = flow.efficient.map((path) => Math.abs(path.value));
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
  });
});

test('at what attention writes only a part passes, and the rest goes past it to the next cut', async () => {
  const { model, network, pairs, dictionaries } = tinySetting(5, 3);
  const part = randomDictionary(
    random(8),
    { site: 'blocks.1.hook_attn_out', width: 16, features: 24, k: 5 },
    model.hash,
  );
  const flow = await energyFlow(network, [part, dictionaries[0]!], pairs, { rule: RULE, perCut: 3 }, run);
  expect(flow.cuts.map((cut) => cut.complete)).toEqual([true, false, true, true]);
  const [tokens, passed, after] = flow.cuts;
  expect(after!.energy).toBeCloseTo(tokens!.energy, 4);
  expect(Math.abs(passed!.energy - tokens!.energy)).toBeGreaterThan(1e-3);
  const past = flow.flows.filter((f) => f.source.endsWith(':token') && f.target.startsWith(after!.site));
  expect(past.some((f) => Math.abs(f.energy) > 1e-3)).toBe(true);
  expect(flow.imbalance).toBeLessThan(1e-5);
});

test('features that are known already are the ones shown', async () => {
  const { network, pairs, dictionaries } = tinySetting(5, 3);
  const [first] = dictionaries;
  const chosen = new Map([[first!.site, [7, 3]]]);
  const flow = await energyFlow(network, [first!], pairs, { rule: RULE, chosen }, run);
  const ids = flow.cuts[1]!.nodes.map((node) => node.feature ?? node.kind);
  expect(new Set(ids)).toEqual(new Set([3, 7, 'other', 'errors']));
  expect(flow.imbalance).toBeLessThan(1e-5);
});

test('without a dictionary energy goes straight to the answer, position by position', async () => {
  const { network, pairs } = tinySetting(5, 3);
  const flow = await energyFlow(network, [], pairs, { rule: RULE }, run);
  expect(flow.cuts.map((cut) => cut.depth)).toEqual([0, 4]);
  expect(flow.flows.every((link) => link.target === 'output')).toBe(true);
  expect(flow.efficient.map((path) => path.value.toFixed(5))).toEqual(flow.efficient.map(() => '1.00000'));
});
