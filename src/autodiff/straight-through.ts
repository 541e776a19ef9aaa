/** @file Quantised networks made differentiable: rounding counts as identity (straight-through estimator). */
import { GraphError } from '../core/errors.ts';
import type { DType } from '../core/tensor.ts';
import { intAttribute } from '../graph/attributes.ts';
import { positiveAxis } from '../graph/dims.ts';
import type { Graph, Node } from '../graph/types.ts';
import { upgrade } from '../graph/upgrade.ts';
import { type Emitter, emitter } from './emit.ts';

/** A graph with real numbers where whole numbers stood for them, and the values that `stop` must hold still. */
export interface StraightThrough {
  readonly graph: Graph;
  readonly stop: readonly string[];
}

/**
 * The graph in which every quantised value has a real twin: what it stands for before rounding, plus the rounding
 * error as a constant. Forward values stay those of the quantised network (to float32 rounding); a derivative that
 * gets `stop` passes through rounding as if it were not there, and is 0 where a value was clipped to the range.
 * Source: Bengio, Léonard & Courville 2013, arXiv:1308.3432, §4; with clipping as in PyTorch's fake quantisation.
 * Handles QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear, MatMulInteger, ConvInteger, QLinearConv,
 * QLinearMatMul, DynamicQuantizeLSTM, moves and sums of their values; a graph without them is returned as it is.
 * @throws GraphError `graph.no-shape-rule`, `graph.shape` when types cannot be known.
 */
export function straightThrough(graph: Graph): StraightThrough {
  if (!graph.nodes.some((node) => ROUNDS.has(node.op))) return { graph, stop: [] };
  const base = upgrade(graph);
  const e = emitter(base);
  const nodes: Node[] = [];
  let seen = base.nodes.length;
  // What the emitter puts at its end belongs where the node stands that it is emitted for.
  const add = (node?: Node) => {
    const all = e.finish([]).nodes;
    nodes.push(...all.slice(seen), ...(node ? [node] : []));
    seen = all.length;
  };
  const c: Conversion = { e, add, twins: new Map(), stop: [] };
  for (const node of base.nodes) {
    const handle = handlers[node.domain === '' ? node.op : `${node.domain}:${node.op}`];
    if (handle?.(c, node)) continue;
    if (node.domain === '' && MOVES.has(node.op) && moved(c, node)) continue;
    if (node.op !== 'Shape' && node.inputs.some((name) => c.twins.has(name)))
      throw notHandled(node, 'quantised values');
    add(node);
  }
  add();
  return { graph: { ...e.finish(graph.outputs), nodes }, stop: c.stop };
}

/** Values, most of them whole numbers, that come of rounding: they stand for real ones and must not become constants. */
export function quantisedValues(graph: Graph): ReadonlySet<string> {
  const values = new Set<string>();
  for (const node of graph.nodes) {
    if (!ROUNDS.has(node.op) && !node.inputs.some((name) => values.has(name))) continue;
    if (node.op !== 'Shape' && node.op !== 'Size') for (const name of node.outputs) values.add(name);
  }
  return values;
}

interface Conversion {
  readonly e: Emitter;
  /** Puts a node of the graph behind what was emitted so far. */
  readonly add: (node: Node) => void;
  /** Real twin of a quantised value, in the same units. */
  readonly twins: Map<string, string>;
  readonly stop: string[];
}

/** Emits what stands for the node; false when it has nothing to do with quantised values. */
type Handler = (c: Conversion, node: Node) => boolean;

/** Least and largest number of a quantised type. */
const RANGE: Partial<Record<DType, readonly [number, number]>> = { uint8: [0, 255], int8: [-128, 127] };

/** Operators that make whole numbers of real ones, or have them inside. */
const ROUNDS = new Set(['QuantizeLinear', 'DynamicQuantizeLinear', 'DynamicQuantizeLSTM']);

/** Operators that move quantised values about. */
const MOVES = new Set([
  'Identity',
  'Reshape',
  'Transpose',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'Slice',
  'Gather',
]);

/** `value` under a name through which no gradient flows. */
function held({ e, stop }: Conversion, value: string): string {
  const name = e.op('Identity', [value]);
  stop.push(name);
  return name;
}

/** The node itself, reading other values. */
const emitted = ({ add }: Conversion, node: Node, inputs: readonly string[]): void =>
  add({ ...node, inputs });

/** `value` under a name that the graph has. */
const define = ({ add }: Conversion, name: string, value: string): void =>
  add({ op: 'Identity', domain: '', inputs: [value], outputs: [name], attributes: {} });

/** Whole numbers as `dtype`. */
const real = (c: Conversion, name: string, dtype: DType): string =>
  c.twins.get(name) ?? c.e.cast(name, dtype);

/** A scale or zero point of each channel [C] where it can be broadcast along `axis` of `like`. */
function alongAxis(e: Emitter, value: string, axis: number, like: string): string {
  if (e.shape(value).length !== 1) return value;
  const rank = e.shape(like).length;
  const shape = Array.from({ length: rank }, (_, i) => (i === positiveAxis(axis, rank) ? -1 : 1));
  return e.op('Reshape', [value, e.ints(...shape)]);
}

/** Registers the twin of `quantised`, made from `value` (real, in units of the scale). */
function addTwin(
  c: Conversion,
  value: string,
  scale: string,
  zero: string | undefined,
  quantised: string,
  clips = true,
): void {
  const { e } = c;
  const dtype = e.type(value).dtype;
  const shifted = zero ? e.add(e.div(value, scale), e.cast(zero, dtype)) : e.div(value, scale);
  const range = clips ? RANGE[e.type(quantised).dtype] : undefined;
  const inside = range
    ? e.op('Clip', [shifted, e.scalar(range[0], dtype), e.scalar(range[1], dtype)])
    : shifted;
  const error = e.sub(e.cast(quantised, dtype), held(c, inside));
  c.twins.set(quantised, e.add(inside, error));
}

function dequantised(
  c: Conversion,
  name: string,
  scale: string,
  zero: string | undefined,
  axis: number,
): string {
  const { e } = c;
  const dtype = e.type(scale).dtype;
  const numbers = real(c, name, dtype);
  const shifted = zero ? e.sub(numbers, alongAxis(e, e.cast(zero, dtype), axis, name)) : numbers;
  return e.mul(shifted, alongAxis(e, scale, axis, name));
}

const handlers: Readonly<Record<string, Handler>> = {
  QuantizeLinear(c, node) {
    const { e } = c;
    const [x, scale, zero] = node.inputs as [string, string, string?];
    if (intAttribute(node, 'block_size', 0) > 0) throw notHandled(node, 'scales per block');
    emitted(c, node, [held(c, x), ...node.inputs.slice(1)]);
    const axis = intAttribute(node, 'axis', 1);
    addTwin(c, x, alongAxis(e, scale, axis, x), zero && alongAxis(e, zero, axis, x), node.outputs[0]!);
    return true;
  },
  DynamicQuantizeLinear(c, node) {
    emitted(c, node, [held(c, node.inputs[0]!)]);
    const [quantised, scale, zero] = node.outputs as [string, string, string];
    // The range is that of the numbers: nothing is clipped but by rounding.
    addTwin(c, node.inputs[0]!, scale, zero, quantised, false);
    return true;
  },
  DequantizeLinear(c, node) {
    const [q, scale, zero] = node.inputs as [string, string, string?];
    if (!c.twins.has(q)) return false;
    const y = dequantised(c, q, scale, zero || undefined, intAttribute(node, 'axis', 1));
    define(c, node.outputs[0]!, y);
    return true;
  },
  Cast(c, node) {
    const twin = c.twins.get(node.inputs[0]!);
    if (!twin) return false;
    const { dtype } = c.e.type(node.outputs[0]!);
    if (dtype.startsWith('float')) define(c, node.outputs[0]!, c.e.cast(twin, dtype));
    else {
      emitted(c, node, node.inputs);
      c.twins.set(node.outputs[0]!, twin);
    }
    return true;
  },
  MatMulInteger: (c, node) => integerProduct(c, node, 'MatMul'),
  ConvInteger: (c, node) => integerProduct(c, node, 'Conv'),
  /** Of whole numbers, as a bias of an integer product. */
  Add(c, node) {
    if (!node.inputs.some((name) => c.twins.has(name))) return false;
    emitted(c, node, node.inputs);
    const [a, b] = node.inputs.map((name) => real(c, name, 'float32')) as [string, string];
    c.twins.set(node.outputs[0]!, c.e.add(a, b));
    return true;
  },
  QLinearMatMul: (c, node) => quantisedProduct(c, node, 'MatMul'),
  QLinearConv: (c, node) => quantisedProduct(c, node, 'Conv'),
  /** An LSTM with 8-bit weights [directions, in, 4·H] and rounded products: the real one, plus the error. */
  'com.microsoft:DynamicQuantizeLSTM'(c, node) {
    const { e } = c;
    const [x, W, R, ...others] = node.inputs as [string, string, string, ...string[]];
    const weights = (w: string, scale: string, zero: string) => {
      const perGate = (v: string) =>
        e.op('Reshape', [v, e.ints(Number(e.shape(w)[0]), 1, e.shape(v).length === 2 ? -1 : 1)]);
      const numbers = e.sub(e.cast(w, 'float32'), perGate(e.cast(zero, 'float32')));
      return e.op('Transpose', [e.mul(numbers, perGate(scale))], { perm: { ints: [0, 2, 1] } });
    };
    const [sW, zW, sR, zR] = node.inputs.slice(8) as [string, string, string, string];
    const inputs = [x, weights(W, sW, zW), weights(R, sR, zR), ...others.slice(0, 5)];
    const like = e.ops(
      'LSTM',
      inputs,
      node.outputs.map((name) => (name === '' ? '' : e.fresh(name))),
      node.attributes,
    );
    const rounded = e.ops(
      node.op,
      node.inputs.map((name, i) => (name !== '' && [0, 5, 6].includes(i) ? held(c, name) : name)),
      node.outputs.map((name) => (name === '' ? '' : e.fresh(name))),
      node.attributes,
      node.domain,
    );
    for (const [i, name] of node.outputs.entries()) {
      if (name === '') continue;
      define(c, name, e.add(like[i]!, e.sub(rounded[i]!, held(c, like[i]!))));
    }
    return true;
  },
};

/** (a, b, zero of a?, zero of b?) of whole numbers, as a real product. */
function integerProduct(c: Conversion, node: Node, op: 'MatMul' | 'Conv'): boolean {
  const [a, b, zeroA, zeroB] = node.inputs as [string, string, string?, string?];
  if (!c.twins.has(a) && !c.twins.has(b)) return false;
  const { e } = c;
  const shifted = (x: string, zero: string | undefined) =>
    zero ? e.sub(real(c, x, 'float32'), e.cast(zero, 'float32')) : real(c, x, 'float32');
  emitted(c, node, node.inputs);
  const product = e.ops(op, [shifted(a, zeroA), shifted(b, zeroB)], 1, node.attributes)[0]!;
  c.twins.set(node.outputs[0]!, product);
  return true;
}

/** (a, scale, zero, b, scale, zero, scale of the result, zero of the result, bias?). */
function quantisedProduct(c: Conversion, node: Node, op: 'MatMul' | 'Conv'): boolean {
  const [a, sa, za, b, sb, zb, sy, zy, bias] = node.inputs as [
    ...[string, string, string, string, string, string, string, string],
    string?,
  ];
  if (!c.twins.has(a) && !c.twins.has(b)) return false;
  const { e } = c;
  emitted(c, node, node.inputs);
  // Scales per channel: of a kernel along its first axis, of a matrix along its last.
  const axis = op === 'Conv' ? 0 : -1;
  const inputs = [dequantised(c, a, sa, za, 1), dequantised(c, b, sb, zb, axis)];
  if (bias) inputs.push(e.mul(e.cast(bias, 'float32'), e.mul(sa, sb)));
  const product = e.ops(op, inputs, 1, node.attributes)[0]!;
  addTwin(c, product, sy, zy, node.outputs[0]!);
  return true;
}

/** Moves the twin as the value is moved; refuses to lose one. */
function moved(c: Conversion, node: Node): boolean {
  const twin = c.twins.get(node.inputs[0]!);
  if (!twin) return false;
  emitted(c, node, node.inputs);
  c.twins.set(node.outputs[0]!, c.e.op(node.op, [twin, ...node.inputs.slice(1)], node.attributes));
  return true;
}

const notHandled = (node: Node, what: string) =>
  new GraphError('graph.no-rule', `${node.op} "${node.outputs[0]}" with ${what} has no derivative`, {
    where: node.outputs[0],
    hint: 'docs/operators.md lists what can be differentiated',
  });
