/** @file Comparing circuits: counted by hand, symmetric, and against the hypergeometric chance of sharing nodes. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  alignmentOf,
  type ComparedCircuit,
  compareCircuits,
  comparedCircuit,
} from '../../src/circuits/compare.ts';
import type { PlaceEffects } from '../../src/circuits/effects.ts';
import type { EffectsFile } from '../../src/circuits/effects-file.ts';
import type { CircuitResult } from '../../src/circuits/types.ts';
import { random } from '../../src/core/random.ts';
import { comparisonPicture } from '../../src/pictures/comparison.ts';

const circuit = (name: string, shares: Record<string, number>, candidates?: number): ComparedCircuit => ({
  name,
  nodes: Object.entries(shares).map(([key, share]) => ({ key, share, kind: 'feature' })),
  ...(candidates === undefined
    ? {}
    : {
        candidates: Array.from({ length: candidates }, (_, i) => ({
          key: `n${i}`,
          share: 0,
          kind: 'feature' as const,
        })),
      }),
});
const options = { align: 'position', random: random(1) } as const;

describe('two circuits', () => {
  const a = circuit('A', { x: 0.5, y: 0.2, z: -0.1 });
  const b = circuit('B', { x: 0.1, w: 0.3 });

  test('by hand', () => {
    const compared = compareCircuits(a, b, options);
    expect(compared).toMatchObject({ shared: ['x'], onlyA: ['y', 'z'], onlyB: ['w'], jaccard: 0.25 });
    expect(compared.movers.map((m) => m.key)).toEqual(['x', 'w', 'y', 'z']);
    expect(compared.movers[0]!.change).toBeCloseTo(-0.4, 12);
    expect(compared.random).toBeUndefined();
  });

  test('a circuit and itself share everything and nothing moves', () => {
    const compared = compareCircuits(a, a, options);
    expect(compared.jaccard).toBe(1);
    expect(compared.rankCorrelation.value).toBeCloseTo(1, 12);
    expect(compared.movers.every((m) => m.change === 0)).toBe(true);
  });

  test('effects of nodes that a circuit leaves out are known where its candidates are', () => {
    const known = { ...b, candidates: [...b.nodes, { key: 'y', share: 0.19, kind: 'feature' as const }] };
    const y = compareCircuits(a, known, options).movers.find((m) => m.key === 'y')!;
    expect(y.change).toBeCloseTo(-0.01, 12);
  });

  test('exchanged, changes turn their signs and nothing else moves', () => {
    const shares = fc.dictionary(
      fc.constantFrom(...Array.from({ length: 12 }, (_, i) => `n${i}`)),
      fc.double({ min: -1, max: 1, noNaN: true }),
      { minKeys: 1 },
    );
    fc.assert(
      fc.property(shares, shares, (left, right) => {
        const [x, y] = [circuit('A', left, 12), circuit('B', right, 12)];
        const [there, back] = [compareCircuits(x, y, options), compareCircuits(y, x, options)];
        expect(back.jaccard).toBe(there.jaccard);
        expect(back.shared).toEqual(there.shared);
        expect(back.onlyA).toEqual(there.onlyB);
        expect(back.random).toEqual(there.random);
        expect(back.movers.map((m) => [m.key, -m.change || 0])).toEqual(
          there.movers.map((m) => [m.key, m.change || 0]),
        );
        const [r, s] = [there.rankCorrelation.value, back.rankCorrelation.value];
        if (Number.isNaN(r)) expect(s).toBeNaN();
        else expect(s).toBeCloseTo(r, 9);
      }),
      { numRuns: 25 },
    );
  });

  test('the chance of sharing nodes is what counting says', () => {
    // Two draws of 3 of 10 share a mean of 0.9 nodes; the mean Jaccard index by the hypergeometric distribution.
    const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n - 1, k - 1) * n) / k);
    const expected = [0, 1, 2, 3].reduce(
      (sum, k) => sum + ((choose(3, k) * choose(7, 3 - k)) / choose(10, 3)) * (k / (6 - k)),
      0,
    );
    const [x, y] = [circuit('A', { n0: 1, n1: 1, n2: 1 }, 10), circuit('B', { n3: 1, n4: 1, n5: 1 }, 10)];
    expect(compareCircuits(x, y, options).random!.value).toBeCloseTo(expected, 1);
  });

  test('as a picture: one mark a node, the words of both sides', () => {
    const svg = comparisonPicture(compareCircuits(a, b, options), { width: 480, height: 420 });
    expect(svg.match(/<title>/g)).toHaveLength(4);
    expect(svg).toContain('only A');
    expect(svg).toContain('x: 50.0 % in A, 10.0 % in B');
  });
});

describe('found circuits', () => {
  const estimate = (value: number) => ({ value, low: value, high: value, n: 1 });
  const result = (labels: string[], sites: string[]): CircuitResult =>
    ({
      title: 'T',
      sites,
      positions: { labels, exampleTokens: labels },
      metric: { clean: estimate(3), patch: estimate(-1) },
      nodes: [
        { id: 't', kind: 'token', cut: 0, position: 0, effect: -4, attributionPatching: 0 },
        {
          id: '1',
          kind: 'feature',
          site: 's',
          cut: 1,
          position: 0,
          feature: 7,
          effect: -2,
          attributionPatching: 0,
        },
        {
          id: '2',
          kind: 'feature',
          site: 's',
          cut: 1,
          position: 1,
          feature: 7,
          effect: 1,
          attributionPatching: 0,
        },
        { id: '3', kind: 'error', site: 's', cut: 1, position: 1, effect: -1, attributionPatching: 0 },
      ],
    }) as unknown as CircuitResult;

  test('shares are of Δm, and nodes that fall together add up', () => {
    const one = result(['a', 'b'], ['s']);
    expect(comparedCircuit(one, 'position').nodes.map((n) => [n.key, n.share])).toEqual([
      ['s:0:f7', 0.5],
      ['s:1:f7', -0.25],
      ['s:1:err', 0.25],
    ]);
    expect(comparedCircuit(one, 'feature').nodes.map((n) => [n.key, n.share])).toEqual([
      ['s:f7', 0.25],
      ['s:err', 0.25],
    ]);
    expect(comparedCircuit(one, 'place').nodes.map((n) => [n.key, n.share])).toEqual([['s', 0.5]]);
  });

  test('with all effects beside it, nodes that the circuit leaves out are candidates of chance', () => {
    const effects = {
      ...{ site: 's', depth: 1, positions: 2, features: 8 },
      features_TF: Float32Array.from({ length: 16 }, (_, i) =>
        i === 7 ? -2 : i === 15 ? 1 : i === 3 ? 0.4 : 0,
      ),
      errors_T: Float32Array.of(0, -1),
    } as unknown as PlaceEffects;
    const places = [{ effects }] as unknown as EffectsFile['places'];
    const { candidates } = comparedCircuit(result(['a', 'b'], ['s']), 'position', { places });
    expect(candidates!.map((n) => [n.key, n.kind, Math.round(100 * n.share)])).toEqual([
      ['s:0:f7', 'feature', 50],
      ['s:1:err', 'error', 25],
      ['s:1:f7', 'feature', -25],
      ['s:0:f3', 'feature', -10],
    ]);
  });

  test('are aligned as finely as they allow', () => {
    expect(alignmentOf(result(['a', 'b'], ['s']), result(['a', 'b'], ['s', 't']))).toBe('position');
    expect(alignmentOf(result(['a', 'b'], ['s']), result(['a'], ['s']))).toBe('feature');
    expect(alignmentOf(result(['a', 'b'], ['s']), result(['a', 'b'], ['u']))).toBe('place');
  });
});
