/** @file Planted networks: they compute what they say, their circuit is what the wires say, and methods find it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exactEdges } from '../../src/circuits/exact-edges.ts';
import { forwardPairs } from '../../src/circuits/forward.ts';
import { METRIC } from '../../src/circuits/metric.ts';
import { compile } from '../../src/circuits/planted/compile.ts';
import {
  findPlanted,
  openPlanted,
  plantedMethods,
  scorePlanted,
} from '../../src/circuits/planted/methods.ts';
import { plantedNetworks } from '../../src/circuits/planted/networks.ts';
import { plantedPairs } from '../../src/circuits/planted/planted.ts';
import { auroc } from '../../src/circuits/planted/score.ts';
import { byFlow, byThreshold, recovered } from '../../src/circuits/planted/selection.ts';
import { trainedNetworks } from '../../src/circuits/planted/trained.ts';
import { plantedCircuit } from '../../src/circuits/planted/truth.ts';
import { silent } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { openSession } from '../../src/runtime/session.ts';

const run = {
  open: (graph: Parameters<typeof openSession>[0]) => openSession(graph, { threads: 1 }),
  tokensPerRun: 4096,
  threads: 1,
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

describe('methods', () => {
  test('real interventions on edges, by hand: a reaches y with +2 and −1, and the answer with 8 times less', async () => {
    const twoPaths = plantedNetworks().find((p) => p.name === 'two-paths')!;
    const quiet = { ...twoPaths, wiring: { ...twoPaths.wiring, noise: 0 } };
    const { network, places, wiring, pairs } = { ...openPlanted(quiet, 6, random(1), run), ...quiet };
    const edges = await exactEdges(network, places, pairs, run);
    const features = wiring.wires.length;
    const weight = (from: string, u: string, to: string, v: string) => {
      const found = edges.find((e) => e.from === from && e.to === to);
      const at = (wire: string) => features + 1 + wiring.wires.indexOf(wire);
      const target = to === METRIC ? 0 : at(v);
      const i = found?.source.findIndex((s, j) => s === at(u) && found.target[j] === target) ?? -1;
      return i < 0 ? 0 : found!.weight[i]!;
    };
    // m = ±4 (y − ½), y = plus − minus = 2a − a: patching a alone through one way changes y by 2 or 1 of it.
    const [embed, first, second] = ['hook_embed', 'blocks.0.hook_mlp_out', 'blocks.1.hook_mlp_out'];
    const [whole, up, down] = [
      weight(second, 'y', METRIC, ''),
      weight(embed, 'a', first, 'plus'),
      weight(embed, 'a', first, 'minus'),
    ];
    expect(whole).toBeCloseTo(4, 4);
    expect([up, down]).toEqual([expect.closeTo(8, 4), expect.closeTo(-4, 4)]);
    expect(weight(embed, 'b', first, 'plus')).toBe(0);
    expect(weight(first, 'idle1', second, 'y')).toBe(0);
  });

  test.each(plantedMethods)('%s finds a gate in noise', async (method) => {
    const gate = plantedNetworks().find((p) => p.name === 'gate')!;
    const setting = openPlanted(gate, 12, random(2), run);
    const { nodeAuroc, edgeAuroc } = scorePlanted(setting, await findPlanted(setting, method));
    expect(nodeAuroc).toBeGreaterThan(0.95);
    expect(edgeAuroc).toBeGreaterThan(0.95);
  });

  test('path work sees through a saturated gate where one gradient does not', async () => {
    const setting = openPlanted(plantedNetworks()[0]!, 16, random(0), run);
    const score = async (method: string) =>
      scorePlanted(setting, await findPlanted(setting, method)).edgeAuroc;
    const [path, gradient] = [await score('path-work'), await score('attribution-patching')];
    expect(path).toBeGreaterThan(0.99);
    expect(gradient).toBeLessThan(path);
  });

  test('circuits by threshold and by flow of the planted size hold the planted nodes', async () => {
    const setting = openPlanted(plantedNetworks()[0]!, 16, random(0), run);
    const found = await findPlanted(setting, 'path-work');
    expect(recovered(setting, byFlow(found))).toBe(1);
    expect(recovered(setting, byThreshold(setting, found))).toBe(1);
    expect(recovered(setting, byFlow(found).toReversed())).toBeLessThan(0.2);
  });

  test('a score knows what is not planted: with another circuit as truth it falls to chance', async () => {
    const setting = openPlanted(plantedNetworks()[2]!, 12, random(2), run);
    const nodes = [...setting.truth.nodes].map((id) => id.replace(/f\d+$/, 'f0'));
    const wrong = {
      ...setting,
      truth: { nodes: new Set(nodes), edges: new Set(['hook_embed:1:f3→output']) },
    };
    const { edgeAuroc } = scorePlanted(wrong, await findPlanted(setting, 'midpoint-3'));
    expect(edgeAuroc).toBeLessThan(0.95);
  });
});

test('networks trained by interchange interventions compute their algorithm, and keep each variable where they were told', async () => {
  const [network] = await trainedNetworks({ threads: 1, progress: silent }, { steps: 600 });
  const setting = openPlanted(network!, 48, random(4), run);
  const { clean } = await forwardPairs(setting.network, setting.pairs, [], run);
  expect(clean.metric_B.filter((m) => m > 0).length).toBeGreaterThanOrEqual(46);
  const { edgeAuroc } = scorePlanted(setting, await findPlanted(setting, 'midpoint-10'));
  expect(edgeAuroc).toBeGreaterThan(0.95);
}, 60_000);
