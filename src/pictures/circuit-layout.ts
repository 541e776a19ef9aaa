/**
 * @file Where the parts of a circuit stand: columns are token positions, rows are cuts from the embedding (bottom) to
 * the output (top), nodes stack in their cell by size of effect.
 */
import { signColour } from './colours.ts';
import { largestSize } from './scale.ts';
import { short } from './svg.ts';

export interface GraphNode {
  readonly id: string;
  readonly kind: 'token' | 'feature' | 'error' | 'output';
  readonly cut: number;
  readonly position: number;
  readonly site?: string;
  readonly feature?: number;
  /** Indirect effect m(patched) − m(clean): negative where the node pushes toward the answer. */
  readonly effect: number;
}

export interface GraphEdge {
  readonly source: string;
  readonly target: string;
  /** Positive where the edge carries push toward the answer. */
  readonly weight: number;
}

export interface CircuitGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly positions: { readonly labels: readonly string[]; readonly exampleTokens: readonly string[] };
}

export interface PlacedNode<N extends GraphNode = GraphNode> {
  readonly node: N;
  /** Centre, and side of the square, in pixels. */
  readonly x: number;
  readonly y: number;
  readonly side: number;
  /** −effect: positive pushes toward the answer. */
  readonly push: number;
}

export interface PlacedEdge {
  readonly edge: GraphEdge;
  readonly path: string;
  readonly width: number;
  readonly opacity: number;
  readonly colour: string;
}

export interface CircuitLayout<N extends GraphNode = GraphNode> {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly PlacedNode<N>[];
  readonly edges: readonly PlacedEdge[];
  readonly rows: readonly { readonly cut: number; readonly y: number; readonly label: string }[];
  readonly columns: readonly {
    readonly position: number;
    readonly left: number;
    readonly right: number;
    readonly label: string;
    readonly token: string;
  }[];
}

export interface LayoutOptions {
  readonly width: number;
  /** Height to fill when there is room; the picture grows beyond it when the stacks need more. */
  readonly height?: number;
  /** Nodes with a smaller |effect| are left out (tokens and the output stay). */
  readonly threshold?: number;
  /** Room for the names of the cuts at the left. */
  readonly gutter?: number;
}

const pitch = 15;
const foot = 52;
const widest = 6;

/** Name of a cut, in words. */
export function cutName(node: { cut: number; site?: string; kind: GraphNode['kind'] }): string {
  if (node.kind === 'output') return 'answer';
  if (node.cut === 0 || node.kind === 'token') return 'tokens';
  const block = /blocks\.(\d+)\./.exec(node.site ?? '')?.[1];
  return `after block ${block ?? node.cut - 1}`;
}

/** Places the nodes of `graph` whose |effect| reaches the threshold, and the edges between them. */
export function layoutCircuit<N extends GraphNode>(
  graph: Omit<CircuitGraph, 'nodes'> & { readonly nodes: readonly N[] },
  { width, height = 0, threshold = 0, gutter = 96 }: LayoutOptions,
): CircuitLayout<N> {
  const shown = graph.nodes.filter(
    (node) => node.kind === 'token' || node.kind === 'output' || Math.abs(node.effect) >= threshold,
  );
  const rowKey = (node: N) => (node.kind === 'output' ? Number.POSITIVE_INFINITY : node.cut);
  const cuts = [...new Set(shown.map(rowKey))].sort((a, b) => a - b);
  const cells = new Map<string, N[]>();
  for (const node of shown) {
    const key = `${rowKey(node)}/${node.position}`;
    cells.set(key, [...(cells.get(key) ?? []), node]);
  }
  const columns = placeColumns(graph, cells, width, gutter);
  const perLine = columns.map((column) => Math.max(1, Math.floor((column.right - column.left - 12) / pitch)));
  const lines = cuts.map((cut) =>
    Math.max(
      1,
      ...columns.map((column, i) =>
        Math.ceil((cells.get(`${cut}/${column.position}`)?.length ?? 0) / perLine[i]!),
      ),
    ),
  );
  const stacks = lines.reduce((a, b) => a + b, 0) * pitch;
  const gap = Math.max(34, (height - foot - 16 - stacks) / Math.max(1, cuts.length - 1));
  const total = 16 + stacks + gap * (cuts.length - 1) + foot;

  const sized = shown.filter((n) => n.kind === 'feature' || n.kind === 'error');
  const largest = largestSize(sized.map((n) => n.effect)) || 1;
  const placed: PlacedNode<N>[] = [];
  const rows: { cut: number; y: number; label: string }[] = [];
  let bottom = total - foot;
  cuts.forEach((cut, r) => {
    const tall = lines[r]! * pitch;
    const middle = bottom - tall / 2;
    const sample = shown.find((node) => rowKey(node) === cut)!;
    rows.push({ cut: sample.cut, y: middle, label: cutName(sample) });
    columns.forEach((column, c) => {
      const cell = [...(cells.get(`${cut}/${column.position}`) ?? [])].sort(
        (a, b) => Math.abs(b.effect) - Math.abs(a.effect),
      );
      const used = Math.ceil(cell.length / perLine[c]!);
      cell.forEach((node, i) => {
        const line = Math.floor(i / perLine[c]!);
        const inLine = Math.min(perLine[c]!, cell.length - line * perLine[c]!);
        const x = (column.left + column.right) / 2 + ((i % perLine[c]!) - (inLine - 1) / 2) * pitch;
        const y = middle + (line - (used - 1) / 2) * pitch;
        const share = Math.min(1, Math.abs(node.effect) / largest || 0);
        placed.push({
          node,
          x,
          y,
          side: node.kind === 'token' || node.kind === 'output' ? 12 : 4.5 + 8.5 * Math.sqrt(share),
          push: -node.effect,
        });
      });
    });
    bottom -= tall + gap;
  });
  return { width, height: total, nodes: placed, edges: placeEdges(graph.edges, placed), rows, columns };
}

/** Columns wide enough for their fullest cell, sharing the width in proportion. */
function placeColumns(
  graph: Pick<CircuitGraph, 'positions'>,
  cells: ReadonlyMap<string, readonly GraphNode[]>,
  width: number,
  gutter: number,
): CircuitLayout['columns'] {
  const { labels, exampleTokens } = graph.positions;
  const fullest = labels.map((_, position) => {
    let most = 0;
    for (const [key, nodes] of cells) if (key.endsWith(`/${position}`)) most = Math.max(most, nodes.length);
    return most;
  });
  const wish = fullest.map((count) => Math.max(4.2, Math.sqrt(count * 8)));
  const sum = wish.reduce((a, b) => a + b, 0);
  let left = gutter;
  return labels.map((label, position) => {
    const column = {
      position,
      label,
      token: exampleTokens[position] ?? '',
      left,
      right: left + ((width - gutter) * wish[position]!) / sum,
    };
    left = column.right;
    return column;
  });
}

/** Curves from the top of the source to the foot of the target; below half a pixel they fade instead of thinning. */
function placeEdges(edges: readonly GraphEdge[], placed: readonly PlacedNode[]): PlacedEdge[] {
  const at = new Map(placed.map((one) => [one.node.id, one]));
  const both = edges.filter((edge) => at.has(edge.source) && at.has(edge.target));
  const largest = largestSize(both.map((edge) => edge.weight)) || 1;
  const drawn: PlacedEdge[] = [];
  for (const edge of both) {
    const [from, to] = [at.get(edge.source)!, at.get(edge.target)!];
    const wanted = widest * Math.min(1, Math.abs(edge.weight) / largest || 0);
    const opacity = wanted >= 0.5 ? 0.7 : 0.7 * (wanted / 0.5);
    if (opacity < 0.03) continue;
    const [y0, y1] = [from.y - from.side / 2, to.y + to.side / 2];
    const bend = (y0 - y1) * 0.5;
    const path = `M${short(from.x)} ${short(y0)}C${short(from.x)} ${short(y0 - bend)} ${short(to.x)} ${short(y1 + bend)} ${short(to.x)} ${short(y1)}`;
    drawn.push({ edge, path, width: Math.max(0.5, wanted), opacity, colour: signColour(edge.weight) });
  }
  return drawn.sort((a, b) => a.width * a.opacity - b.width * b.opacity);
}
