/** @file The circuit as a still picture: the same layout as the one that can be explored. */

import { visibleToken } from './bars.ts';
import { type CircuitGraph, type LayoutOptions, layoutCircuit } from './circuit-layout.ts';
import { hairline, ink, inkSoft, nullGrey, paper, signColour } from './colours.ts';
import { fixed } from './scale.ts';
import { el, picture, text, title } from './svg.ts';

/** The hatching that marks what the dictionaries could not explain. `id` must be unique in the page. */
export const hatch = (id: string): string =>
  el(
    'pattern',
    { id, width: 4, height: 4, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)' },
    el('rect', { width: 4, height: 4, fill: paper }),
    el('line', { x1: 0, y1: 0, x2: 0, y2: 4, stroke: nullGrey, 'stroke-width': 2.6 }),
  );

/** SVG of a circuit. `id` keeps its patterns apart from those of other pictures on the page. */
export function circuitPicture(
  graph: CircuitGraph,
  options: LayoutOptions,
  label: string,
  id = 'circuit',
): string {
  const layout = layoutCircuit(graph, options);
  const rows = layout.rows.map((row) => text(0, row.y + 4, row.label, { fill: inkSoft }));
  const columns = layout.columns.map((column, i) => {
    const middle = (column.left + column.right) / 2;
    const rule = el('line', {
      x1: column.left,
      x2: column.left,
      y1: 8,
      y2: layout.height - 44,
      stroke: hairline,
    });
    return (
      (i === 0 ? '' : rule) +
      text(middle, layout.height - 22, visibleToken(column.token.trim()), {
        'text-anchor': 'middle',
        fill: ink,
        style: "font-family:'JetBrains Mono Variable',monospace",
      }) +
      text(middle, layout.height - 6, column.label, {
        'text-anchor': 'middle',
        fill: inkSoft,
        'font-size': 11,
      })
    );
  });
  const edges = layout.edges.map((edge) =>
    el('path', { d: edge.path, stroke: edge.colour, 'stroke-width': edge.width, opacity: edge.opacity }),
  );
  const nodes = layout.nodes.map(({ node, x, y, side, push }) => {
    const fill =
      node.kind === 'error' ? `url(#${id}-hatch)` : node.kind === 'feature' ? signColour(push) : ink;
    const half = side / 2;
    return el(
      'rect',
      {
        x: x - half,
        y: y - half,
        width: side,
        height: side,
        fill,
        rx: node.kind === 'token' || node.kind === 'output' ? half : 2,
        stroke: node.kind === 'error' ? nullGrey : paper,
        'stroke-width': node.kind === 'error' ? 1 : 0.75,
      },
      title(nodeSentence(node.kind, push)),
    );
  });
  return picture(
    layout,
    label,
    el('defs', {}, hatch(`${id}-hatch`)),
    el('g', {}, ...rows, ...columns),
    el('g', { fill: 'none', 'stroke-linecap': 'round' }, ...edges),
    el('g', {}, ...nodes),
  );
}

const nodeSentence = (kind: string, push: number): string =>
  `${kind}: pushes ${push >= 0 ? 'toward' : 'against'} the answer by ${fixed(Math.abs(push), 3)}`;
