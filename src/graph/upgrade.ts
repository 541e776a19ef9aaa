/** @file Older operator sets (7 to 17) rewritten as set 18, in which derivatives are emitted; values keep their names. */
import { GraphError } from '../core/errors.ts';
import { i64, type Tensor, tensor } from '../core/tensor.ts';
import { floatAttribute, intAttribute, intsAttribute, stringAttribute } from './attributes.ts';
import { OPSET } from './build.ts';
import { inferKnown } from './shapes.ts';
import { type Attribute, type Graph, isExternal, type Node, type Weight } from './types.ts';
import { valueNames } from './uses.ts';

/** Oldest operator set that is rewritten; onnxruntime takes none older. */
const OLDEST = 7;

/** What a rewrite of one node may use. */
interface Rewriting {
  /** Operator set that the node was written in. */
  readonly from: number;
  /** Number of axes of a value, where it can be known. */
  rank(value: string): number | undefined;
  /** The element type of a value, where it can be known. */
  dtype(value: string): Tensor['dtype'] | undefined;
  /** A constant, by name. */
  constant(value: Tensor): string;
  /** Numbers of a constant, where they are in memory. */
  numbers(value: string): readonly number[] | undefined;
  /** A name that nothing has yet. */
  fresh(hint: string): string;
}

type Rewrite = (node: Node, c: Rewriting) => readonly Node[] | undefined;

/**
 * The same network in operator set 18: attributes that became inputs, softmax over flattened axes, Upsample and
 * the first Resize, Dropout as what it does in inference. A graph of set 18 or newer is returned as it is.
 * Source: the operators' change log of the ONNX standard.
 * @throws GraphError `graph.old-opset` below set 7, and for the few operators whose old meaning has no new form.
 */
export function upgrade(graph: Graph): Graph {
  if (graph.opset >= OPSET) return graph;
  if (graph.opset < OLDEST) {
    throw new GraphError(
      'graph.old-opset',
      `the graph uses opset ${graph.opset}; ${OLDEST} is the oldest read`,
      {
        hint: `export the model with opset ${OPSET} or newer`,
      },
    );
  }
  return upgraded(graph, new Set(allNames(graph)));
}

function upgraded(graph: Graph, taken: Set<string>): Graph {
  const types = inferKnown(graph);
  const weights = new Map<string, Weight>(graph.weights);
  const fresh = (hint: string): string => {
    let name = `${hint}:18`;
    for (let i = 2; taken.has(name); i++) name = `${hint}:18.${i}`;
    taken.add(name);
    return name;
  };
  const c: Rewriting = {
    from: graph.opset,
    rank: (value) => types.get(value)?.shape.length,
    dtype: (value) => types.get(value)?.dtype,
    fresh,
    numbers(value) {
      const weight = weights.get(value);
      return weight && !isExternal(weight) ? Array.from(weight.data as ArrayLike<number>, Number) : undefined;
    },
    constant(value) {
      const name = fresh(`constant:${value.dtype}:${value.data.slice(0, 4).join(',')}`);
      weights.set(name, value);
      return name;
    },
  };
  const nodes = graph.nodes.flatMap((node) => {
    const own = withUpgradedGraphs(node, taken);
    return (node.domain === '' ? rewrites[node.op]?.(own, c) : undefined) ?? [own];
  });
  return { ...graph, nodes, weights, opset: OPSET };
}

function withUpgradedGraphs(node: Node, taken: Set<string>): Node {
  if (!Object.values(node.attributes).some((a) => 'graph' in a)) return node;
  const attributes = Object.fromEntries(
    Object.entries(node.attributes).map(([key, a]) => [
      key,
      'graph' in a ? { graph: upgraded(a.graph, taken) } : a,
    ]),
  );
  return { ...node, attributes };
}

function* allNames(graph: Graph): Iterable<string> {
  yield* valueNames(graph);
  for (const node of graph.nodes) {
    for (const a of Object.values(node.attributes)) if ('graph' in a) yield* allNames(a.graph);
  }
}

/** The node with attributes left out, others added, and other inputs. */
function changed(
  node: Node,
  inputs: readonly string[],
  without: readonly string[],
  more: Record<string, Attribute> = {},
): Node {
  const kept = Object.entries(node.attributes).filter(([key]) => !without.includes(key));
  return { ...node, inputs, attributes: { ...Object.fromEntries(kept), ...more } };
}

const ints = (c: Rewriting, values: readonly number[]) => c.constant(i64([values.length], values));

/** Attribute `name` (whole numbers) becomes input `at`. */
const intsToInput =
  (name: string, at: number): Rewrite =>
  (node, c) => {
    const values = intsAttribute(node, name);
    if (!values) return undefined;
    const inputs = [...node.inputs];
    while (inputs.length < at) inputs.push('');
    inputs[at] = ints(c, values);
    return [changed(node, inputs, [name])];
  };

/** A float attribute as a scalar constant of the type of the node's first input. */
function scalarLike(c: Rewriting, node: Node, value: number): string {
  const dtype = c.dtype(node.inputs[0]!) ?? 'float32';
  return c.constant(
    dtype === 'float64'
      ? tensor('float64', [], Float64Array.of(value))
      : tensor('float32', [], Float32Array.of(value)),
  );
}

/** Before set 13 softmax ran over all axes from `axis` (default 1) on, taken as one. */
const flattenedSoftmax: Rewrite = (node, c) => {
  if (c.from >= 13) return undefined;
  const axis = intAttribute(node, 'axis', 1);
  const [x, y] = [node.inputs[0]!, node.outputs[0]!];
  const rank = c.rank(x);
  if (axis === -1 || (rank !== undefined && (axis === rank - 1 || axis === -1)))
    return [changed(node, node.inputs, [], { axis: { int: -1 } })];
  const [flat, soft, shape] = [c.fresh(`${y}:flat`), c.fresh(`${y}:soft`), c.fresh(`${x}:shape`)];
  const plain = { domain: '', attributes: {} };
  return [
    { ...plain, op: 'Flatten', inputs: [x], outputs: [flat], attributes: { axis: { int: axis } } },
    { ...node, inputs: [flat], outputs: [soft], attributes: { axis: { int: -1 } } },
    { ...plain, op: 'Shape', inputs: [x], outputs: [shape] },
    { ...plain, op: 'Reshape', inputs: [soft, shape], outputs: [y] },
  ];
};

/**
 * What Upsample and the first Resize did, in the words of the later one. Nearest neighbours were found by rounding
 * down where an axis grew and up where it shrank (onnxruntime, Resize-10).
 */
function firstResize(node: Node, scales: string, c: Rewriting): Node {
  const mode = stringAttribute(node, 'mode', 'nearest');
  const known = c.numbers(scales) ?? [];
  const shrinks = known.some((s) => s < 1);
  if (mode === 'nearest' && shrinks && known.some((s) => s > 1))
    throw noNewForm(node, 'nearest neighbours along axes that grow and axes that shrink');
  const more: Record<string, Attribute> = {
    mode: { string: mode },
    coordinate_transformation_mode: { string: 'asymmetric' },
    nearest_mode: { string: shrinks ? 'ceil' : 'floor' },
  };
  return { ...changed(node, [node.inputs[0]!, '', scales], ['scales'], more), op: 'Resize' };
}

/** In inference Dropout passes its input on; a mask that somebody reads is kept. */
const dropout: Rewrite = (node) =>
  (node.outputs[1] ?? '') === '' && node.inputs.length < 3
    ? [{ ...node, op: 'Identity', inputs: [node.inputs[0]!], outputs: [node.outputs[0]!], attributes: {} }]
    : [changed(node, node.inputs, ['ratio', 'is_test'])];

const rewrites: Readonly<Record<string, Rewrite>> = {
  Softmax: flattenedSoftmax,
  LogSoftmax: flattenedSoftmax,
  Hardmax: flattenedSoftmax,
  Squeeze: intsToInput('axes', 1),
  Unsqueeze: intsToInput('axes', 1),
  ...Object.fromEntries(
    'Sum Mean Max Min Prod L1 L2 LogSum LogSumExp SumSquare'
      .split(' ')
      .map((name) => [`Reduce${name}`, intsToInput('axes', 1)]),
  ),
  Dropout: dropout,
  Split(node, c) {
    const sizes = intsAttribute(node, 'split');
    if (sizes) return [changed(node, [node.inputs[0]!, ints(c, sizes)], ['split'])];
    if ((node.inputs[1] ?? '') !== '') return undefined;
    return [changed(node, node.inputs, [], { num_outputs: { int: node.outputs.length } })];
  },
  Slice(node, c) {
    const [starts, ends] = [intsAttribute(node, 'starts'), intsAttribute(node, 'ends')];
    if (!starts || !ends) return undefined;
    const axes = intsAttribute(node, 'axes');
    const inputs = [node.inputs[0]!, ints(c, starts), ints(c, ends), ...(axes ? [ints(c, axes)] : [])];
    return [changed(node, inputs, ['starts', 'ends', 'axes'])];
  },
  Clip(node, c) {
    if (c.from >= 11) return undefined;
    const bound = (name: string) =>
      name in node.attributes ? scalarLike(c, node, floatAttribute(node, name, 0)) : '';
    const inputs = [node.inputs[0]!, bound('min'), bound('max')];
    while (inputs.at(-1) === '') inputs.pop();
    return [changed(node, inputs, ['min', 'max'])];
  },
  Pad(node, c) {
    const pads = intsAttribute(node, 'pads');
    if (!pads) return undefined;
    const value = scalarLike(c, node, floatAttribute(node, 'value', 0));
    return [changed(node, [node.inputs[0]!, ints(c, pads), value], ['pads', 'value'])];
  },
  TopK(node, c) {
    if (!('k' in node.attributes)) return undefined;
    return [changed(node, [node.inputs[0]!, ints(c, [intAttribute(node, 'k', 1)])], ['k'])];
  },
  Scatter: (node) => [{ ...node, op: 'ScatterElements' }],
  Upsample(node, c) {
    const scales = node.attributes.scales;
    if (node.inputs[1]) return [firstResize(node, node.inputs[1], c)];
    if (!scales || !('floats' in scales)) return undefined;
    const values = tensor('float32', [scales.floats.length], Float32Array.from(scales.floats));
    return [firstResize(node, c.constant(values), c)];
  },
  Resize: (node, c) => (c.from < 11 ? [firstResize(node, node.inputs[1]!, c)] : undefined),
  BatchNormalization(node, c) {
    if (c.from >= 14) return undefined;
    if (intAttribute(node, 'spatial', 1) !== 1) throw noNewForm(node, 'statistics per element (spatial = 0)');
    return [{ ...changed(node, node.inputs, ['spatial']), outputs: node.outputs.slice(0, 1) }];
  },
  RoiAlign: (node, c) =>
    c.from >= 16 || 'coordinate_transformation_mode' in node.attributes
      ? undefined
      : [changed(node, node.inputs, [], { coordinate_transformation_mode: { string: 'output_half_pixel' } })],
  Scan: (node, c) => {
    if (c.from < 9) throw noNewForm(node, 'the batched Scan of opset 8');
    return undefined;
  },
};

const noNewForm = (node: Node, what: string) =>
  new GraphError(
    'graph.old-opset',
    `${node.op} "${node.outputs[0]}" uses ${what}, which opset ${OPSET} has not`,
    {
      where: node.outputs[0],
      hint: `export the model with opset ${OPSET} or newer`,
    },
  );
