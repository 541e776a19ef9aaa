/** @file The ways to find a circuit: by flow, positions added up, other baselines; neurons and areas beside it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CircuitOptions, findCircuit } from '../../src/circuits/circuit.ts';
import { loadEffects } from '../../src/circuits/effects-file.ts';
import { pairsOf } from '../../src/circuits/examples.ts';
import { balance, type Flow } from '../../src/circuits/flow/network.ts';
import { carriedBy } from '../../src/circuits/flow/of-circuit.ts';
import { rankByFlow } from '../../src/circuits/flow-circuit.ts';
import { rankNodes } from '../../src/circuits/select.ts';
import { silent } from '../../src/core/progress.ts';
import { run, tinySetting } from './support/tiny.ts';

const setting = tinySetting();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'circuit-'));
});
afterAll(() => rm(folder, { recursive: true }));

const find = (options: Partial<CircuitOptions>) =>
  findCircuit(
    {
      ...{ model: setting.model, task: setting.task, dictionaries: setting.dictionaries, folder },
      ...{ threads: 1, seed: 3 },
      options: {
        sizes: [5, 20, 10_000],
        maxNodes: 20,
        edgeExamples: 4,
        randomDraws: 1,
        neurons: false,
        ...options,
      },
    },
    { progress: silent },
  );

describe('by flow', () => {
  test('all nodes of a small network: inflow, work and outflow are one number, and nodes come by their best path', async () => {
    const { network, dictionaries, task } = setting;
    const few = pairsOf(task.name, task.train.slice(0, 3));
    const ranking = await rankByFlow(
      network,
      dictionaries,
      few,
      { rule: 'midpoint-4', candidates: 1e6 },
      run,
    );
    expect(ranking.balance.inflow).toBeLessThan(1e-4);
    const books = balance(ranking.flow);
    // Edges are kept in float32; works of tokens and answer are what goes out and comes in.
    expect(books.imbalance).toBeLessThan(1e-4);
    expect(books.sources).toBeCloseTo(books.sinks, 4);
    const wide: Flow = { ...ranking.flow, edges: ranking.flow.edges.slice(1) };
    expect(balance(wide).imbalance).toBeGreaterThan(1e-6);
  });

  test('a circuit hangs together: every node has an edge in and one out', async () => {
    const found = await find({ select: 'flow', flow: { examples: 3, rule: 'midpoint-4', candidates: 60 } });
    expect(found.method).toMatchObject({ select: 'flow', rule: 'midpoint-10' });
    expect(found.balance!.inflow).toBeLessThan(1e-4);
    const nodes = found.nodes.filter((n) => n.kind === 'feature' || n.kind === 'error');
    expect(nodes).toHaveLength(20);
    const [sources, targets] = [
      new Set(found.edges.map((e) => e.source)),
      new Set(found.edges.map((e) => e.target)),
    ];
    for (const { id } of nodes) expect([id, sources.has(id), targets.has(id)]).toEqual([id, true, true]);
    // A random network pushes either way; the other way nothing can be asked for.
    const { share, half } = found.flow!;
    expect(Number.isFinite(share)).toBe(true);
    const turned = carriedBy({
      ...found,
      nodes: found.nodes.map((n) => (n.kind === 'output' ? { ...n, effect: -n.effect } : n)),
    });
    expect(turned.share).toBeCloseTo(-share, 9);
    const positive = share > 0 ? half : turned.half;
    expect(positive).toBeGreaterThan(0);
    expect(positive).toBeLessThanOrEqual(20);
    expect(share > 0 ? turned.half : half).toBe(0);
  });
});

describe('effects', () => {
  test('with positions added up, all positions of a feature come together', async () => {
    await find({ rule: 'attribution-patching' });
    const effects = (await loadEffects(folder)).places.map((p) => p.effects);
    const ranked = rankNodes(effects, 'sum');
    const seen = new Set<string>();
    let last = '';
    for (const { site, feature } of ranked) {
      const key = `${site}:${feature}`;
      if (key !== last) expect(seen.has(key)).toBe(false);
      seen.add(key);
      last = key;
    }
    const sum = (key: string) =>
      Math.abs(ranked.reduce((s, n) => s + (`${n.site}:${n.feature}` === key ? n.effect : 0), 0));
    const order = [...seen].map(sum);
    for (let i = 1; i < order.length; i++) expect(order[i]!).toBeLessThanOrEqual(order[i - 1]! + 1e-9);
    expect(new Set(ranked.map((n) => `${n.site}:${n.position}:${n.feature}`)).size).toBe(
      rankNodes(effects).length,
    );
  });

  test('against zero, a feature that is off in the clean run has no effect', async () => {
    const found = await find({ baseline: 'zero', rule: 'midpoint-3' });
    for (const node of found.nodes) if (node.activationClean === 0) expect(node.effect).toBe(0);
    const pair = await find({ rule: 'midpoint-3' });
    expect(pair.nodes.map((n) => n.id)).not.toEqual(found.nodes.map((n) => n.id));
  });
});

test('neurons, areas and the share of error nodes stand beside the circuit', async () => {
  const found = await find({ neurons: true });
  expect(found.neurons!.length).toBeGreaterThan(0);
  // With every coordinate of every place kept but position 0, which all prompts share, the network does what it did.
  expect(found.neurons!.at(-1)!.faithfulness.value).toBeCloseTo(1, 3);
  for (const name of ['circuit', 'random', 'neurons'] as const) {
    const { cpr, cmd } = found.areas![name]!;
    expect(cmd.value).toBeGreaterThanOrEqual(Math.abs(1 - cpr.value) - 1e-9);
  }
  const listed = found.nodes.filter((n) => n.kind === 'error');
  expect(found.errors).toMatchObject({ nodes: listed.length, nodeShare: listed.length / 20 });
  expect(found.errors!.effectShare).toBeGreaterThan(0);
  const kept = found.variants.find((v) => v.name === 'errors-kept')!;
  expect(kept.nodes).toBeGreaterThan(20 - listed.length);
});
