/** @file Emitting nodes while knowing every value's type: what the rules of differentiation are written with. */
import { GraphError } from '../core/errors.ts';
import { type DType, emptyArray, tensor } from '../core/tensor.ts';
import { type GraphBuilder, graphBuilder, OPSET } from '../graph/build.ts';
import { broadcastShapes } from '../graph/dims.ts';
import { onnxType } from '../graph/onnx-values.ts';
import { inferNode, inferState, inferWeight, type ShapeState, type ValueType } from '../graph/shapes.ts';
import type { Attribute, Dim, Graph, Node, ValueInfo, Weight } from '../graph/types.ts';

type Attributes = Readonly<Record<string, Attribute>>;

/** A builder that knows the type of every value, with arithmetic that leaves out what does nothing. */
export interface Emitter {
  type(name: string): ValueType;
  shape(name: string): readonly Dim[];
  /** Declares that `value` has the shape of `like`, where inference could not tell; returns `value`. */
  assume(value: string, like: string): string;
  /** Content of a small integer value when it is known. */
  knownInts(name: string): readonly Dim[] | undefined;
  /** Content of a small floating-point constant. */
  knownNumbers(name: string): readonly number[] | undefined;
  op(op: string, inputs: readonly string[], attributes?: Attributes, name?: string): string;
  ops(
    op: string,
    inputs: readonly string[],
    outputs: readonly string[] | number,
    attributes?: Attributes,
    domain?: string,
  ): string[];
  /** A node whose result has a shape that inference cannot tell; its type is that of the first input. */
  shaped(op: string, inputs: readonly string[], attributes: Attributes, shape: readonly Dim[]): string;
  input(info: ValueInfo): string;
  ints(...values: number[]): string;
  /** A name that nothing has yet. */
  fresh(hint: string): string;
  /** A constant or weight under a fresh name. */
  constant(value: Weight, hint?: string): string;
  /** A scalar constant of `dtype`; equal ones share a name. */
  scalar(value: number, dtype: DType): string;
  /** A scalar constant of the dtype of `like`. */
  number(value: number, like: string): string;
  /** The value of a scalar constant, if it is one. */
  scalarValue(name: string): number | undefined;
  /** `value` with another element type (itself when it has it). */
  cast(value: string, dtype: DType): string;
  add(a: string, b: string): string;
  sub(a: string, b: string): string;
  mul(a: string, b: string): string;
  div(a: string, b: string): string;
  neg(a: string): string;
  finish(outputs: readonly string[]): Graph;
  /**
   * From here on nodes are not repeated: what has been emitted on the same inputs is given again, and a vector of
   * sizes that the graph already has is found. Only for what stays at the end of the graph.
   */
  share(): void;
  /** A vector that holds these sizes, if there is one to share. */
  vectorOf(sizes: readonly Dim[]): string | undefined;
}

/** Operators whose result differs from run to run. */
const RANDOM = /^(Random|Multinomial|Bernoulli|Dropout)/;

/** What tells one emission from another; undefined for what is never shared. */
function keyOf(
  op: string,
  inputs: readonly string[],
  attributes: Attributes,
  domain: string,
): string | undefined {
  if (RANDOM.test(op)) return undefined;
  const parts = [domain, op, ...inputs];
  for (const name of Object.keys(attributes).sort()) {
    const attribute = attributes[name]!;
    if ('tensor' in attribute || 'graph' in attribute || 'carried' in attribute) return undefined;
    parts.push(name, JSON.stringify(attribute));
  }
  return parts.join('|');
}

/**
 * An emitter that goes on from `base`.
 * @throws GraphError `graph.old-opset` when the operators that rules emit would mean something else.
 */
export function emitter(base: Graph): Emitter {
  if (base.opset < OPSET) {
    throw new GraphError('graph.old-opset', `the graph uses opset ${base.opset}; derivatives need ${OPSET}`, {
      hint: `export the model with opset ${OPSET} or newer`,
    });
  }
  const builder: GraphBuilder = graphBuilder(base);
  const state: ShapeState = inferState(base);

  const type = (name: string): ValueType => {
    const known = state.types.get(name);
    if (known) return known;
    throw (
      state.unknown.get(name) ??
      new GraphError('graph.broken', `the value "${name}" has no type`, { where: name })
    );
  };
  const shape = (name: string) => type(name).shape;
  let sharing = false;
  const emitted = new Map<string, string[]>();
  const vectors = new Map<string, string>();
  const noteVector = (name: string) => {
    const sizes = state.ints.get(name);
    const known = state.types.get(name);
    if (!sizes || known?.dtype !== 'int64' || known.shape.length !== 1) return;
    if (!vectors.has(sizes.join())) vectors.set(sizes.join(), name);
  };
  const ops: Emitter['ops'] = (op, inputs, outputs, attributes = {}, domain = '') => {
    const key = sharing && typeof outputs === 'number' ? keyOf(op, inputs, attributes, domain) : undefined;
    const before = key === undefined ? undefined : emitted.get(key);
    if (before && before.length === outputs) return before;
    const names = builder.ops(op, inputs, outputs, attributes, domain);
    inferNode(state, { op, domain, inputs, outputs: names, attributes } satisfies Node);
    if (key !== undefined) emitted.set(key, names);
    if (sharing && names[0]) noteVector(names[0]);
    return names;
  };
  const op: Emitter['op'] = (name, inputs, attributes = {}, output) =>
    ops(name, inputs, output === undefined ? 1 : [output], attributes)[0]!;

  const scalar = (value: number, dtype: DType): string => {
    // Halves have no arithmetic here: make the number in float32.
    if (dtype === 'float16') return emit.cast(scalar(value, 'float32'), 'float16');
    const name = `scalar:${dtype}:${value}`;
    if (state.types.has(name)) return name;
    const data = emptyArray(dtype, 1);
    data[0] = dtype === 'int64' ? BigInt(value) : value;
    const constant = tensor(dtype, [], data);
    builder.weight(name, constant);
    inferWeight(state, name, constant);
    return name;
  };
  const scalarValue = (name: string): number | undefined => {
    const own = /^scalar:\w+:(.*)$/.exec(name)?.[1];
    if (own !== undefined) return Number(own);
    const weight = base.weights.get(name);
    return weight && 'data' in weight && weight.shape.length === 0 ? Number(weight.data[0]) : undefined;
  };
  /** Whether `a op b` has the shape of `a`. */
  const keepsShape = (a: string, b: string) =>
    `${broadcastShapes(shape(a), shape(b))}` === `${shape(a)}` && shape(a).length >= shape(b).length;

  const emit: Emitter = {
    type,
    shape,
    op,
    ops,
    scalar,
    scalarValue,
    assume(value, like) {
      state.types.set(value, { dtype: type(value).dtype, shape: shape(like) });
      return value;
    },
    knownNumbers: (name) => state.numbers.get(name),
    shaped(op, inputs, attributes, shape) {
      const [name] = builder.ops(op, inputs, 1, attributes);
      state.types.set(name!, { dtype: type(inputs[0]!).dtype, shape });
      return name!;
    },
    knownInts: (name) => state.ints.get(name),
    input(info) {
      builder.input(info.name, info.dtype, info.shape);
      state.types.set(info.name, { dtype: info.dtype, shape: info.shape });
      return info.name;
    },
    ints(...values) {
      const name = builder.ints(...values);
      if (!state.types.has(name)) {
        state.types.set(name, { dtype: 'int64', shape: [values.length] });
        state.ints.set(name, values);
      }
      return name;
    },
    fresh: (hint) => builder.fresh(hint),
    constant(value, hint = 'constant') {
      const name = builder.weight(builder.fresh(hint), value);
      inferWeight(state, name, value);
      return name;
    },
    number: (value, like) => scalar(value, type(like).dtype),
    cast: (value, dtype) =>
      type(value).dtype === dtype ? value : op('Cast', [value], { to: { int: onnxType[dtype] } }),
    add: (a, b) => op('Add', [a, b]),
    sub: (a, b) => op('Sub', [a, b]),
    mul(a, b) {
      if (scalarValue(a) === 1 && keepsShape(b, a)) return b;
      if (scalarValue(b) === 1 && keepsShape(a, b)) return a;
      return op('Mul', [a, b]);
    },
    div: (a, b) => (scalarValue(b) === 1 && keepsShape(a, b) ? a : op('Div', [a, b])),
    neg(a) {
      const value = scalarValue(a);
      return value === undefined ? op('Neg', [a]) : scalar(-value, type(a).dtype);
    },
    finish: (outputs) => builder.finish(outputs),
    share() {
      sharing = true;
      for (const name of state.ints.keys()) noteVector(name);
    },
    vectorOf: (sizes) => vectors.get(sizes.join()),
  };
  return emit;
}
