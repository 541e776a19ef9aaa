/** @file Circuits written for other programs come back as they were; what other programs write is read. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { fromDot } from 'ts-graphviz';
import { describe, expect, test } from 'vitest';
import { dot } from '../../../src/circuits/exchange/dot.ts';
import { featureFile, featureNumber, readFeatureFile } from '../../../src/circuits/exchange/feature-file.ts';
import {
  type AttributionGraph,
  attributionGraphSchema,
  pairing,
  unpairing,
} from '../../../src/circuits/exchange/graph-schema.ts';
import { graphml, readGraphml } from '../../../src/circuits/exchange/graphml.ts';
import { drawable, portableOf } from '../../../src/circuits/exchange/portable.ts';
import { readAttributionGraph } from '../../../src/circuits/exchange/read-graph.ts';
import { attributionGraph } from '../../../src/circuits/exchange/write-graph.ts';
import { circuitPicture } from '../../../src/pictures/circuit.ts';
import { anyGraph, small } from './graphs.ts';

const oracle = (name: string) =>
  JSON.parse(readFileSync(fileURLToPath(new URL(`../../oracles/${name}.json`, import.meta.url)), 'utf8'));
const throughJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test('the pairing of two numbers is one to one', () => {
  expect([pairing(0, 3), pairing(1, 2)]).toEqual([9, 8]);
  fc.assert(
    fc.property(fc.nat(200), fc.nat(20_000_000), (x, y) => {
      expect(unpairing(pairing(x, y))).toEqual([x, y]);
    }),
  );
});

describe('attribution-graph JSON', () => {
  test('any graph comes back as it was', () => {
    fc.assert(
      fc.property(anyGraph, (graph) => {
        const { graph: back, notes } = readAttributionGraph(throughJson(attributionGraph(graph)));
        expect(back).toEqual(graph);
        expect(notes).toEqual([]);
      }),
    );
  });

  test('what is written has unique ids and every field that the two schemas ask for', () => {
    fc.assert(
      fc.property(anyGraph, (graph) => {
        const written = throughJson(attributionGraph(graph)) as AttributionGraph;
        expect(attributionGraphSchema.safeParse(written).success).toBe(true);
        expect(new Set(written.nodes.map((node) => node.node_id)).size).toBe(graph.nodes.length);
        expect(written.metadata.transcoder_list).toEqual(graph.sites);
        for (const node of written.nodes) {
          expect([typeof node.feature, typeof node.layer]).toEqual(['number', 'string']);
          expect([typeof node.jsNodeId, typeof node.clerp]).toEqual(['string', 'string']);
        }
        const known = new Set(written.nodes.map((node) => node.node_id));
        for (const link of written.links) expect(known.has(link.source) && known.has(link.target)).toBe(true);
      }),
    );
  });

  test('our file is the one that circuit-tracer was given, and it read what we meant', () => {
    expect(throughJson(attributionGraph(small))).toEqual(oracle('untangle-graph'));
    const { read } = oracle('circuit-tracer');
    expect(read.slug).toBe('agreement');
    expect(read.nodes).toEqual([
      ['E_7_1', 1, 'E', 1, 'embedding', 'E_7-1', null, null],
      ['0_3_1', 9, '0', 1, 'cross layer transcoder', '0_3-0', 0.5, 2],
      ['1_3_1', 13, '1', 1, 'cross layer transcoder', '1_3-0', 1, null],
      ['2_-1_4', -1, '2', 4, 'mlp reconstruction error', '2_-1_4-0', 0.875, null],
      ['4_12_4', 12, '4', 4, 'logit', 'L_12-4', null, null],
    ]);
    // Its own pairing gives the number that we wrote.
    for (const [id, feature] of read.nodes.filter((node: unknown[]) => node[4] === 'cross layer transcoder'))
      expect(read.features[id]).toBe(feature);
    expect(read.links).toHaveLength(4);
    expect(read.links[3]).toEqual({ source: '2_-1_4', target: '4_12_4', weight: 0.75 });
  });

  test('a graph of circuit-tracer is read, its old error ids no longer collide', () => {
    const { graph, notes } = readAttributionGraph(oracle('circuit-tracer').written, 'capital.json');
    expect(graph.nodes.map(({ id, kind, feature, vocabulary }) => [id, kind, feature ?? vocabulary])).toEqual(
      [
        ['0_3_5', 'feature', 3],
        ['1_70000_5', 'feature', 70_000],
        ['3_-1_5', 'error', undefined],
        ['2_-1_4', 'error', undefined],
        ['E_812_5', 'token', 812],
        ['5_264_5', 'output', 264],
      ],
    );
    expect(graph.edges.map((e) => [e.source, e.target, e.weight])).toEqual([
      ['E_812_5', '0_3_5', 1.5],
      ['0_3_5', '1_70000_5', -0.5],
      ['1_70000_5', '5_264_5', 0.75],
      ['0_3_5', '5_264_5', 0.25],
      // The same link again can only come from the error node.
      ['3_-1_5', '5_264_5', 0.125],
      ['2_-1_4', '5_264_5', -0.0625],
    ]);
    expect(notes).toEqual([expect.stringMatching(/^3 links name an id/)]);
    const effects = graph.nodes.map((node) => node.effect);
    [-0.4, -0.3, -0.1, -0.1, -0.1, 0].forEach((effect, i) => {
      expect(effects[i]).toBeCloseTo(effect, 12);
    });
    expect(graph.nodes[5]!.probability).toBe(0.625);
    // Written again and read again it is the same.
    expect(readAttributionGraph(throughJson(attributionGraph(graph))).graph).toEqual(graph);
  });

  test('a graph in the form of Neuronpedia is read: layers as numbers, null features, new error ids, other kinds of features', () => {
    const node = { feature: null, ctx_idx: 2, jsNodeId: 'x', clerp: 'a name' };
    const { graph } = readAttributionGraph({
      metadata: {
        slug: 's',
        scan: 'gemma-2-2b',
        prompt: 'a b c',
        prompt_tokens: ['a', ' b', ' c'],
        feature_details: { neuronpedia_source_set: 'gemmascope-transcoder-16k' },
      },
      qParams: {},
      nodes: [
        { ...node, node_id: '4_17_2', layer: 4, feature_type: 'lorsa' },
        { ...node, node_id: '4_-1_2', layer: '4', feature_type: 'mlp reconstruction error' },
      ],
      links: [{ source: '4_-1_2', target: '4_17_2', weight: 2 }],
    });
    expect(graph.nodes).toEqual([
      expect.objectContaining({ kind: 'feature', feature: 17, cut: 5, label: 'a name' }),
      expect.objectContaining({ kind: 'error', id: '4_-1_2' }),
    ]);
    expect(graph.positions).toEqual(['a', ' b', ' c']);
  });

  test.each([
    ['no nodes', { ...attributionGraph(small), nodes: undefined }, 'circuit.graph-form', 'nodes'],
    [
      'a link to nowhere',
      { ...attributionGraph(small), links: [{ source: 'a', target: '2_-1_4', weight: 1 }] },
      'circuit.graph-ids',
      '"a"',
    ],
    [
      'an id twice',
      { ...attributionGraph(small), nodes: [1, 1].map((i) => attributionGraph(small).nodes[i]) },
      'circuit.graph-ids',
      '0_3_1',
    ],
    [
      'a weight that is text',
      { ...attributionGraph(small), links: [{ source: 'a', target: 'b', weight: '1' }] },
      'circuit.graph-form',
      'links.0.weight',
    ],
  ])('%s is an error that says where', (_, value, code, place) => {
    expect(() => readAttributionGraph(value, 'g.json')).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(place) }),
    );
  });
});

describe('GraphML', () => {
  test('any graph comes back as it was', () => {
    fc.assert(
      fc.property(anyGraph, (graph) => {
        expect(readGraphml(graphml(graph))).toEqual(graph);
      }),
    );
    expect(readGraphml(graphml(small))).toEqual(small);
  });
  test.each(['<html/>', 'no XML', '<graphml><graph><node id="a"/></graph></graphml>', '<graphml><graph>'])(
    'another document is refused: %s',
    (text) => {
      expect(() => readGraphml(text, 'x.graphml')).toThrow(
        expect.objectContaining({ code: 'circuit.graph-form' }),
      );
    },
  );
});

describe('DOT', () => {
  const attribute = (of: { attributes: { get: (name: never) => unknown } }, name: string) =>
    of.attributes.get(name as never);
  const holds = (graph: typeof small) => {
    const read = fromDot(dot(graph));
    const nodes = read.nodes.map((n) => [n.id, attribute(n, 'kind'), attribute(n, 'effect')]);
    expect(nodes).toEqual(graph.nodes.map(({ id, kind, effect }) => [id, kind, String(effect)]));
    const edges = read.edges.map((e) => [
      ...e.targets.map((t) => (t as { id: string }).id),
      attribute(e, 'weight_value'),
    ]);
    expect(edges).toEqual(graph.edges.map(({ source, target, weight }) => [source, target, String(weight)]));
  };
  test('an independent reader finds the same nodes, edges and weights', () => {
    holds(small);
    fc.assert(fc.property(anyGraph, holds), { numRuns: 30 });
  });
  test('signs that end a line or a text, and what looks like an entity, come back from the label', () => {
    const decoded = (text: string) =>
      text.replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)));
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '&', '&amp;', '\u2028', '\u2029', '"') }),
        (label) => {
          const read = fromDot(dot({ ...small, nodes: [{ ...small.nodes[4]!, label }], edges: [] }));
          expect(decoded(String(attribute(read.nodes[0]!, 'label')))).toBe(label);
        },
      ),
      { examples: [['\u2028'], ['a\u2029&nbsp;']] },
    );
    expect(dot({ ...small, name: 'a\0b' })).not.toContain('\0');
  });
});

describe('feature files', () => {
  const detail = {
    id: 3,
    frequency: 0.25,
    maxActivation: 4,
    firesOn: [' keys'],
    topTokens: [' keys'],
    passages: [{ tokens: ['The', ' keys'], activations: [0, 4], document: 'd' }],
    histogram: [
      { from: 0, to: 2, count: 5 },
      { from: 2, to: 4, count: 1 },
    ],
    promoted: [{ text: ' are', effect: 2 }],
    suppressed: [{ text: ' is', effect: -1 }],
  };
  test('a feature is written under the number that its node has in the graph, and read back', () => {
    const file = featureFile(detail, small.sites[0]!, 0);
    expect(file.index).toBe(featureNumber(0, 3));
    expect(file.index).toBe(attributionGraph(small).nodes[1]!.feature);
    expect(readFeatureFile(throughJson(file))).toEqual(file);
    expect(file.examples_quantiles[0]!.examples[0]).toMatchObject({
      tokens_acts_list: [0, 4],
      train_token_ind: 1,
    });
  });
  test('a file without examples is refused', () => {
    expect(() => readFeatureFile({ index: 1, top_logits: [], bottom_logits: [] }, 'f.json')).toThrow(
      expect.objectContaining({ code: 'circuit.graph-form', message: expect.stringContaining('f.json') }),
    );
  });
});

test('a found circuit travels with its example prompt, and what was read can be drawn', () => {
  const graph = portableOf(
    {
      task: 't',
      sites: ['blocks.0.hook_resid_post'],
      positions: { labels: ['The', 'subject'], exampleTokens: ['The', ' keys'] },
      nodes: [
        {
          id: '0:1:token',
          kind: 'token',
          cut: 0,
          position: 1,
          site: 'hook_embed',
          effect: -1,
          attributionPatching: -1,
        },
        { id: 'output', kind: 'output', cut: 2, position: 1, effect: -1, attributionPatching: -1 },
      ],
      edges: [{ source: '0:1:token', target: 'output', weight: 1 }],
    },
    { model: 'toy', tokenIds: [4, 9] },
  );
  expect(graph.nodes[0]).toMatchObject({ vocabulary: 9 });
  expect(graph.prompt).toBe('The keys');
  const { graph: back } = readAttributionGraph(throughJson(attributionGraph(graph)));
  expect(circuitPicture(drawable(back), { width: 300 }, 'back')).toContain('<svg');
});
