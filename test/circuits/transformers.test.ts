/** @file Effects and edges on tiny transformers with sequential and parallel blocks: against real interventions, and balanced. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { freezeAttention, freezeNormalisation } from '../../src/autodiff/freeze.ts';
import { quadrature } from '../../src/autodiff/quadrature.ts';
import { adaptiveCostates } from '../../src/circuits/adaptive.ts';
import { findCircuit } from '../../src/circuits/circuit.ts';
import { cleanPoints, edgeEffects, wantedAbove } from '../../src/circuits/clean-edges.ts';
import { costatesAt } from '../../src/circuits/costates.ts';
import { dictionariesByDepth, type Network, networkOf } from '../../src/circuits/cuts.ts';
import { openEdges, sumEdgePositions } from '../../src/circuits/edge-effects.ts';
import { nodeIndex } from '../../src/circuits/effects.ts';
import { loadEffects, saveEffects } from '../../src/circuits/effects-file.ts';
import { encoderRow } from '../../src/circuits/encode-state.ts';
import { type Pairs, pickPairs, promptFeeds } from '../../src/circuits/examples.ts';
import { activeFeatures } from '../../src/circuits/feature-state.ts';
import { lineCostates } from '../../src/circuits/line.ts';
import { METRIC } from '../../src/circuits/metric.ts';
import { effectMethod, nodeEffects } from '../../src/circuits/node-effects.ts';
import { pathWork } from '../../src/circuits/path-work.ts';
import { silent } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { f64, type Tensor } from '../../src/core/tensor.ts';
import type { Dictionary } from '../../src/dictionaries/types.ts';
import { feedAt, only, read } from '../../src/graph/interventions.ts';
import { type TinyOptions, tinyLlama } from '../../src/models/tiny.ts';
import { randomDictionary } from './support/dictionaries.ts';
import { largestDifference, run } from './support/tiny.ts';

const families: Record<string, TinyOptions> = {
  sequential: { layers: 2, activation: 'relu', gated: false },
  parallel: {
    ...{ family: 'gpt_neox', layers: 2, parallel: true, norm: 'layer', ropeWidth: 2, kvHeads: 4 },
    ...{ activation: 'relu', gated: false, biases: ['qkv', 'out', 'mlp'] },
  },
};

interface Setting {
  readonly network: Network;
  readonly dictionaries: readonly Dictionary[];
  readonly pairs: Pairs;
}

/** A tiny model with dictionaries on what attention and MLP write and on the stream, at every layer and at the embedding. */
function setting(options: TinyOptions, examples = 3, positions = 4): Setting {
  const model = tinyLlama(5, options);
  const network = networkOf(model);
  const stream = random(9);
  const sites = network.places
    .map((p) => p.site)
    .filter((site) => /(attn_out|mlp_out|resid_post|^hook_embed)$/.test(site));
  const dictionaries = sites.map((site, i) =>
    randomDictionary(random(20 + i), { site, width: 16, features: 20, k: 5 }, model.hash),
  );
  const ids = () => Int32Array.from({ length: examples * positions }, () => stream.integer(256));
  const clean_BT = ids();
  const answer_B = Int32Array.from({ length: examples }, () => stream.integer(200));
  return {
    network,
    dictionaries: dictionariesByDepth(model, network, [...dictionaries].reverse()),
    pairs: {
      ...{ examples, positions, clean_BT, answer_B },
      patch_BT: clean_BT.map((id, i) => (i % positions === 0 ? id : (id + 1 + stream.integer(100)) % 256)),
      wrong_B: answer_B.map((id) => id + 7),
    },
  };
}

const AtP = { method: 'attribution-patching' };

describe.each(Object.entries(families))('a transformer with %s blocks', (kind, options) => {
  test('every edge is what a real intervention does with attention and norms frozen', async () => {
    const { network: whole, dictionaries, pairs: all } = setting({ ...options, dtype: 'float64' });
    const pairs = pickPairs(all, [1]);
    const graph = freezeAttention(freezeNormalisation(whole.graph));
    const network: Network = { ...whole, graph };
    const found = await nodeEffects(network, dictionaries, pairs, AtP, run);
    const linear = new Map(
      (await allEdges(network, found, pairs)).map((e) => [
        `${e.from}/${e.source}>${e.to}/${e.target}`,
        e.weight,
      ]),
    );

    // The same network with patterns and scales fed as they are in the clean run.
    const frozen = [...graph.frozen!].filter((name) => graph.nodes.some((n) => n.outputs.includes(name)));
    const sites = dictionaries.map((d) => d.site);
    const reading = await run.open(only(read(graph, [...frozen, ...sites]), [...frozen, ...sites]));
    const clean = await reading.run(promptFeeds(pairs, 'clean', [0]));
    await reading.release();
    const held = feedAt(graph, frozen);
    const repeat = ({ shape, data }: Tensor, rows: number) =>
      f64([rows, ...shape.slice(1)], Array.from({ length: rows }, () => [...(data as Float64Array)]).flat());
    const STEP = 1e-4;
    let compared = 0;
    let worst = 0;
    const size = Math.max(...[...linear.values()].map(Math.abs));
    for (const [v, target] of dictionaries.entries()) {
      if (v === 0) continue;
      const others = sites.slice(0, v);
      const segment = only(feedAt(held, others), [target.site]);
      const inputs = new Set(segment.inputs.map((i) => i.name));
      const session = await run.open(segment);
      const state = found.places[v]!.clean;
      const costate = found.costates[target.site]!;
      for (const source of others.filter((site) => inputs.has(site))) {
        const u = sites.indexOf(source);
        const nodes = unitMoves(dictionaries[u]!, found.places[u]!);
        const feeds: Record<string, Tensor> = {};
        for (const name of inputs) feeds[name] = repeat(clean[name]!, 2 * nodes.length);
        const up = feeds[source]!.data as Float64Array;
        // Every node up and down by a small step of its move.
        nodes.forEach(({ move_TD }, j) => {
          move_TD.forEach((move, i) => {
            up[2 * j * 64 + i]! += STEP * move;
            up[(2 * j + 1) * 64 + i]! -= STEP * move;
          });
        });
        const after = (await session.run(feeds))[target.site]!.data as Float64Array;
        nodes.forEach(({ node }, j) => {
          for (let t = 0; t < pairs.positions; t++) {
            const active = [...activeFeatures(state, 0, t).keys()];
            const row = (r: number) => after.subarray(r * 64 + t * 16, r * 64 + (t + 1) * 16);
            const change = row(2 * j).map((x, d) => (x - row(2 * j + 1)[d]!) / (2 * STEP));
            let rest = change.reduce((sum, x, d) => sum + x * costate[t * 16 + d]!, 0);
            const compare = (feature: number, passed: number) => {
              const key = `${source}/${node}>${target.site}/${nodeIndex(20, t, feature)}`;
              worst = Math.max(worst, Math.abs(-passed - (linear.get(key) ?? 0)) / size);
              if (passed !== 0) compared++;
            };
            for (const i of active) {
              const { row_D } = encoderRow(target, i);
              const p = row_D.reduce((s, _, d) => s + costate[t * 16 + d]! * target.W_dec_FD[i * 16 + d]!, 0);
              const moved = change.reduce((s, x, d) => s + x * row_D[d]!, 0);
              rest -= p * moved;
              compare(i, p * moved);
            }
            compare(-1, rest);
          }
        });
      }
      await session.release();
    }
    expect(compared).toBeGreaterThan(1000);
    expect(compared).toBe([...linear.keys()].filter((key) => !key.includes(METRIC)).length);
    expect(worst).toBeLessThan(1e-4);
  });

  test('what leaves a node through all edges is its effect, by gradients and by relevance', async () => {
    const { network, dictionaries, pairs } = setting(options);
    for (const method of ['attribution-patching', 'relp']) {
      const found = await nodeEffects(network, dictionaries, pairs, { method }, run);
      const edges = await edgeEffects(network, found, pairs, {}, run);
      for (const { site, features, positions, features_TF, errors_T } of found.effects) {
        const out = new Float64Array(positions * (features + 1));
        for (const e of edges.filter((one) => one.from === site)) {
          for (const [j, w] of e.weight.entries()) out[e.source[j]!]! += w;
        }
        const effects = Float64Array.from(out, (_, node) => {
          const [t, f] = [Math.floor(node / (features + 1)), node % (features + 1)];
          return -(f === features ? errors_T[t]! : features_TF[t * features + f]!);
        });
        const scale = Math.max(...effects.map(Math.abs));
        expect(largestDifference(out, effects)).toBeLessThan(1e-4 * Math.max(scale, 1));
        expect(scale).toBeGreaterThan(1e-3);
      }
    }
  });

  test('attention feeds the MLP of its block only where blocks are sequential', async () => {
    const { network, dictionaries, pairs } = setting(options);
    const found = await nodeEffects(network, dictionaries, pairs, AtP, run);
    const edges = await edgeEffects(network, found, pairs, {}, run);
    const kinds = new Set(edges.map((e) => `${e.from} > ${e.to}`));
    expect(kinds.has('blocks.1.hook_attn_out > blocks.1.hook_mlp_out')).toBe(kind === 'sequential');
    for (const pair of [
      'hook_embed > blocks.0.hook_attn_out',
      'hook_embed > blocks.0.hook_mlp_out',
      'hook_embed > blocks.0.hook_resid_post',
      'blocks.0.hook_resid_post > blocks.1.hook_attn_out',
      'blocks.0.hook_resid_post > blocks.1.hook_mlp_out',
      'blocks.0.hook_resid_post > blocks.1.hook_resid_post',
      'blocks.1.hook_attn_out > blocks.1.hook_resid_post',
      'blocks.1.hook_mlp_out > blocks.1.hook_resid_post',
      'blocks.1.hook_resid_post > metric',
    ]) {
      expect(kinds).toContain(pair);
    }
    expect([...kinds].some((k) => k.startsWith('blocks.0.hook_attn_out > blocks.1'))).toBe(false);
  });

  test('path work balances at every node, and all cuts miss Δm by the same', async () => {
    const { network, dictionaries, pairs } = setting(options);
    const { balance } = await pathWork(network, dictionaries, pairs, { rule: 'midpoint-2' }, run);
    expect(balance.leakSpread).toBeLessThan(1e-4);
    const f64s = setting({ ...options, dtype: 'float64' }, 2);
    const exactly = await pathWork(f64s.network, f64s.dictionaries, f64s.pairs, { rule: 'gauss-2' }, run);
    expect(exactly.balance.inflow).toBeLessThan(1e-10);
    expect(exactly.balance.outflow).toBeLessThan(1e-10);
    expect(exactly.balance.leakSpread).toBeLessThan(1e-10);
  });

  test('edges between features with their positions taken together are the sums of those between each position', async () => {
    const { network, dictionaries, pairs } = setting({ ...options, dtype: 'float64' }, 2);
    const rule = 'midpoint-1';
    const each = await pathWork(network, dictionaries, pairs, { rule }, run);
    const nodes = new Map(dictionaries.map((d) => [d.site, d.features + 1]));
    const group = (site: string, node: number) => node % (nodes.get(site) ?? 1);
    const sums = await pathWork(network, dictionaries, pairs, { rule, group }, run);
    expect(sums.balance.inflow).toBeLessThan(1e-10);
    expect(sums.balance.outflow).toBeLessThan(1e-10);
    const collapsed = (all: typeof each.edges) =>
      all.map(sumEdgePositions).map(({ from, to, source, target, weight }) => ({
        ends: `${from} > ${to}`,
        weights: [...weight]
          .map((w, j) => [source[j]!, target[j]!, w] as const)
          .sort((a, b) => a[0] - b[0] || a[1] - b[1]),
      }));
    const [wanted, found] = [collapsed(each.edges), collapsed(sums.edges)];
    expect(found.map((e) => e.ends)).toEqual(wanted.map((e) => e.ends));
    for (const [i, { weights }] of wanted.entries()) {
      expect(found[i]!.weights.map(([u, v]) => [u, v])).toEqual(weights.map(([u, v]) => [u, v]));
      expect(
        largestDifference(
          found[i]!.weights.map(([, , w]) => w),
          weights.map(([, , w]) => w),
        ),
      ).toBeLessThan(1e-5);
    }
    expect(wanted.some(({ weights }) => weights.some(([, , w]) => Math.abs(w) > 1e-3))).toBe(true);
  });
});

test('a circuit is found with dictionaries on attention and MLP alone, and runs from the last cut before them', async () => {
  const model = tinyLlama(5, families.parallel);
  const sites = ['blocks.1.hook_attn_out', 'blocks.1.hook_mlp_out'];
  const dictionaries = sites.map((site, i) =>
    randomDictionary(random(30 + i), { site, width: 16, features: 20, k: 5 }, model.hash),
  );
  const chance = random(4);
  const example = () => {
    const clean = [7, ...Array.from({ length: 3 }, () => chance.integer(256))];
    const answer = chance.integer(200);
    const patch = clean.map((id, t) => (t === 0 ? id : (id + 1 + chance.integer(99)) % 256));
    return { clean, patch, answer, wrong: answer + 5, cleanText: '', patchText: '', labels: {} };
  };
  const examples = (count: number) => Array.from({ length: count }, example);
  const folder = await mkdtemp(join(tmpdir(), 'effects-'));
  try {
    const result = await findCircuit(
      {
        ...{ model, dictionaries, folder, threads: 1, seed: 1 },
        task: {
          ...{ name: 'tiny', title: 'tiny', question: '', metric: 'logit-difference' as const },
          ...{ positions: ['a', 'b', 'c', 'd'], train: examples(6), heldOut: examples(4) },
        },
        options: { sizes: [10, 10_000], maxNodes: 10_000, randomDraws: 1, rule: 'adaptive-0.05' },
      },
      { progress: silent },
    );
    // Every node that was seen is kept: on the examples it was seen in, nothing is lost.
    const seen = result.variants.find((v) => v.name === 'train-examples')!;
    expect(seen.faithfulness.value).toBeCloseTo(1, 2);
    // The residual stream itself is no node here, so that tokens reach the answer past these.
    const sources = (target: string) =>
      new Set(result.edges.filter((e) => e.target === target).map((e) => e.source.split(':')[0]));
    expect(sources('output')).toEqual(new Set(['0', ...sites]));
    expect(result.nodes.filter((n) => n.site === sites[0]).every((n) => n.cut === 1.25)).toBe(true);
  } finally {
    await rm(folder, { recursive: true });
  }
});

describe('methods', () => {
  const { network, dictionaries, pairs } = setting({ layers: 3 }, 5);
  const mlp = dictionaries.filter((d) => d.site.endsWith('mlp_out'));

  test('relevance of the state adds up to the metric at every cut of a network without biases', async () => {
    const found = await nodeEffects(network, dictionaries, pairs, { method: 'relp' }, run);
    const relevance = await costatesAt(network, [...network.cuts], pairs, run, 'relp');
    for (const site of network.cuts) {
      const x = found.clean.states[site]!;
      const size = x.length / pairs.examples;
      for (let b = 0; b < pairs.examples; b++) {
        let sum = 0;
        for (let i = b * size; i < (b + 1) * size; i++) sum += x[i]! * relevance[site]![i]!;
        expect(sum).toBeCloseTo(found.clean.metric_B[b]!, 3);
      }
    }
  });

  test('at an MLP alone, effects along a fine line add up to what patching the whole place does', async () => {
    for (const method of ['midpoint-81', 'gauss-8', 'adaptive-0.01']) {
      const { effects } = await nodeEffects(network, mlp, pairs, { method }, run);
      for (const e of effects) {
        const scale = e.change_B.reduce((sum, c) => sum + Math.abs(c), 0);
        let missed = 0;
        e.change_B.forEach((change, b) => {
          missed += Math.abs(e.featureSums_B[b]! + e.errorSums_B[b]! - change);
        });
        expect(scale).toBeGreaterThan(0.01);
        expect(missed / scale).toBeLessThan(0.01);
      }
    }
  });

  test('with the whole place patched no features are left out: exact effects of one-node places are the change', async () => {
    const { effects } = await nodeEffects(network, mlp, pairs, { method: 'exact' }, run);
    for (const e of effects) {
      // Position 0 does not differ; every other position has features and an error.
      expect(e.nodes_B.every(({ nodes }) => nodes.every((node) => node >= 21))).toBe(true);
      expect(e.features_TF.some((v) => v !== 0)).toBe(true);
    }
  });

  test('the adaptive rule stops where each example is fine, with the numbers of the midpoint rule there', async () => {
    const site = network.cuts[0]!;
    const found = await nodeEffects(network, [dictionaries[0]!], pairs, AtP, run);
    const { clean, patch } = found.places[0]!;
    const change = found.effects[0]!.change_B;
    const line = [network, site, pairs, clean.x_BTD, patch.x_BTD] as const;
    const { costate_BTD, points_B } = await adaptiveCostates(...line, change, 0.02, run);
    expect(new Set(points_B).size).toBeGreaterThan(0);
    const size = costate_BTD.length / pairs.examples;
    for (const count of new Set(points_B)) {
      const [plain] = await lineCostates(...line, [quadrature(`midpoint-${count}`)], run);
      points_B.forEach((points, b) => {
        if (points !== count) return;
        const part = (x: Float32Array) => x.subarray(b * size, (b + 1) * size);
        expect(largestDifference(part(costate_BTD), part(plain!))).toBeLessThan(1e-4);
      });
    }
  });

  test('a prompt longer than a run goes block by block, to the same numbers', async () => {
    const long = setting({ layers: 3 }, 2, 24);
    const tight = { ...run, tokensPerRun: 8, threads: 1 };
    const wide = { ...run, tokensPerRun: 1000 };
    const sites = long.dictionaries.map((d) => d.site);
    for (const rules of ['gradient', 'relp'] as const) {
      const a = await costatesAt(long.network, sites, long.pairs, tight, rules);
      const b = await costatesAt(long.network, sites, long.pairs, wide, rules);
      for (const site of sites) {
        const scale = Math.max(...b[site]!.map(Math.abs));
        expect(largestDifference(a[site]!, b[site]!)).toBeLessThan(1e-4 * scale);
      }
    }
    const cut = long.dictionaries.filter((d) => d.site.endsWith('resid_post')).slice(0, 1);
    const [a, b] = await Promise.all(
      [tight, wide].map((options) =>
        nodeEffects(long.network, cut, long.pairs, { method: 'gauss-3' }, options),
      ),
    );
    expect(largestDifference(a!.effects[0]!.features_TF, b!.effects[0]!.features_TF)).toBeLessThan(1e-4);
  });

  test('all effects are saved and read again; edges into chosen nodes are those of all edges', async () => {
    const found = await nodeEffects(network, mlp, pairs, AtP, run);
    const threshold = 0.02;
    const wanted = wantedAbove(found.effects, threshold);
    const all = await edgeEffects(network, found, pairs, {}, run);
    const some = await edgeEffects(network, found, pairs, { wanted }, run);
    const count = (edges: typeof all) => edges.reduce((sum, e) => sum + e.weight.length, 0);
    expect(count(some)).toBeGreaterThan(0);
    expect(count(some)).toBeLessThan(count(all));
    const [summed] = all.map(sumEdgePositions);
    expect(summed!.weight.reduce((s, w) => s + w, 0)).toBeCloseTo(
      all[0]!.weight.reduce((s, w) => s + w, 0),
      4,
    );
    expect(Math.max(...summed!.source)).toBeLessThan(21);

    const folder = await mkdtemp(join(tmpdir(), 'effects-'));
    try {
      const file = {
        ...{ task: 'tiny', rule: 'attribution-patching', edges: all },
        deltaM_B: found.clean.metric_B.map((m, b) => m - found.patch.metric_B[b]!),
        places: found.effects.map((effects) => ({
          ...{ effects, attributionPatching: effects },
          clean_TF: new Float32Array(4 * 20),
          patch_TF: new Float32Array(4 * 20),
        })),
      };
      await saveEffects(folder, file);
      expect(await loadEffects(folder)).toEqual(file);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('what effects refuse', () => {
  const { network, dictionaries, pairs } = setting({ layers: 2 });
  const [first] = dictionaries as [Dictionary];
  const model = { name: 'tiny', hash: first.modelHash };

  test.each([
    ['a place that is none', { ...first, site: 'blocks.0.hook_q' }, 'circuit.not-a-place', 'blocks.0.hook_q'],
    ['a dictionary for another width', { ...first, width: 8 }, 'circuit.width', first.site],
    ['a dictionary of another model', { ...first, modelHash: 'x' }, 'circuit.other-model', first.site],
    [
      'a transcoder, also between places of one width',
      { ...first, output: { site: 'blocks.1.hook_mlp_out', width: first.width } },
      'dictionary.not-in-place',
      first.site,
    ],
  ])('%s', (_what, dictionary, code, where) => {
    expect(() => dictionariesByDepth(model, network, [dictionary])).toThrow(
      expect.objectContaining({ code, where }),
    );
  });

  test('two dictionaries at one place', () => {
    expect(() => dictionariesByDepth(model, network, [first, first])).toThrow(
      expect.objectContaining({ code: 'circuit.one-place' }),
    );
  });

  test.each(['adaptive-2', 'adaptive-', 'gauss-0', 'best'])('the method "%s"', (name) => {
    expect(() => effectMethod(name)).toThrow(expect.objectContaining({ code: 'circuit.unknown-rule' }));
  });

  test('edges through matching pursuit, whose nodes it measures all the same', async () => {
    const pursuit: Dictionary = {
      ...first,
      architecture: 'matching-pursuit',
      activation: { kind: 'pursuit', k: 3 },
      site: 'blocks.0.hook_resid_post',
    };
    const found = await nodeEffects(network, [pursuit], pairs, AtP, run);
    expect(found.effects[0]!.features_TF.some((v) => v !== 0)).toBe(true);
    await expect(edgeEffects(network, found, pairs, {}, run)).rejects.toMatchObject({
      code: 'circuit.no-derivative',
    });
  });
});

type Found = Awaited<ReturnType<typeof nodeEffects>>;

/** All edges at the clean run one by one, in full precision. */
async function allEdges(network: Network, found: Found, pairs: Pairs) {
  const places = found.places.map(({ dictionary, clean, patch }) => ({
    ...{ dictionary, clean, patch },
    costate_BTD: found.costates[dictionary.site]!,
  }));
  const nodes = places.map(({ dictionary }) => ({
    ...network.places.find((p) => p.site === dictionary.site)!,
    dictionary,
  }));
  const x = new Float32Array(0);
  const at = cleanPoints({ site: 'none', clean_BTD: x, patch_BTD: x }, places, pairs.examples);
  const sum = openEdges(network, nodes, pairs, { method: 'published' }, run);
  await sum.add(at, { from: 0, to: pairs.examples }, 1);
  await sum.release();
  return sum.totals();
}

/** What every node of a place adds to [T, D] when it goes from clean to patched (one example). */
function unitMoves(dictionary: Dictionary, { clean, patch }: Found['places'][number]) {
  const all: { node: number; move_TD: Float64Array }[] = [];
  for (let t = 0; t < clean.positions; t++) {
    const rest = new Float64Array(clean.positions * 16);
    for (let d = t * 16; d < (t + 1) * 16; d++) rest[d] = patch.x_BTD[d]! - clean.x_BTD[d]!;
    const changes = activeFeatures(patch, 0, t);
    for (const [i, v] of activeFeatures(clean, 0, t)) changes.set(i, (changes.get(i) ?? 0) - v);
    for (const [i, change] of changes) {
      const move_TD = new Float64Array(rest.length);
      for (let d = 0; d < 16; d++) move_TD[t * 16 + d] = change * dictionary.W_dec_FD[i * 16 + d]!;
      move_TD.forEach((v, d) => {
        rest[d]! -= v;
      });
      all.push({ node: nodeIndex(20, t, i), move_TD });
    }
    all.push({ node: nodeIndex(20, t, -1), move_TD: rest });
  }
  return all;
}
