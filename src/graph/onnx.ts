/** @file ONNX files: a Graph written as a ModelProto and read back. Weights in files stay there. */
import { dirname, relative, resolve } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { GraphError, UntangleError } from '../core/errors.ts';
import { checkGraph } from './check-graph.ts';
import {
  decodeAttribute,
  decodeTensor,
  dtypeOf,
  encodeAttribute,
  encodeTensor,
  onnxType,
} from './onnx-values.ts';
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  type ValueInfoProto,
} from './proto/onnx_pb.js';
import { inferShapes } from './shapes.ts';
import type { Attribute, Dim, Graph, Node, ValueInfo } from './types.ts';

/** Version of the file format that goes with the operator sets we write. */
const IR_VERSION = 10n;

/**
 * The bytes of a ModelProto. In-memory weights are copied in; external ones become references.
 * `externalDir`: folder that the `.onnx` file will stand in (references are relative to it; ORT refuses
 * references that leave it). Outputs get their types where shape inference knows them.
 */
export function encodeOnnx(graph: Graph, { externalDir }: { externalDir?: string } = {}): Uint8Array {
  const domains = new Set(collectDomains(graph));
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: 'untangle',
    graph: encodeGraph(graph, externalDir, outputTypes(graph)),
    opsetImport: [
      { domain: '', version: BigInt(graph.opset) },
      ...[...domains].filter((d) => d !== '').map((domain) => ({ domain, version: 1n })),
    ],
  });
  return toBinary(ModelProtoSchema, model);
}

/**
 * The graph of a ModelProto. Constant nodes become weights. `file`: where the bytes came from, against whose
 * folder external weights are resolved.
 * @throws GraphError `graph.not-onnx` when the bytes cannot be read, `graph.unsupported` for what we do not
 * carry (functions, sparse weights, sequences), `graph.broken` for a graph that contradicts itself.
 */
export function decodeOnnx(bytes: Uint8Array, { file }: { file?: string } = {}): Graph {
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new GraphError('graph.not-onnx', 'these bytes are not an ONNX model, or the file was cut short', {
      where: file,
      hint: 'download or export the model again',
      cause,
    });
  }
  const proto = model.graph;
  if (!proto || model.opsetImport.length === 0) {
    throw new GraphError('graph.not-onnx', 'the file holds no ONNX graph', { where: file });
  }
  if (model.functions.length > 0) throw unsupported('local functions', file);
  const opset = model.opsetImport.find((o) => o.domain === '' || o.domain === 'ai.onnx');
  try {
    const graph = decodeGraph(proto, Number(opset?.version ?? 0n), file && dirname(resolve(file)));
    checkGraph(graph);
    return graph;
  } catch (error) {
    if (error instanceof UntangleError) throw error;
    throw new GraphError('graph.not-onnx', 'the file breaks the ONNX format', { where: file, cause: error });
  }
}

function encodeGraph(
  graph: Graph,
  folder: string | undefined,
  types: ReadonlyMap<string, { dtype: ValueInfo['dtype']; shape: readonly Dim[] }>,
): GraphProto {
  return create(GraphProtoSchema, {
    name: 'graph',
    input: graph.inputs.map((input) => valueInfo(input.name, input)),
    output: graph.outputs.map((name) => valueInfo(name, types.get(name))),
    initializer: [...graph.weights].map(([name, weight]) =>
      encodeTensor(name, weight, (path) => (folder === undefined ? path : relative(folder, path))),
    ),
    node: graph.nodes.map((node) => ({
      name: node.outputs[0] ?? '',
      opType: node.op,
      domain: node.domain,
      input: [...node.inputs],
      output: [...node.outputs],
      attribute: Object.entries(node.attributes).map(([name, attribute]) =>
        encodeAttribute(name, attribute, (inner) => encodeGraph(inner, folder, new Map())),
      ),
    })),
  });
}

/** Dims that shape inference could not name (they start with `?`) are left open. */
function valueInfo(name: string, type?: { dtype: ValueInfo['dtype']; shape: readonly Dim[] }) {
  if (!type) return { name };
  const dim = type.shape.map((d) =>
    typeof d === 'number'
      ? { value: { case: 'dimValue' as const, value: BigInt(d) } }
      : d.startsWith('?')
        ? {}
        : { value: { case: 'dimParam' as const, value: d } },
  );
  const value = { elemType: onnxType[type.dtype], shape: { dim } };
  return { name, type: { value: { case: 'tensorType' as const, value } } };
}

function outputTypes(graph: Graph) {
  try {
    return inferShapes(graph);
  } catch (error) {
    // Types of outputs are a courtesy to readers of the file; onnxruntime infers them itself.
    if (error instanceof GraphError && error.code === 'graph.no-shape-rule') return new Map();
    throw error;
  }
}

function decodeGraph(proto: GraphProto, opset: number, folder: string | undefined): Graph {
  if (proto.sparseInitializer.length > 0) throw unsupported('sparse weights', proto.name);
  const weights = new Map(proto.initializer.map((t) => [t.name, decodeWeight(t, folder)] as const));
  const inputs = proto.input.filter((i) => !weights.has(i.name)).map(decodeInput);
  const nodes: Node[] = [];
  for (const node of proto.node) {
    const attributes: Record<string, Attribute> = {};
    for (const a of node.attribute) {
      attributes[a.name] = decodeAttribute(a, (inner) => decodeGraph(inner, opset, folder));
    }
    const domain = node.domain === 'ai.onnx' ? '' : node.domain;
    const constant = node.opType === 'Constant' && domain === '' ? constantOf(attributes) : undefined;
    if (constant) weights.set(node.output[0]!, constant);
    else nodes.push({ op: node.opType, domain, inputs: node.input, outputs: node.output, attributes });
  }
  return { inputs, outputs: proto.output.map((o) => o.name), nodes, weights, opset };
}

function decodeWeight(proto: TensorProto, folder: string | undefined) {
  if (proto.dataLocation !== TensorProto_DataLocation.EXTERNAL) return decodeTensor(proto);
  const entries = new Map(proto.externalData.map((e) => [e.key, e.value]));
  const location = entries.get('location');
  if (!location || folder === undefined) {
    throw new GraphError('graph.external-weight', `weight "${proto.name}" lies in a file we cannot find`, {
      where: proto.name,
      hint: 'open the model by its path, with its data file beside it',
    });
  }
  const shape = proto.dims.map(Number);
  const { dtype, bytes } = dtypeOf(proto);
  const length = Number(entries.get('length') ?? shape.reduce((a, b) => a * b, bytes));
  return {
    dtype,
    shape,
    file: resolve(folder, location),
    offset: Number(entries.get('offset') ?? 0),
    length,
  };
}

function constantOf(attributes: Record<string, Attribute>) {
  const [name, attribute] = Object.entries(attributes)[0] ?? [];
  if (!attribute) return undefined;
  if ('tensor' in attribute) return attribute.tensor;
  if (name === 'value_float' && 'float' in attribute) return scalar('float32', [], [attribute.float]);
  if (name === 'value_floats' && 'floats' in attribute) return vector('float32', attribute.floats);
  if (name === 'value_int' && 'int' in attribute) return scalar('int64', [], [attribute.int]);
  if (name === 'value_ints' && 'ints' in attribute) return vector('int64', attribute.ints);
  return undefined;
}

const scalar = (dtype: 'float32' | 'int64', shape: number[], values: readonly number[]) =>
  dtype === 'float32'
    ? ({ dtype, shape, data: Float32Array.from(values) } as const)
    : ({ dtype, shape, data: BigInt64Array.from(values, (v) => BigInt(v)) } as const);
const vector = (dtype: 'float32' | 'int64', values: readonly number[]) =>
  scalar(dtype, [values.length], values);

function decodeInput(proto: ValueInfoProto): ValueInfo {
  const value = proto.type?.value;
  if (value?.case !== 'tensorType') throw unsupported('an input that is not a tensor', proto.name);
  const shape = (value.value.shape?.dim ?? []).map((d, axis): Dim => {
    if (d.value.case === 'dimValue') return Number(d.value.value);
    const name = d.value.case === 'dimParam' ? dimName(d.value.value) : '';
    return name === '' ? `?${proto.name}.${axis}` : name;
  });
  return {
    name: proto.name,
    dtype: dtypeOf({ dataType: value.value.elemType, name: proto.name }).dtype,
    shape,
  };
}

/** A dim's name as dims.ts reads it: sums and products of plain names. */
const dimName = (text: string): string => text.replaceAll(/\s/g, '').replaceAll(/[^\w+*?.:]/g, '_');

function* collectDomains(graph: Graph): Iterable<string> {
  for (const node of graph.nodes) {
    yield node.domain;
    for (const attribute of Object.values(node.attributes)) {
      if ('graph' in attribute) yield* collectDomains(attribute.graph);
    }
  }
}

const unsupported = (what: string, where: string | undefined) =>
  new GraphError('graph.unsupported', `the ONNX file uses ${what}, which Untangle does not read`, { where });
