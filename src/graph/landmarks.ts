/** @file Landmarks of an unknown network, from its graph alone: complete cuts, residual stream, what blocks add to it. */
import { inferKnown, type ValueType } from './shapes.ts';
import { type Graph, isCarried, type Node } from './types.ts';
import { ancestors, readsOf } from './uses.ts';

export interface Landmarks {
  /** Values that all of the network's computation from `from` to `to` passes through, in order. */
  readonly cuts: readonly string[];
  /** Those of them that are the sum of two branches: states of a residual stream. */
  readonly stream: readonly string[];
  /** What each block adds to the stream: the branch with more computation in it. */
  readonly added: readonly string[];
  /** The input and the output between which the cuts lie; undefined when none of the inputs reaches an output. */
  readonly from?: string;
  readonly to?: string;
}

/**
 * Landmarks between the input with most computation behind it and the floating-point output with most before it.
 * A cut is a dominator: no floating-point value computed from `from` reaches `to` around it (shapes and masks made
 * of other inputs may). Found in one sweep: a value is a cut when nothing else made before it is read after it.
 */
export function landmarks(graph: Graph): Landmarks {
  const types = inferKnown(graph);
  const ends = endsOf(graph, types);
  if (!ends) return { cuts: [], stream: [], added: [] };
  const { from, to } = ends;
  const path = onPath(graph, types, from, to);
  const cuts = dominators(graph, path, from, to);
  const isCut = new Set(cuts);
  const depth = depths(graph, path);
  const stream: string[] = [];
  const added: string[] = [];
  for (const node of graph.nodes) {
    const sum = sumOf(node);
    if (!sum || !isCut.has(sum.result)) continue;
    const branches = sum.terms.filter((name) => path.has(name));
    if (branches.length < 2 || new Set(branches).size < 2) continue;
    stream.push(sum.result);
    added.push(branches.reduce((a, b) => (depth.get(b)! > depth.get(a)! ? b : a)));
  }
  return { cuts, stream, added, from, to };
}

/** A node that adds branches: the sum's name and its terms. */
function sumOf(node: Node): { result: string; terms: readonly string[] } | undefined {
  if (node.domain === '' && (node.op === 'Add' || node.op === 'Sum'))
    return { result: node.outputs[0]!, terms: node.inputs };
  if (node.op === 'SkipLayerNormalization' || node.op === 'SkipSimplifiedLayerNormalization')
    return { result: node.outputs[3] || node.outputs[0]!, terms: node.inputs.slice(0, 2) };
  return undefined;
}

function endsOf(
  graph: Graph,
  types: ReadonlyMap<string, ValueType>,
): { from: string; to: string } | undefined {
  const outputs = graph.outputs.map((name) => ({ name, behind: ancestors(graph, [name]) }));
  const floating = outputs.filter(({ name }) => carriesNumbers(types, name));
  const best = (floating.length > 0 ? floating : outputs).reduce<(typeof outputs)[number] | undefined>(
    (a, b) => (a && a.behind.size >= b.behind.size ? a : b),
    undefined,
  );
  if (!best) return undefined;
  let [from, most] = ['', 0];
  for (const input of graph.inputs) {
    if (isCarried(input) || !best.behind.has(input.name)) continue;
    const path = onPath(graph, types, input.name, best.name);
    if (path.size > most) [from, most] = [input.name, path.size];
  }
  return most > 1 ? { from, to: best.name } : undefined;
}

/** Whether a value may carry what the network computes: floating point, or of unknown type. */
function carriesNumbers(types: ReadonlyMap<string, ValueType>, name: string): boolean {
  const dtype = types.get(name)?.dtype;
  return dtype === undefined || dtype.startsWith('float');
}

/** Operators whose whole numbers stand for real ones: the path goes on through them. */
const QUANTISED = new Set([
  'QuantizeLinear',
  'DynamicQuantizeLinear',
  'MatMulInteger',
  'ConvInteger',
  'QLinearConv',
  'QLinearMatMul',
]);

/**
 * Values that `to` needs and that feel `from`: through numbers, and through whole numbers that are moved about. Where
 * that way does not arrive (token ids compared with a table, say), through all but shapes.
 */
function onPath(
  graph: Graph,
  types: ReadonlyMap<string, ValueType>,
  from: string,
  to: string,
): ReadonlySet<string> {
  const needed = ancestors(graph, [to]);
  const along = (goesOn: (node: Node, name: string, path: ReadonlySet<string>) => boolean) => {
    const path = new Set([from]);
    for (const node of graph.nodes) {
      if (node.op === 'Shape' || node.op === 'Size' || !readsOf(node).some((name) => path.has(name)))
        continue;
      // Scales and zero points that come with quantised values are no way around them.
      const outputs = QUANTISED.has(node.op) ? node.outputs.slice(0, 1) : node.outputs;
      for (const name of outputs)
        if (name !== '' && needed.has(name) && goesOn(node, name, path)) path.add(name);
    }
    return path;
  };
  const numbers = along(
    (node, name, path) => carriesNumbers(types, name) || QUANTISED.has(node.op) || passesOn(node, path),
  );
  return numbers.has(to) ? numbers : along(() => true);
}

/** Operators through which whole numbers, such as token ids, come along unchanged. */
const MOVES = new Set([
  'Cast',
  'Identity',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Slice',
  'Transpose',
  'Flatten',
]);

const passesOn = (node: Node, path: ReadonlySet<string>): boolean =>
  MOVES.has(node.op) && path.has(node.inputs[0]!);

/** Values of the path that every way from `from` to `to` passes, `from` left out. */
function dominators(graph: Graph, path: ReadonlySet<string>, from: string, to: string): string[] {
  const lastRead = new Map<string, number>([[to, graph.nodes.length]]);
  const reaches = new Set([to]);
  // Only what reaches `to` along the path counts.
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    if (!node.outputs.some((name) => reaches.has(name))) continue;
    for (const name of readsOf(node)) {
      if (!path.has(name)) continue;
      reaches.add(name);
      if (!lastRead.has(name)) lastRead.set(name, i);
    }
  }
  const cuts: string[] = [];
  let open = lastRead.get(from) ?? -1;
  for (const [i, node] of graph.nodes.entries()) {
    const made = node.outputs.filter((name) => reaches.has(name) && path.has(name));
    if (made.length === 0) continue;
    if (made.length === 1 && open <= i) cuts.push(made[0]!);
    for (const name of made) open = Math.max(open, lastRead.get(name) ?? -1);
  }
  return cuts;
}

/** Length of the longest way of operators to each value of the path. */
function depths(graph: Graph, path: ReadonlySet<string>): Map<string, number> {
  const depth = new Map<string, number>();
  for (const node of graph.nodes) {
    const most = Math.max(0, ...readsOf(node).map((name) => depth.get(name) ?? 0));
    for (const name of node.outputs) if (path.has(name)) depth.set(name, most + 1);
  }
  for (const name of path) if (!depth.has(name)) depth.set(name, 0);
  return depth;
}
