/** @file What the small functions under a circuit promise, with answers worked out by hand. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { joinRules, quadrature } from '../../src/autodiff/quadrature.ts';
import { areas, sizesBeyond } from '../../src/circuits/areas.ts';
import { faithfulness, meanOfRuns } from '../../src/circuits/scores.ts';
import {
  complement,
  ERROR,
  masksOf,
  type NodeRef,
  nodeId,
  randomCircuit,
  rankNodes,
} from '../../src/circuits/select.ts';
import { random } from '../../src/core/random.ts';

/** ∫₀¹ of a function by a rule. */
const integrate = (rule: string, f: (x: number) => number) => {
  const { points, weights } = quadrature(rule);
  return points.reduce((sum, x, j) => sum + weights[j]! * f(x), 0);
};

describe('quadrature', () => {
  test('the left rule has the points of the published code and errs by 1/2N on a line', () => {
    expect(quadrature('left-10').points).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]);
    expect(integrate('left-10', (x) => x)).toBeCloseTo(0.5 - 1 / 20, 12);
  });

  test('the midpoint rule is exact on lines and errs by 1/12N² on x²', () => {
    expect(integrate('midpoint-10', (x) => 3 - 2 * x)).toBeCloseTo(2, 12);
    expect(1 / 3 - integrate('midpoint-10', (x) => x * x)).toBeCloseTo(1 / 1200, 12);
  });

  test('attribution patching is the left rule with one point', () => {
    expect(integrate('attribution-patching', (x) => 5 + x)).toBe(integrate('left-1', (x) => 5 + x));
  });

  test('rules joined share their points and keep their weights', () => {
    const rules = ['left-10', 'midpoint-5', 'attribution-patching', 'midpoint-10'].map(quadrature);
    const { points, weights } = joinRules(rules);
    expect(points).toHaveLength(20); // midpoint-5 and attribution patching lie on left-10
    rules.forEach((rule, k) => {
      const joint = points.reduce((sum, x, j) => sum + weights[k]![j]! * Math.exp(x), 0);
      expect(joint).toBeCloseTo(integrate(rule.name, Math.exp), 12);
    });
  });

  test.each(['middle-10', 'left-0', 'midpoint', ''])('refuses "%s"', (name) => {
    expect(() => quadrature(name)).toThrow(expect.objectContaining({ code: 'circuit.unknown-rule' }));
  });
});

describe('scores', () => {
  test('faithfulness is 1 for the whole model, 0 for nothing, ½ in the middle', () => {
    const full = [3, 5, 4];
    const empty = [1, 1, 0];
    const half = full.map((m, b) => (m + empty[b]!) / 2);
    expect(faithfulness(full, empty, full, random(1))).toMatchObject({ value: 1, low: 1, high: 1, n: 3 });
    expect(faithfulness(empty, empty, full, random(1)).value).toBe(0);
    expect(faithfulness(half, empty, full, random(1)).value).toBeCloseTo(0.5, 12);
  });

  test('it is a ratio of means, not a mean of ratios', () => {
    // Example 0 has ratio 1, example 1 ratio 0 and nine times the weight.
    expect(faithfulness([1, 0], [0, 0], [1, 9], random(1)).value).toBeCloseTo(0.1, 12);
  });

  test('runs are averaged example by example', () => {
    expect(
      Array.from(
        meanOfRuns([
          [1, 2],
          [3, 6],
        ]),
      ),
    ).toEqual([2, 4]);
  });
});

describe('selection', () => {
  const effects = [
    {
      site: 'a',
      depth: 1,
      positions: 2,
      features: 3,
      features_TF: Float32Array.of(0, 0.5, 0, -2, 0, 0.25),
      errors_T: Float32Array.of(0, -1),
      featureSums_B: new Float64Array(1),
      errorSums_B: new Float64Array(1),
      change_B: new Float64Array(1),
      nodes_B: [],
    },
  ];

  test('nodes come by size of effect, errors among them, silent ones left out', () => {
    expect(rankNodes(effects).map(nodeId)).toEqual(['a:1:f0', 'a:1:err', 'a:0:f1', 'a:1:f2']);
  });

  test('masks keep the chosen nodes and the complement keeps the others', () => {
    const nodes = rankNodes(effects).slice(0, 2);
    const masks = masksOf(nodes, 'a', { positions: 2, features: 3 });
    expect(Array.from(masks.features_TF)).toEqual([0, 0, 0, 1, 0, 0]);
    expect(Array.from(masks.errors_T)).toEqual([0, 1]);
    expect(Array.from(complement(masks).features_TF)).toEqual([1, 1, 1, 0, 1, 1]);
    expect(Array.from(masksOf(nodes, 'b', { positions: 2, features: 3 }).features_TF)).toEqual([
      0, 0, 0, 0, 0, 0,
    ]);
  });

  test('a random circuit has the same number of nodes of each kind, all among the candidates, none twice', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 0, max: 5 }),
        (seed, f, e) => {
          const node = (feature: number, position: number): NodeRef => ({ site: 'a', position, feature });
          const candidates = [
            ...Array.from({ length: 30 }, (_, i) => node(i, 0)),
            ...Array.from({ length: 6 }, (_, t) => node(ERROR, t)),
          ];
          const circuit = [...candidates.slice(0, f), ...candidates.slice(30, 30 + e)];
          const drawn = randomCircuit(circuit, candidates, random(seed));
          const ids = drawn.map(nodeId);
          expect(new Set(ids).size).toBe(f + e);
          expect(drawn.filter((n) => n.feature === ERROR)).toHaveLength(e);
          expect(candidates.map(nodeId)).toEqual(expect.arrayContaining(ids));
        },
      ),
    );
  });
});

describe('areas under the curve', () => {
  const full = Float64Array.of(4, 4);
  const empty = Float64Array.of(0, 0);
  const at = (share: number, f: number) => ({ share, metric_B: Float64Array.of(4 * f, 4 * f) });

  test('a circuit that keeps its share of nodes and of behaviour alike has ½ and ½', () => {
    const { cpr, cmd } = areas([at(0.25, 0.25), at(0.5, 0.5)], empty, full, random(1));
    expect([cpr.value, cmd.value]).toEqual([0.5, 0.5]);
  });

  test('one that does it all at once with a tenth of the nodes, by trapezoids', () => {
    const { cpr, cmd } = areas([at(0.1, 1)], empty, full, random(1));
    expect(cpr.value).toBeCloseTo(0.95, 12);
    expect(cmd.value).toBeCloseTo(0.05, 12);
  });

  test('sizes for the areas alone lie beyond those of the curve', () => {
    expect(sizesBeyond([2, 100, 2000], 20_000)).toEqual([4000, 10_000]);
    expect(sizesBeyond([], 100)).toEqual([5, 10, 20, 50]);
  });

  test('doing more than the whole raises CPR and CMD alike: CMD is the honest one', () => {
    const { cpr, cmd } = areas([at(0.5, 2)], empty, full, random(1));
    expect(cpr.value).toBeCloseTo(0.5 * 1 + 0.5 * 1.5, 12);
    expect(cmd.value).toBeCloseTo(0.5 * 1 + 0.5 * 0.5, 12);
  });
});
