/** @file Planted networks: they compute what they say, their circuit is what the wires say, and methods find it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { forwardPairs } from '../../src/circuits/forward.ts';
import { compile } from '../../src/circuits/planted/compile.ts';
import { plantedNetworks, plantedPairs } from '../../src/circuits/planted/networks.ts';
import { auroc } from '../../src/circuits/planted/score.ts';
import { plantedCircuit } from '../../src/circuits/planted/truth.ts';
import { random } from '../../src/core/random.ts';
import { openSession } from '../../src/runtime/session.ts';

const run = {
  open: (graph: Parameters<typeof openSession>[0]) => openSession(graph, { threads: 1 }),
  tokensPerRun: 4096,
};

describe('area under the ROC curve', () => {
  test('is the share of pairs in the right order, by trying all', () => {
    const one = fc.tuple(fc.integer({ min: -3, max: 3 }), fc.boolean());
    fc.assert(
      fc.property(fc.array(one, { minLength: 2, maxLength: 12 }), (items) => {
        const yes = items.filter(([, p]) => p).map(([s]) => s);
        const no = items.filter(([, p]) => !p).map(([s]) => s);
        let sum = 0;
        for (const a of yes) for (const b of no) sum += a > b ? 1 : a === b ? 0.5 : 0;
        const got = auroc(
          items.map(([s]) => s),
          items.map(([, p]) => p),
        );
        if (yes.length * no.length === 0) expect(got).toBeNaN();
        else expect(got).toBeCloseTo(sum / (yes.length * no.length), 12);
      }),
    );
  });
});

describe.each(plantedNetworks())('$name', (planted) => {
  test('answers as planted, with noise on every weight', async () => {
    const chance = random(5);
    const network = compile(planted.wiring, chance.fork('noise'));
    const pairs = plantedPairs(planted, 64, chance.fork('pairs'));
    const { clean, patch } = await forwardPairs(network, pairs, [], run);
    expect(Math.min(...clean.metric_B)).toBeGreaterThan(0.5);
    expect(Math.max(...patch.metric_B)).toBeLessThan(-0.5);
  });

  test('every node of its circuit has an edge in and out, and distractors have none', () => {
    const { nodes, edges } = plantedCircuit(planted.wiring);
    const ends = [...edges].map((edge) => edge.split('→') as [string, string]);
    expect(edges.size).toBeGreaterThan(2);
    for (const node of nodes) {
      expect(ends.some(([source]) => source === node)).toBe(true);
      expect(node.startsWith('hook_embed') || ends.some(([, target]) => target === node)).toBe(true);
      expect(planted.wiring.wires[Number(node.split(':f')[1])]).not.toMatch(/idle|start|always/);
    }
  });
});

test('the circuit of (a ∧ b) ∨ (c ∧ d) by hand', () => {
  const { wiring } = plantedNetworks()[0]!;
  const of = (wire: string) => wiring.wires.indexOf(wire);
  const [embed, first, second] = ['hook_embed:1:f', 'blocks.0.hook_mlp_out:1:f', 'blocks.1.hook_mlp_out:1:f'];
  expect([...plantedCircuit(wiring).edges].sort()).toEqual(
    [
      `${embed}${of('a')}→${first}${of('ab')}`,
      `${embed}${of('b')}→${first}${of('ab')}`,
      `${embed}${of('c')}→${first}${of('cd')}`,
      `${embed}${of('d')}→${first}${of('cd')}`,
      `${first}${of('ab')}→${second}${of('y')}`,
      `${first}${of('cd')}→${second}${of('y')}`,
      `${second}${of('y')}→output`,
    ].sort(),
  );
});
