/** @file Circuits as GraphML (graphml.graphdrawing.org), for yEd, Gephi, Cytoscape and NetworkX; written and read back. */
import { XMLParser } from 'fast-xml-parser';
import { CircuitError } from '../../core/errors.ts';
import type { PortableGraph, PortableNode } from './portable.ts';

type Kind = 'string' | 'int' | 'double';

/** Attributes of nodes, by name. `label` is what programs show. */
const nodeKeys: readonly (readonly [keyof PortableNode, Kind])[] = [
  ['kind', 'string'],
  ['cut', 'double'],
  ['position', 'int'],
  ['site', 'string'],
  ['feature', 'int'],
  ['effect', 'double'],
  ['activation', 'double'],
  ['activationPatch', 'double'],
  ['attributionPatching', 'double'],
  ['label', 'string'],
  ['vocabulary', 'int'],
  ['probability', 'double'],
];

/** Attributes of the whole graph; lists are JSON. */
const graphKeys = ['name', 'model', 'prompt', 'tokens', 'positions', 'sites'] as const;

/** Characters that XML 1.0 has no way to write become U+FFFD. */
const escaped = (text: string): string =>
  text
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replace(/[&<>"'\t\n\r]/g, (c) => `&#${c.charCodeAt(0)};`);

const data = (key: string, value: string | number): string =>
  `<data key="${key}">${escaped(String(value))}</data>`;

/** The circuit as a GraphML document. */
export function graphml(graph: PortableGraph): string {
  const keys = [
    ...graphKeys.map((name) => key('graph', name, 'string')),
    ...nodeKeys.map(([name, kind]) => key('node', name, kind)),
    key('edge', 'weight', 'double'),
  ];
  const about = graphKeys.map((name) => {
    const value = graph[name];
    return `    ${data(`graph.${name}`, typeof value === 'string' ? value : JSON.stringify(value))}`;
  });
  const nodes = graph.nodes.map((node) => {
    const values = nodeKeys.flatMap(([name]) => {
      const value = node[name];
      return value === undefined ? [] : [data(`node.${name}`, value)];
    });
    return `    <node id="${escaped(node.id)}">${values.join('')}</node>`;
  });
  const edges = graph.edges.map(
    ({ source, target, weight }) =>
      `    <edge source="${escaped(source)}" target="${escaped(target)}">${data('edge.weight', weight)}</edge>`,
  );
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">',
    ...keys,
    '  <graph edgedefault="directed">',
    ...about,
    ...nodes,
    ...edges,
    '  </graph>',
    '</graphml>',
    '',
  ].join('\n');
}

const key = (owner: string, name: string, kind: Kind): string =>
  `  <key id="${owner}.${name}" for="${owner}" attr.name="${name}" attr.type="${kind}"/>`;

interface Data {
  readonly '@key': string;
  readonly '#text'?: string;
}
interface Element {
  readonly '@id'?: string;
  readonly '@source'?: string;
  readonly '@target'?: string;
  readonly data?: readonly Data[];
}

/**
 * The circuit in a GraphML document that `graphml` wrote.
 * @throws CircuitError `circuit.graph-form` when the document is another
 */
export function readGraphml(text: string, where = 'graph'): PortableGraph {
  const wrong = (what: string, cause?: unknown) =>
    new CircuitError('circuit.graph-form', `${where}: ${what}`, {
      where,
      hint: 'GraphML is read as `untangle circuit export --format graphml` writes it',
      ...(cause === undefined ? {} : { cause }),
    });
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    parseTagValue: false,
    parseAttributeValue: false,
    trimValues: false,
    htmlEntities: true,
    isArray: (name) => ['node', 'edge', 'data', 'key'].includes(name),
  });
  let graph: { data?: Data[]; node?: Element[]; edge?: Element[] } | undefined;
  try {
    graph = (parser.parse(text, true) as { graphml?: { graph?: typeof graph } }).graphml?.graph;
  } catch (error) {
    throw wrong((error as Error).message, error);
  }
  if (!graph) throw wrong('there is no graph in it');
  const values = (element: { data?: readonly Data[] }) =>
    new Map((element.data ?? []).map((d) => [d['@key'], d['#text'] ?? '']));
  const about = values(graph);
  const aboutText = (name: string) => about.get(`graph.${name}`) ?? '';
  const aboutList = (name: string): string[] => {
    try {
      return JSON.parse(aboutText(name) || '[]') as string[];
    } catch (error) {
      throw wrong(`graph.${name} is no list`, error);
    }
  };
  const nodes = (graph.node ?? []).map((element): PortableNode => {
    const given = values(element);
    const read = nodeKeys.flatMap(([name, kind]) => {
      const value = given.get(`node.${name}`);
      return value === undefined ? [] : [[name, kind === 'string' ? value : Number(value)] as const];
    });
    if (!given.has('node.kind')) throw wrong(`node "${element['@id']}" has no kind`);
    return { id: element['@id'] ?? '', ...Object.fromEntries(read) } as unknown as PortableNode;
  });
  const edges = (graph.edge ?? []).map((element) => ({
    source: element['@source'] ?? '',
    target: element['@target'] ?? '',
    weight: Number(values(element).get('edge.weight')),
  }));
  return {
    name: aboutText('name'),
    model: aboutText('model'),
    prompt: aboutText('prompt'),
    tokens: aboutList('tokens'),
    positions: aboutList('positions'),
    sites: aboutList('sites'),
    nodes,
    edges,
  };
}
