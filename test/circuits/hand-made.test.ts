/** @file Every node and edge effect of three hand-made nets against the analytic answer: parallel attention, errors, a gate. */
import { describe, expect, test } from 'vitest';
import { quadrature } from '../../src/autodiff/quadrature.ts';
import { openEdges } from '../../src/circuits/edge-effects.ts';
import type { PlacePoint } from '../../src/circuits/edge-types.ts';
import { type Moves, movesOf, type PlaceEffects } from '../../src/circuits/effects.ts';
import { nodeEffects } from '../../src/circuits/node-effects.ts';
import { pathWork } from '../../src/circuits/path-work.ts';
import { run } from './support/tiny.ts';
import * as oracle from './support/toy-oracle.ts';
import { type Toy, toys } from './support/toys.ts';

const BAR = 1e-5;

/** Mean over examples of what `f` finds in one. */
function mean(toy: Toy, f: (b: number) => Map<string, number>): Map<string, number> {
  const sums = new Map<string, number>();
  for (const b of toy.clean.keys()) {
    for (const [key, value] of f(b)) sums.set(key, (sums.get(key) ?? 0) + value / toy.clean.length);
  }
  return sums;
}

/** Node effects of the product as `${site}/${node}`. */
function nodesOf(effects: readonly PlaceEffects[]): Map<string, number> {
  const all = new Map<string, number>();
  for (const { site, positions, features, features_TF, errors_T } of effects) {
    for (let t = 0; t < positions; t++) {
      for (let f = 0; f < features; f++)
        all.set(`${site}/${t * (features + 1) + f}`, features_TF[t * features + f]!);
      all.set(`${site}/${t * (features + 1) + features}`, errors_T[t]!);
    }
  }
  return all;
}

/** Every number of either side is on the other, or 0 there. */
function expectSame(got: ReadonlyMap<string, number>, wanted: ReadonlyMap<string, number>, bar = BAR) {
  let worst = 0;
  for (const key of new Set([...got.keys(), ...wanted.keys()])) {
    worst = Math.max(worst, Math.abs((got.get(key) ?? 0) - (wanted.get(key) ?? 0)));
  }
  expect(worst).toBeLessThan(bar);
  expect([...wanted.values()].filter((v) => Math.abs(v) > 10 * bar).length).toBeGreaterThan(4);
}

describe.each(toys().map((toy) => [toy.name, toy] as const))('the net with %s', (_name, toy) => {
  const { network, pairs, dictionaries, sites } = toy;
  const changes = (site: string, b: number) => {
    const d = dictionaries.find((one) => one.site === site);
    const [clean, patch] = [toy.forward(toy.clean[b]!)[site]!, toy.forward(toy.patch[b]!)[site]!];
    const difference = clean.map((v, i) => patch[i]! - v);
    return oracle.moves(toy, site, difference, oracle.featureChanges(toy, d, clean, patch));
  };
  const coded = dictionaries.map((d) => d.site);

  test('attribution patching is the gradient at clean times the change', async () => {
    const { effects } = await nodeEffects(
      network,
      dictionaries,
      pairs,
      { method: 'attribution-patching' },
      run,
    );
    const wanted = mean(toy, (b) => {
      const lambda = oracle.costates(toy, toy.forward(toy.clean[b]!));
      return new Map(
        coded.flatMap((site) =>
          [...changes(site, b)].map(([node, move]) => [
            `${site}/${node}`,
            oracle.product(lambda[site]!, move),
          ]),
        ),
      );
    });
    expectSame(nodesOf(effects), wanted);
  });

  test.each(['left-4', 'midpoint-3', 'gauss-2'])(
    'integrated gradients by %s, one place at a time',
    async (method) => {
      const { points, weights } = quadrature(method);
      const { effects } = await nodeEffects(network, dictionaries, pairs, { method }, run);
      const wanted = mean(toy, (b) => {
        const found = new Map<string, number>();
        const [clean, patch] = [toy.forward(toy.clean[b]!), toy.forward(toy.patch[b]!)];
        for (const site of coded) {
          for (const [j, s] of points.entries()) {
            const x = clean[site]!.map((c, i) => c + s * (patch[site]![i]! - c));
            const lambda = oracle.costates(toy, toy.forward(toy.clean[b]!, { [site]: x }));
            for (const [node, move] of changes(site, b)) {
              const key = `${site}/${node}`;
              found.set(key, (found.get(key) ?? 0) + weights[j]! * oracle.product(lambda[site]!, move));
            }
          }
        }
        return found;
      });
      expectSame(nodesOf(effects), wanted);
    },
  );

  test('exact effects are what the metric does when the node alone is patched', async () => {
    const { effects } = await nodeEffects(network, dictionaries, pairs, { method: 'exact' }, run);
    const wanted = mean(toy, (b) => {
      const clean = toy.forward(toy.clean[b]!);
      return new Map(
        coded.flatMap((site) =>
          [...changes(site, b)].map(([node, move]) => {
            const x = clean[site]!.map((v, i) => v + move[i]!);
            return [
              `${site}/${node}`,
              toy.forward(toy.clean[b]!, { [site]: x }).metric![0]! - clean.metric![0]!,
            ];
          }),
        ),
      );
    });
    expectSame(nodesOf(effects), wanted);
  });

  test.each(['zero', 'mean'] as const)('the %s baseline', async (baseline) => {
    const options = { method: 'attribution-patching', baseline };
    const { effects } = await nodeEffects(network, dictionaries, pairs, options, run);
    const examples = [...toy.clean.keys()];
    const wanted = mean(toy, (b) => {
      const clean = toy.forward(toy.clean[b]!);
      const lambda = oracle.costates(toy, clean);
      const found = new Map<string, number>();
      for (const d of dictionaries) {
        const patches = examples.map((other) => toy.forward(toy.patch[other]!)[d.site]!);
        const x = clean[d.site]!.map((_, i) =>
          baseline === 'zero'
            ? d.b_dec_D[i % 2]!
            : patches.reduce((sum, p) => sum + p[i]! / examples.length, 0),
        );
        const change = (t: number) => {
          const moves = new Map<number, number>();
          const at = (row: readonly number[]) => toy.read(d, t, row.slice(2 * t, 2 * t + 2));
          if (baseline === 'mean') {
            for (const p of patches) {
              for (const [f, v] of at(p)) moves.set(f, (moves.get(f) ?? 0) + v / examples.length);
            }
          }
          for (const [f, v] of at(clean[d.site]!)) moves.set(f, (moves.get(f) ?? 0) - v);
          return moves;
        };
        const difference = clean[d.site]!.map((v, i) => x[i]! - v);
        for (const [node, move] of oracle.moves(toy, d.site, difference, change)) {
          found.set(`${d.site}/${node}`, oracle.product(lambda[d.site]!, move));
        }
      }
      return found;
    });
    expectSame(nodesOf(effects), wanted);
  });

  test('every edge is p ∂v/∂u Δu by the direct path, errors and features alike', async () => {
    const read = await nodeEffects(network, dictionaries, pairs, { method: 'attribution-patching' }, run);
    const places = network.places.map((place) => {
      const dictionary = dictionaries.find((d) => d.site === place.site);
      return { ...place, ...(dictionary ? { dictionary } : {}) };
    });
    const points = new Map<string, PlacePoint>();
    for (const { dictionary, clean, patch } of read.places) {
      points.set(dictionary.site, {
        x_BTD: clean.x_BTD,
        costate_BTD: read.costates[dictionary.site]!,
        moves: movesOf(clean, patch),
        state: clean,
      });
    }
    if (!points.has('embed')) {
      const moves: Moves = {
        features: [],
        x_BTD: toy.clean.flatMap((row, b) => row.map((v, i) => toy.patch[b]![i]! - v)),
      };
      points.set('embed', { x_BTD: toy.clean.flat(), costate_BTD: new Float32Array(12), moves });
    }
    const sum = openEdges(network, places, pairs, { method: 'published' }, run);
    await sum.add(points, { from: 0, to: 3 }, 1);
    const got = new Map(sum.totals().map((e) => [`${e.from}/${e.source}>${e.to}/${e.target}`, e.weight]));
    await sum.release();
    const wanted = mean(toy, (b) => {
      const at = toy.forward(toy.clean[b]!);
      return oracle.edges(toy, at, oracle.costates(toy, at), (site) => changes(site, b));
    });
    expectSame(got, wanted);
    if (toy.name === 'parallel attention') {
      expect([...got.keys()].some((key) => /^attn.*>mlp/.test(key))).toBe(false);
    }
    if (toy.name === 'error nodes') {
      // From an error node to a feature: attn's error at position 1 into feature 0 of mlp.
      const key = 'attn/7>mlp/4';
      expect(Math.abs(wanted.get(key) ?? 0)).toBeGreaterThan(1e-3);
      expect(got.get(key)).toBeCloseTo(wanted.get(key)!, 5);
    }
  });

  test('path work, node by node and edge by edge', async () => {
    const rule = 'midpoint-4';
    const { points, weights } = quadrature(rule);
    const { effects, edges, balance } = await pathWork(network, dictionaries, pairs, { rule }, run);
    const nodes = new Map<string, number>();
    const links = mean(toy, (b) => {
      const found = new Map<string, number>();
      for (const [j, s] of points.entries()) {
        const change = toy.clean[b]!.map((c, i) => toy.patch[b]![i]! - c);
        const at = toy.forward(toy.clean[b]!.map((c, i) => c + s * change[i]!));
        const lambda = oracle.costates(toy, at);
        const moved = oracle.tangents(toy, at, change);
        const movesAt = (site: string) => {
          const d = dictionaries.find((one) => one.site === site);
          return oracle.moves(
            toy,
            site,
            moved[site]!,
            oracle.featureTangents(toy, d, at[site]!, moved[site]!),
          );
        };
        for (const site of sites) {
          for (const [node, move] of movesAt(site)) {
            const key = `${site}/${node}`;
            const work = (weights[j]! * oracle.product(lambda[site]!, move)) / toy.clean.length;
            nodes.set(key, (nodes.get(key) ?? 0) + work);
          }
        }
        for (const [key, weight] of oracle.edges(toy, at, lambda, movesAt)) {
          found.set(key, (found.get(key) ?? 0) + weights[j]! * weight);
        }
      }
      return found;
    });
    expectSame(nodesOf(effects), nodes);
    const got = new Map<string, number>();
    for (const { from, to, source, target, weight } of edges) {
      for (const [j, w] of weight.entries()) got.set(`${from}/${source[j]}>${to}/${target[j]}`, w);
    }
    expectSame(got, links);
    expect(balance.inflow).toBeLessThan(1e-4);
    expect(balance.outflow).toBeLessThan(1e-4);
    expect(balance.leakSpread).toBeLessThan(1e-4);
  });
});

describe('in float64', () => {
  test.each(toys('float64').map((toy) => [toy.name, toy] as const))(
    'the flow of the net with %s balances to rounding, with any number of points, and only Δm needs more of them',
    async (_name, { network, dictionaries, pairs }) => {
      const leaks: number[] = [];
      for (const rule of ['midpoint-1', 'gauss-3', 'midpoint-200']) {
        const { balance } = await pathWork(network, dictionaries, pairs, { rule }, run);
        expect(balance.inflow).toBeLessThan(1e-10);
        expect(balance.outflow).toBeLessThan(1e-10);
        expect(balance.leakSpread).toBeLessThan(1e-10);
        leaks.push(balance.leak);
      }
      expect(leaks[2]).toBeLessThan(1e-3);
      expect(leaks[2]).toBeLessThan(leaks[0]!);
    },
  );
});
