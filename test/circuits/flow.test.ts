/** @file Flow: books of hand-made graphs, conservation by property, paths and smallest circuits against every one tried. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { carriedShare, smallestCircuit } from '../../src/circuits/flow/carrying.ts';
import { balance, type Flow, type FlowEdge, type FlowNode } from '../../src/circuits/flow/network.ts';
import { efficientPaths, rankByPaths } from '../../src/circuits/flow/paths.ts';
import { random } from '../../src/core/random.ts';

/** a gives 6 to the answer: 4 by b, 2 by c; c also gets 1 from d and passes all 3 on. */
const hand: Flow = {
  nodes: [
    { id: 'a', work: 6 },
    { id: 'd', work: 1 },
    { id: 'b', work: 4 },
    { id: 'c', work: 3 },
    { id: 'out', work: 7 },
  ],
  edges: [
    { source: 'a', target: 'b', weight: 4 },
    { source: 'a', target: 'c', weight: 2 },
    { source: 'd', target: 'c', weight: 1 },
    { source: 'b', target: 'out', weight: 4 },
    { source: 'c', target: 'out', weight: 3 },
  ],
};

/** A layered flow that balances: any signed matrices of fractions whose rows sum to 1, carried from the sources on. */
function layered(seed: number, widths: readonly number[], signed: boolean): Flow {
  const stream = random(seed);
  const nodes: FlowNode[] = [];
  const edges: FlowEdge[] = [];
  let works = Array.from({ length: widths[0]! }, () => (signed ? stream.normal() : stream.uniform() + 0.1));
  for (const [layer, width] of widths.entries()) {
    for (const [i, work] of works.entries()) nodes.push({ id: `${layer}/${i}`, work });
    const next = widths[layer + 1];
    if (next === undefined) break;
    const into = new Array<number>(next).fill(0);
    for (let u = 0; u < width; u++) {
      const parts = Array.from({ length: next }, () => (signed ? stream.normal() : stream.uniform()));
      const sum = parts.reduce((a, b) => a + b, 0) || 1;
      parts.forEach((part, v) => {
        const weight = (works[u]! * part) / sum;
        into[v]! += weight;
        edges.push({ source: `${layer}/${u}`, target: `${layer + 1}/${v}`, weight });
      });
    }
    works = into;
  }
  return { nodes, edges };
}

const shapes = fc.record({
  seed: fc.integer({ min: 0, max: 1e6 }),
  widths: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 5 }),
  signed: fc.boolean(),
});

describe('books', () => {
  test('of a hand-made flow', () => {
    const books = balance(hand);
    expect(books).toMatchObject({ imbalance: 0, sources: 7, sinks: 7 });
    expect(books.nodes[3]).toEqual({ id: 'c', work: 3, inflow: 3, outflow: 3 });
    expect(books.nodes[0]).toEqual({ id: 'a', work: 6, outflow: 6 });
  });

  test('an edge that loses a tenth of the largest work shows as a tenth', () => {
    const edges = hand.edges.map((e) => (e.target === 'b' ? { ...e, weight: e.weight - 0.7 } : e));
    expect(balance({ ...hand, edges }).imbalance).toBeCloseTo(0.1, 12);
  });

  test('what is no flow is refused, and named', () => {
    const refused = expect.objectContaining({ code: 'circuit.not-a-flow' });
    const edge = { source: 'a', target: 'nowhere', weight: 1 };
    expect(() => balance({ ...hand, edges: [edge] })).toThrow(refused);
    expect(() => balance({ ...hand, nodes: [...hand.nodes, hand.nodes[0]!] })).toThrow(refused);
    const back = { source: 'out', target: 'a', weight: 1 };
    expect(() => balance({ ...hand, edges: [...hand.edges, back] })).toThrow(refused);
  });
});

describe('efficient paths', () => {
  test('of a hand-made flow, with both rankings', () => {
    const byEfficiency = efficientPaths(hand);
    expect(byEfficiency.map((p) => [p.nodes.join('>'), p.efficiency, p.carried])).toEqual([
      ['d>c>out', 1, 1],
      ['a>b>out', 4 / 6, 4],
      ['a>c>out', 2 / 6, 2],
    ]);
    expect(efficientPaths(hand, { by: 'carried', count: 2 }).map((p) => p.carried)).toEqual([4, 2]);
    expect(efficientPaths(hand, { through: 'c' }).map((p) => p.nodes[0])).toEqual(['d', 'a']);
    expect(efficientPaths(hand, { through: 'nothing' })).toEqual([]);
  });

  test('signs multiply, and ranking is by absolute value', () => {
    const flow: Flow = {
      nodes: [
        { id: 's', work: 1 },
        { id: 'u', work: -2 },
        { id: 'v', work: 3 },
        { id: 't', work: 1 },
      ],
      edges: [
        { source: 's', target: 'u', weight: -2 },
        { source: 's', target: 'v', weight: 3 },
        { source: 'u', target: 't', weight: -2 },
        { source: 'v', target: 't', weight: 3 },
      ],
    };
    expect(efficientPaths(flow).map((p) => p.efficiency)).toEqual([3, -2]);
  });

  test('all of them together are the whole flow, and the first k are the k largest', () => {
    fc.assert(
      fc.property(shapes, ({ seed, widths, signed }) => {
        const flow = layered(seed, widths, signed);
        const all = efficientPaths(flow, { count: 1e4, by: 'carried' });
        const total = all.reduce((sum, path) => sum + path.carried, 0);
        const { sinks, imbalance } = balance(flow);
        expect(imbalance).toBeLessThan(1e-9);
        const size = all.reduce((sum, path) => sum + Math.abs(path.carried), 0);
        expect(Math.abs(total - sinks)).toBeLessThanOrEqual(1e-9 * size);
        const few = efficientPaths(flow, { count: 3, by: 'carried' });
        for (const [i, path] of few.entries()) expect(path.carried).toBeCloseTo(all[i]!.carried, 9);
      }),
      { numRuns: 100 },
    );
  });

  test('ranked by paths, any number of first nodes with the sinks holds whole paths', () => {
    fc.assert(
      fc.property(shapes, ({ seed, widths }) => {
        const flow = layered(seed, widths, false);
        const ranked = rankByPaths(flow);
        const first = efficientPaths(flow, { count: 1, by: 'carried' })[0]!;
        const top = new Set(ranked.slice(0, first.nodes.length).map((n) => n.id));
        expect(first.nodes.every((id) => top.has(id))).toBe(true);
        expect(ranked[0]!.carried).toBeCloseTo(first.carried, 9);
      }),
    );
  });
});

describe('what a circuit carries', () => {
  test('everything carries all, nothing none, one path its share', () => {
    expect(carriedShare(hand, new Set(['a', 'b', 'c', 'd', 'out']))).toBeCloseTo(1, 12);
    expect(carriedShare(hand, new Set())).toBe(0);
    expect(carriedShare(hand, new Set(['a', 'b', 'out']))).toBeCloseTo(4 / 7, 12);
  });

  test('a positive flow never carries less with one node more', () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: 1, max: 1e6 }), ({ seed, widths }, choice) => {
        const flow = layered(seed, widths, false);
        const stream = random(choice);
        const kept = new Set(flow.nodes.filter(() => stream.uniform() < 0.6).map((n) => n.id));
        const more = new Set([...kept, flow.nodes[stream.integer(flow.nodes.length)]!.id]);
        expect(carriedShare(flow, more)).toBeGreaterThanOrEqual(carriedShare(flow, kept) - 1e-12);
      }),
    );
  });

  test('the smallest circuit carries what was asked, no node of it can go, and it is rarely larger than the smallest of all', () => {
    let larger = 0;
    const tries = 40;
    for (let seed = 0; seed < tries; seed++) {
      const flow = layered(seed, [2, 3, 3, 1], false);
      const counted = (id: string) => id !== '3/0';
      const found = smallestCircuit(flow, 0.6, counted);
      expect(found.share).toBeGreaterThanOrEqual(0.6);
      expect(carriedShare(flow, new Set([...found.nodes, '3/0']))).toBeCloseTo(found.share, 12);
      for (const id of found.nodes) {
        const without = new Set([...found.nodes.filter((n) => n !== id), '3/0']);
        expect(carriedShare(flow, without)).toBeLessThan(0.6);
      }
      const inner = flow.nodes.map((n) => n.id).filter(counted);
      let least = inner.length;
      for (let set = 0; set < 2 ** inner.length; set++) {
        const kept = inner.filter((_, i) => (set >> i) & 1);
        if (kept.length < least && carriedShare(flow, new Set([...kept, '3/0'])) >= 0.6) least = kept.length;
      }
      expect(found.nodes.length).toBeGreaterThanOrEqual(least);
      expect(found.nodes.length).toBeLessThanOrEqual(least + 1);
      if (found.nodes.length > least) larger++;
    }
    expect(larger).toBeLessThanOrEqual(tries / 8);
  });

  test('more than there is cannot be asked for: all that carries is given', () => {
    const found = smallestCircuit(hand, 2);
    expect(found.share).toBeCloseTo(1, 12);
    expect(found.nodes).toHaveLength(5);
  });
});
