/** @file ONNX's tensors and attributes against ours. */
import { create } from '@bufbuild/protobuf';
import { GraphError } from '../core/errors.ts';
import { bytesOf, type DType, emptyArray, type Tensor, tensor, viewBytes } from '../core/tensor.ts';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type GraphProto,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from './proto/onnx_pb.js';
import { type Attribute, type Graph, isExternal, type Weight } from './types.ts';

/** Number of each dtype in ONNX's TensorProto.DataType. */
export const onnxType: Readonly<Record<DType, number>> = {
  float32: DataType.FLOAT,
  uint8: DataType.UINT8,
  int8: DataType.INT8,
  int32: DataType.INT32,
  int64: DataType.INT64,
  bool: DataType.BOOL,
  float16: DataType.FLOAT16,
  float64: DataType.DOUBLE,
};
const dtypes = new Map(Object.entries(onnxType).map(([dtype, type]) => [type, dtype as DType]));

/** Our dtype of an ONNX element type and its bytes. @throws GraphError `graph.dtype` */
export function dtypeOf(proto: { dataType: number; name: string }): { dtype: DType; bytes: number } {
  const dtype = dtypes.get(proto.dataType);
  if (!dtype) {
    throw new GraphError('graph.dtype', `"${proto.name}" has the element type ${DataType[proto.dataType]}`, {
      where: proto.name,
      hint: `convert it to one of ${[...dtypes.values()].join(', ')} (bfloat16 to float32)`,
    });
  }
  return { dtype, bytes: bytesOf(dtype) };
}

/** The dtype with a given number in TensorProto.DataType (as Cast's `to`). @throws GraphError `graph.dtype` */
export const dtypeOfNumber = (type: number, name: string): DType => dtypeOf({ dataType: type, name }).dtype;

export function encodeTensor(name: string, weight: Weight, locate: (file: string) => string): TensorProto {
  const common = { name, dims: weight.shape.map(BigInt), dataType: onnxType[weight.dtype] };
  if (isExternal(weight)) {
    return create(TensorProtoSchema, {
      ...common,
      dataLocation: TensorProto_DataLocation.EXTERNAL,
      externalData: [
        { key: 'location', value: locate(weight.file) },
        { key: 'offset', value: String(weight.offset) },
        { key: 'length', value: String(weight.length) },
      ],
    });
  }
  const { buffer, byteOffset, byteLength } = weight.data;
  return create(TensorProtoSchema, { ...common, rawData: new Uint8Array(buffer, byteOffset, byteLength) });
}

/** @throws GraphError `graph.broken` when the data do not fill the shape. */
export function decodeTensor(proto: TensorProto): Tensor {
  const { dtype, bytes } = dtypeOf(proto);
  const shape = proto.dims.map(Number);
  const size = shape.reduce((a, b) => a * b, 1);
  const typed = typedData(proto, dtype);
  const found = proto.rawData.length > 0 ? proto.rawData.length / bytes : typed.length;
  if (found !== size || shape.some((d) => d < 0)) {
    throw new GraphError('graph.broken', `weight "${proto.name}" [${shape}] holds ${found} elements`, {
      where: proto.name,
      hint: 'the file was cut short or damaged: download or export it again',
    });
  }
  if (proto.rawData.length > 0) return tensor(dtype, shape, viewBytes(dtype, proto.rawData));
  const data = emptyArray(dtype, size);
  for (let i = 0; i < size; i++) data[i] = typed[i]!;
  return tensor(dtype, shape, data);
}

function typedData(proto: TensorProto, dtype: DType): readonly (number | bigint)[] {
  if (dtype === 'float32') return proto.floatData;
  if (dtype === 'float64') return proto.doubleData;
  if (dtype === 'int64') return proto.int64Data;
  return proto.int32Data;
}

export function encodeAttribute(
  name: string,
  attribute: Attribute,
  encodeGraph: (graph: Graph) => GraphProto,
): AttributeProto {
  const make = (type: AttributeType, rest: object) => create(AttributeProtoSchema, { name, type, ...rest });
  if ('int' in attribute) return make(AttributeType.INT, { i: BigInt(attribute.int) });
  if ('float' in attribute) return make(AttributeType.FLOAT, { f: attribute.float });
  if ('string' in attribute) return make(AttributeType.STRING, { s: utf8.encode(attribute.string) });
  if ('ints' in attribute) return make(AttributeType.INTS, { ints: attribute.ints.map(BigInt) });
  if ('floats' in attribute) return make(AttributeType.FLOATS, { floats: [...attribute.floats] });
  if ('strings' in attribute) {
    return make(AttributeType.STRINGS, { strings: attribute.strings.map((s) => utf8.encode(s)) });
  }
  if ('tensor' in attribute) {
    return make(AttributeType.TENSOR, { t: encodeTensor('', attribute.tensor, (file) => file) });
  }
  return make(AttributeType.GRAPH, { g: encodeGraph(attribute.graph) });
}

/** @throws GraphError `graph.unsupported` for kinds of attribute that we do not carry. */
export function decodeAttribute(proto: AttributeProto, decodeGraph: (graph: GraphProto) => Graph): Attribute {
  switch (proto.type) {
    case AttributeType.INT:
      return { int: Number(proto.i) };
    case AttributeType.FLOAT:
      return { float: proto.f };
    case AttributeType.STRING:
      return { string: text.decode(proto.s) };
    case AttributeType.INTS:
      return { ints: proto.ints.map(Number) };
    case AttributeType.FLOATS:
      return { floats: proto.floats };
    case AttributeType.STRINGS:
      return { strings: proto.strings.map((s) => text.decode(s)) };
    case AttributeType.TENSOR:
      if (proto.t) return { tensor: decodeTensor(proto.t) };
      break;
    case AttributeType.GRAPH:
      if (proto.g) return { graph: decodeGraph(proto.g) };
      break;
  }
  throw new GraphError(
    'graph.unsupported',
    `attribute "${proto.name}" is of a kind that Untangle does not read`,
    { where: proto.name },
  );
}

const utf8 = new TextEncoder();
const text = new TextDecoder();
