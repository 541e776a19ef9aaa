/** @file ONNX's tensors and attributes against ours. What we have no words for is carried as it came. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { GraphError } from '../core/errors.ts';
import { bytesOf, type DType, emptyArray, type Tensor, tensor, viewBytes } from '../core/tensor.ts';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type GraphProto,
  type SparseTensorProto,
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

/** Our dtype of an ONNX element type, or undefined for those that are only carried. */
export const knownDType = (dataType: number): DType | undefined => dtypes.get(dataType);

/** Our dtype of an ONNX element type and its bytes. @throws GraphError `graph.dtype` */
export function dtypeOf(proto: { dataType: number; name: string }): { dtype: DType; bytes: number } {
  const dtype = knownDType(proto.dataType);
  if (!dtype) {
    throw new GraphError(
      'graph.dtype',
      `"${proto.name}" has the element type ${DataType[proto.dataType] ?? proto.dataType}`,
      {
        where: proto.name,
        hint: `convert it to one of ${[...dtypes.values()].join(', ')} (bfloat16 to float32)`,
      },
    );
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

const damagedWeight = (name: string, what: string) =>
  new GraphError('graph.broken', `weight "${name}" ${what}`, {
    where: name,
    hint: 'the file was cut short or damaged: download or export it again',
  });

/** Sizes of a tensor in a file, and how many elements they make. @throws GraphError `graph.broken` */
export function decodeDims(name: string, dims: readonly bigint[]): { shape: number[]; size: number } {
  const shape = dims.map(Number);
  const size = shape.reduce((a, b) => a * b, 1);
  if (shape.some((d) => d < 0) || !Number.isSafeInteger(size)) {
    throw damagedWeight(name, `claims the shape [${shape}]`);
  }
  return { shape, size };
}

/** @throws GraphError `graph.dtype`, and `graph.broken` when the data do not fill the shape. */
export function decodeTensor(proto: TensorProto): Tensor {
  const { dtype, bytes } = dtypeOf(proto);
  const { shape, size } = decodeDims(proto.name, proto.dims);
  const typed = typedData(proto, dtype);
  const found = proto.rawData.length > 0 ? proto.rawData.length / bytes : typed.length;
  if (found !== size) throw damagedWeight(proto.name, `[${shape}] holds ${found} elements`);
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

/** Largest sparse weight that is written out in full, in elements. */
const LARGEST_SPARSE = 2 ** 28;

/**
 * A sparse weight in full: zeros beside the values at their places, which are positions in the flattened tensor [n] or
 * coordinates [n, rank]. @throws GraphError `graph.broken`, `graph.dtype`, `graph.unsupported` when it is too large
 */
export function decodeSparse({ values, indices, dims }: SparseTensorProto): Tensor {
  const name = values?.name ?? '';
  if (!values || !indices) throw damagedWeight(name, 'is sparse and lacks its values or their places');
  const { shape, size } = decodeDims(name, dims);
  if (size > LARGEST_SPARSE) {
    throw new GraphError('graph.unsupported', `the sparse weight "${name}" is too large to be written out`, {
      where: name,
    });
  }
  const [given, places] = [decodeTensor(values), decodeTensor(indices)];
  const count = given.data.length;
  const rank = places.shape.length === 2 ? shape.length : 1;
  const data = emptyArray(given.dtype, size);
  if (places.data.length !== count * rank) throw damagedWeight(name, 'has values without places');
  for (let i = 0; i < count; i++) {
    let at = 0;
    for (let axis = 0; axis < rank; axis++) {
      const place = Number(places.data[i * rank + axis]);
      const limit = places.shape.length === 2 ? shape[axis]! : size;
      if (!(place >= 0 && place < limit)) throw damagedWeight(name, `has a value at ${place} of ${limit}`);
      at = at * limit + place;
    }
    data[at] = given.data[i]!;
  }
  return tensor(given.dtype, shape, data);
}

export function encodeAttribute(
  name: string,
  attribute: Attribute,
  encodeGraph: (graph: Graph) => GraphProto,
): AttributeProto {
  const make = (type: AttributeType, rest: object) => create(AttributeProtoSchema, { name, type, ...rest });
  if ('int' in attribute) return make(AttributeType.INT, { i: int64(attribute.int) });
  if ('float' in attribute) return make(AttributeType.FLOAT, { f: attribute.float });
  if ('string' in attribute) return make(AttributeType.STRING, { s: utf8.encode(attribute.string) });
  if ('ints' in attribute) return make(AttributeType.INTS, { ints: attribute.ints.map(int64) });
  if ('floats' in attribute) return make(AttributeType.FLOATS, { floats: [...attribute.floats] });
  if ('strings' in attribute) {
    return make(AttributeType.STRINGS, { strings: attribute.strings.map((s) => utf8.encode(s)) });
  }
  if ('tensor' in attribute) {
    return make(AttributeType.TENSOR, { t: encodeTensor('', attribute.tensor, (file) => file) });
  }
  if ('graph' in attribute) return make(AttributeType.GRAPH, { g: encodeGraph(attribute.graph) });
  const proto = fromBinary(AttributeProtoSchema, attribute.carried);
  proto.name = name;
  return proto;
}

/** An attribute in our words, or carried when that would lose something of it. */
export function decodeAttribute(proto: AttributeProto, decodeGraph: (graph: GraphProto) => Graph): Attribute {
  const carried = () => ({ carried: toBinary(AttributeProtoSchema, proto) });
  switch (proto.type) {
    case AttributeType.INT:
      return exact(proto.i) ? { int: Number(proto.i) } : carried();
    case AttributeType.FLOAT:
      return { float: proto.f };
    case AttributeType.STRING: {
      const string = textOf(proto.s);
      return string === undefined ? carried() : { string };
    }
    case AttributeType.INTS:
      return proto.ints.every(exact) ? { ints: proto.ints.map(Number) } : carried();
    case AttributeType.FLOATS:
      return { floats: proto.floats };
    case AttributeType.STRINGS: {
      const strings = proto.strings.map(textOf);
      return strings.includes(undefined) ? carried() : { strings: strings as string[] };
    }
    case AttributeType.TENSOR:
      return proto.t && knownDType(proto.t.dataType) ? { tensor: decodeTensor(proto.t) } : carried();
    case AttributeType.GRAPH:
      return proto.g ? { graph: decodeGraph(proto.g) } : carried();
    default:
      return carried();
  }
}

/** The constant of another element type as the attribute of a Constant node. */
export const carriedConstant = (t: TensorProto): Attribute => ({
  carried: toBinary(
    AttributeProtoSchema,
    create(AttributeProtoSchema, { name: 'value', type: AttributeType.TENSOR, t }),
  ),
});

const MOST = 2n ** 63n - 1n;
/** A whole number as int64: 2⁶³ (what 2⁶³ − 1 is as a double) is the largest. */
const int64 = (value: number): bigint => {
  const whole = BigInt(value);
  return whole > MOST ? MOST : whole;
};
const exact = (value: bigint): boolean => int64(Number(value)) === value;

const utf8 = new TextEncoder();
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}
