/** @file The circuit's layout: columns are positions, rows are cuts upward, stacks by size, edges fade. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CircuitGraph, type GraphNode, layoutCircuit } from '../../src/pictures/circuit-layout.ts';
import { inventedCircuit } from '../support/invented-circuit.ts';

const node = (
  id: string,
  cut: number,
  position: number,
  effect: number,
  kind: GraphNode['kind'] = 'feature',
) => ({
  id,
  kind,
  cut,
  position,
  effect,
});
const positions = { labels: ['a', 'b'], exampleTokens: [' x', ' y'] };

/** Two positions, two cuts, an answer. */
const small: CircuitGraph = {
  nodes: [
    node('token', 0, 0, -1, 'token'),
    node('small', 3, 0, -0.1),
    node('large', 3, 0, 0.8),
    node('other', 3, 1, -0.4),
    node('answer', 6, 1, -1, 'output'),
  ],
  edges: [
    { source: 'token', target: 'large', weight: 1 },
    { source: 'large', target: 'answer', weight: -0.5 },
    { source: 'small', target: 'answer', weight: 0.02 },
    { source: 'other', target: 'answer', weight: 0.000001 },
  ],
  positions,
};

describe('the circuit layout', () => {
  const layout = layoutCircuit(small, { width: 600 });
  const at = (id: string) => layout.nodes.find((one) => one.node.id === id)!;

  test('later cuts stand higher, the answer at the top', () => {
    expect(at('large').y).toBeLessThan(at('token').y);
    expect(at('answer').y).toBeLessThan(at('large').y);
    expect(layout.rows.map((row) => row.label)).toEqual(['tokens', 'after block 2', 'answer']);
  });

  test('a cell begins with its largest effect, whatever its sign; size follows the effect', () => {
    expect(at('large').x).toBeLessThan(at('small').x);
    expect(at('large').side).toBeGreaterThan(at('small').side);
  });

  test('positive push means a negative indirect effect', () => {
    expect(at('small').push).toBeCloseTo(0.1);
    expect(at('large').push).toBeCloseTo(-0.8);
  });

  test('edges thinner than half a pixel fade, those that cannot be seen are left out', () => {
    const width = (source: string) => layout.edges.find((one) => one.edge.source === source);
    expect(width('token')!.width).toBe(6);
    expect(width('token')!.opacity).toBe(0.7);
    expect(width('small')!.width).toBe(0.5);
    expect(width('small')!.opacity).toBeCloseTo(0.7 * (6 * 0.02 * 2));
    expect(width('other')).toBeUndefined();
  });

  test('edges carry their sign as colour', () => {
    const colours = new Map(layout.edges.map((one) => [one.edge.source, one.colour]));
    expect(colours.get('token')).toContain('--towards');
    expect(colours.get('large')).toContain('--against');
  });

  test('a threshold leaves out small parts and their edges; tokens and the answer stay', () => {
    const cut = layoutCircuit(small, { width: 600, threshold: 0.3 });
    expect(cut.nodes.map((one) => one.node.id).sort()).toEqual(['answer', 'large', 'other', 'token']);
    expect(cut.edges.every((one) => one.edge.source !== 'small')).toBe(true);
  });

  test('everything stands in its own column and inside the picture, nothing on top of another', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 480, max: 1600 }), (seed, width) => {
        const circuit = inventedCircuit(seed % 2 === 0 ? 'gender' : 'agreement', seed);
        const placed = layoutCircuit(circuit, { width, height: 500 });
        const columns = new Map(placed.columns.map((one) => [one.position, one]));
        const seen = new Set<string>();
        for (const { node: one, x, y, side } of placed.nodes) {
          const column = columns.get(one.position)!;
          expect(x - side / 2).toBeGreaterThanOrEqual(column.left - 8);
          expect(x + side / 2).toBeLessThanOrEqual(column.right + 8);
          expect(y - side / 2).toBeGreaterThanOrEqual(0);
          expect(y + side / 2).toBeLessThanOrEqual(placed.height);
          const place = `${Math.round(x)} ${Math.round(y)}`;
          expect(seen.has(place)).toBe(false);
          seen.add(place);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('a circuit with nothing but the answer is still a picture', () => {
    const layoutOfOne = layoutCircuit({ ...small, nodes: [small.nodes[4]!], edges: [] }, { width: 500 });
    expect(layoutOfOne.nodes).toHaveLength(1);
    expect(Number.isFinite(layoutOfOne.height)).toBe(true);
  });
});
