/**
 * @file Energy flow as a Sankey picture: columns are cuts, bands the features, the other features and the error nodes there;
 * widths are |energy|, colours its sign. Laid out by d3-sankey.
 */
import { type SankeyLink, type SankeyNode, sankey } from 'd3-sankey';
import { hatch } from './circuit.ts';
import { hairline, ink, inkSoft, leak, nullGrey, paper, signColour } from './colours.ts';
import { fixed, percent } from './scale.ts';
import { el, picture, type Size, short, text, title } from './svg.ts';

/** A band. Energy in units of the metric, positive toward the answer. */
export interface SankeyBand {
  readonly id: string;
  readonly kind: 'token' | 'feature' | 'other' | 'errors' | 'state' | 'answer';
  readonly name: string;
  readonly energy: number;
}

export interface SankeyColumn {
  /** Written under it. */
  readonly name: string;
  readonly bands: readonly SankeyBand[];
  /** Σ energy of its bands where they are complete. */
  readonly energy?: number;
}

export interface SankeyFlow {
  /** Words first, the answer last. */
  readonly columns: readonly SankeyColumn[];
  readonly links: readonly { readonly source: string; readonly target: string; readonly energy: number }[];
  /** Whole effect Δm: what every column should add up to; the difference is the leak. */
  readonly deltaM: number;
}

interface Band extends SankeyBand {
  readonly column: number;
}
interface Pass {
  readonly energy: number;
}
type Node = SankeyNode<Band, Pass>;
type Link = SankeyLink<Band, Pass>;

/** Width of a band's bar, and links that are too thin to be seen. */
const BAR = 12;
const THINNEST = 0.35;

/**
 * The flow. A bar is as high as the larger of what comes in and what goes out, in absolute value: where much comes in and
 * cancels, it is higher than its energy. `id` must be unique in the page.
 */
export function sankeyPicture(flow: SankeyFlow, { width, height }: Size, label: string, id = 'flow'): string {
  const frame = { left: 8, right: width - 8, top: 12, bottom: height - 46 };
  const bands = flow.columns.flatMap((column, at) =>
    column.bands.map((band): Band => ({ ...band, column: at })),
  );
  const known = new Set(bands.map((band) => band.id));
  const links = flow.links.filter(
    ({ source, target, energy }) =>
      energy !== 0 && Number.isFinite(energy) && known.has(source) && known.has(target),
  );
  if (bands.length === 0 || links.length === 0) return picture({ width, height }, label);
  const inner = Math.max(40, frame.right - frame.left);
  // In units of the largest: pixels per unit of a denormal energy would be infinite.
  const largest = links.reduce((most, { energy }) => Math.max(most, Math.abs(energy)), 0);
  // Names stand beside their bars, so that the last column's are written to the left.
  const layout = sankey<Band, Pass>()
    .nodeId((band) => band.id)
    .nodeAlign((band) => band.column)
    .nodeWidth(BAR)
    .nodePadding(Math.max(4, Math.min(14, 160 / Math.max(...flow.columns.map((c) => c.bands.length)))))
    .nodeSort(null as never)
    .extent([
      [frame.left, frame.top],
      [frame.left + inner, frame.bottom],
    ])
    .iterations(12);
  const graph = layout({
    nodes: bands.map((band) => ({ ...band })),
    links: links.map(({ source, target, energy }) => ({
      source,
      target,
      energy,
      value: Math.abs(energy) / largest,
    })),
  });
  return picture(
    { width, height },
    label,
    el('defs', {}, hatch(`${id}-hatch`)),
    el('g', {}, ...graph.links.filter(visible).map((link) => drawLink(link))),
    ...graph.nodes.map((node) => drawBand(node, flow, id)),
    ...columnNames(flow, graph.nodes, frame.bottom + 18, inner),
  );
}

const visible = ({ width = 0 }: Link): boolean => width >= THINNEST;
const endName = (end: Link['source']): string => (typeof end === 'object' ? end.name : String(end));

/** A ribbon between two bars, filled: a stroke this wide would bulge where it bends. */
function drawLink({ source, target, y0 = 0, y1 = 0, width = 0, energy }: Link): string {
  const [from, to] = [source, target].map((end) => (typeof end === 'object' ? end : undefined));
  const [x0, x1, half] = [from?.x1 ?? 0, to?.x0 ?? 0, width / 2];
  const middle = short((x0 + x1) / 2);
  const d =
    `M${short(x0)} ${short(y0 - half)}C${middle} ${short(y0 - half)} ${middle} ${short(y1 - half)} ${short(x1)} ${short(y1 - half)}` +
    `V${short(y1 + half)}C${middle} ${short(y1 + half)} ${middle} ${short(y0 + half)} ${short(x0)} ${short(y0 + half)}Z`;
  return el(
    'path',
    { d, fill: signColour(energy), 'fill-opacity': 0.34, 'data-width': width },
    title(`${endName(source)} → ${endName(target)}: ${fixed(energy, 3)}`),
  );
}

function drawBand(node: Node, flow: SankeyFlow, id: string): string {
  const { x0 = 0, x1 = 0, y0 = 0, y1 = 0, kind, name, energy, column } = node;
  const tall = Math.max(1, y1 - y0);
  const plain = kind === 'token' || kind === 'answer' || kind === 'state';
  const last = column >= flow.columns.length - 1;
  const share = flow.deltaM === 0 ? '' : `, ${percent(energy / flow.deltaM, 1)} of the whole effect`;
  return el(
    'g',
    { 'data-band': node.id },
    title(`${name}: energy ${fixed(energy, 3)}${share}`),
    el('rect', {
      x: x0,
      y: y0,
      width: x1 - x0,
      height: tall,
      fill: kind === 'errors' ? `url(#${id}-hatch)` : plain ? ink : signColour(energy),
      'fill-opacity': kind === 'other' ? 0.45 : 1,
      stroke: kind === 'errors' ? nullGrey : paper,
      'stroke-width': 0.75,
    }),
    tall >= 7
      ? text(last ? x0 - 5 : x1 + 5, (y0 + y1) / 2 + 4, name, {
          fill: kind === 'other' || kind === 'errors' ? inkSoft : ink,
          'font-size': 11,
          'text-anchor': last ? 'end' : 'start',
          style: `paint-order:stroke;stroke:${paper};stroke-width:3px;stroke-linejoin:round`,
        })
      : '',
  );
}

/** Under each column its name and its sum beside the whole; what lacks is the leak. */
function columnNames(flow: SankeyFlow, nodes: readonly Node[], y: number, inner: number): string[] {
  const step = inner / Math.max(1, flow.columns.length - 1);
  return flow.columns.flatMap(({ name, energy }, at) => {
    const bar = nodes.find((node) => node.column === at);
    if (!bar) return [];
    const anchor = at === 0 ? 'start' : at === flow.columns.length - 1 ? 'end' : 'middle';
    const x =
      anchor === 'start'
        ? (bar.x0 ?? 0)
        : anchor === 'end'
          ? (bar.x1 ?? 0)
          : ((bar.x0 ?? 0) + (bar.x1 ?? 0)) / 2;
    const lost = energy === undefined || flow.deltaM === 0 ? undefined : 1 - energy / flow.deltaM;
    return [
      text(x, y, step < 46 ? name.replace('block ', '') : name, { fill: inkSoft, 'text-anchor': anchor }),
      lost === undefined || step < 64
        ? ''
        : text(x, y + 16, `leak ${percent(lost, 1)}`, { fill: leak, 'font-size': 11, 'text-anchor': anchor }),
      el('line', {
        x1: ((bar.x0 ?? 0) + (bar.x1 ?? 0)) / 2,
        x2: ((bar.x0 ?? 0) + (bar.x1 ?? 0)) / 2,
        y1: y - 14,
        y2: y - 10,
        stroke: hairline,
      }),
    ];
  });
}
