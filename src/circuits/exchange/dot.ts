/** @file Circuits in the DOT language of Graphviz: one rank per cut, from the tokens at the bottom to the output. */
import type { PortableGraph, PortableNode } from './portable.ts';

/** Signs that end a line or a text for some readers, and `&`, which begins an entity: written as entities. */
const AS_ENTITY = /[&\0\u2028\u2029]/g;
const entity = (sign: string): string => (sign === '\0' ? '&#65533;' : `&#${sign.charCodeAt(0)};`);

const quote = (text: string): string =>
  `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replace(AS_ENTITY, entity)}"`;

const attributes = (values: Readonly<Record<string, string | number | undefined>>): string =>
  `[${Object.entries(values)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${quote(String(value))}`]))
    .join(', ')}]`;

const shapes = { token: 'plaintext', feature: 'box', error: 'triangle', output: 'ellipse' } as const;

/** What the effect says by colour: blue pushes toward the answer (negative effect), red away from it. */
const colour = (push: number): string => (push >= 0 ? '#2f6db5' : '#b5432f');

/** The circuit as a DOT document. Widths of edges are in proportion to |weight|; numbers stand in attributes of their own. */
export function dot(graph: PortableGraph): string {
  const strongest = graph.edges.reduce((most, { weight }) => Math.max(most, Math.abs(weight)), 0) || 1;
  const nodes = graph.nodes.map(
    (node) =>
      `  ${quote(node.id)} ${attributes({
        label: nodeLabel(graph, node),
        shape: shapes[node.kind],
        color: node.kind === 'token' ? undefined : colour(-node.effect),
        kind: node.kind,
        cut: node.cut,
        position: node.position,
        site: node.site,
        feature: node.feature,
        effect: node.effect,
        activation: node.activation,
      })};`,
  );
  const cuts = [...new Set(graph.nodes.map((node) => node.cut))].sort((a, b) => a - b);
  const ranks = cuts.map((cut) => {
    const members = graph.nodes.filter((node) => node.cut === cut).map((node) => quote(node.id));
    return `  { rank=same; ${members.join('; ')} }`;
  });
  const edges = graph.edges.map(
    ({ source, target, weight }) =>
      `  ${quote(source)} -> ${quote(target)} ${attributes({
        weight_value: weight,
        color: colour(weight),
        penwidth: (0.3 + 3 * (Math.abs(weight) / strongest)).toFixed(2),
      })};`,
  );
  return [
    `digraph ${quote(graph.name)} {`,
    `  graph ${attributes({ rankdir: 'BT', label: `${graph.name} in ${graph.model}: ${graph.prompt}` })};`,
    '  node [fontname="sans-serif", fontsize="10"];',
    ...nodes,
    ...ranks,
    ...edges,
    '}',
    '',
  ].join('\n');
}

function nodeLabel(graph: PortableGraph, node: PortableNode): string {
  const place = graph.positions[node.position] ?? String(node.position);
  switch (node.kind) {
    case 'token':
      return graph.tokens[node.position] ?? place;
    case 'output':
      return node.label ?? 'metric';
    case 'error':
      return `${node.site ?? node.cut} error\n${place}`;
    case 'feature':
      return `${node.site ?? node.cut} ${node.feature}\n${node.label ?? place}`;
  }
}
