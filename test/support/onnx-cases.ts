/** @file The ONNX project's backend node tests from their archive (test/oracles/onnx_node_cases.py), and how they are run. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { create, fromBinary } from '@bufbuild/protobuf';
import * as ort from 'onnxruntime-node';
import { halvesToFloats } from '../../src/core/float16.ts';
import {
  AttributeProto_AttributeType,
  TensorProto_DataType as DataType,
  type ModelProto,
  ModelProtoSchema,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from '../../src/graph/proto/onnx_pb.js';

export interface OnnxCase {
  readonly name: string;
  readonly rtol: number;
  readonly atol: number;
  readonly model: Uint8Array;
  /** TensorProto, SequenceProto or OptionalProto by place; undefined where the input is absent. */
  readonly inputs: readonly (Uint8Array | undefined)[];
  readonly outputs: readonly (Uint8Array | undefined)[];
}

interface Index {
  readonly onnx: string;
  readonly lengths: readonly number[];
  readonly cases: readonly {
    readonly name: string;
    readonly rtol: number;
    readonly atol: number;
    readonly model: number;
    readonly inputs: readonly (number | null)[];
    readonly outputs: readonly (number | null)[];
  }[];
}

/** All cases of the archive, and the version of onnx they come from. */
export function onnxCases(path = 'test/oracles/onnx-node-cases.gz'): { onnx: string; cases: OnnxCase[] } {
  const bytes = gunzipSync(readFileSync(path));
  const end = 4 + bytes.readUInt32LE(0);
  const index = JSON.parse(bytes.toString('utf8', 4, end)) as Index;
  const starts: number[] = [];
  index.lengths.reduce((at, length) => {
    starts.push(at);
    return at + length;
  }, end);
  const blob = (i: number) => new Uint8Array(bytes.subarray(starts[i]!, starts[i]! + index.lengths[i]!));
  const optional = (i: number | null) => (i === null ? undefined : blob(i));
  const cases = index.cases.map((c) => ({
    ...c,
    model: blob(c.model),
    inputs: c.inputs.map(optional),
    outputs: c.outputs.map(optional),
  }));
  return { onnx: index.onnx, cases };
}

/** A case as a model that takes tensors of JavaScript's types and gives pairs (what came out, what should have). */
export interface Runnable {
  readonly model: ModelProto;
  readonly feeds: Readonly<Record<string, ort.Tensor>>;
  /** Expected values by output, or the output that holds them. */
  readonly expected: Readonly<Record<string, ort.Tensor | string>>;
}

/** Element types that onnxruntime-node takes and gives. */
const jsTypes = new Map<number, ort.Tensor.Type>([
  [DataType.FLOAT, 'float32'],
  [DataType.UINT8, 'uint8'],
  [DataType.INT8, 'int8'],
  [DataType.UINT16, 'uint16'],
  [DataType.INT16, 'int16'],
  [DataType.INT32, 'int32'],
  [DataType.INT64, 'int64'],
  [DataType.STRING, 'string'],
  [DataType.BOOL, 'bool'],
  [DataType.FLOAT16, 'float16'],
  [DataType.DOUBLE, 'float64'],
  [DataType.UINT32, 'uint32'],
  [DataType.UINT64, 'uint64'],
]);

/**
 * Makes a case runnable from JavaScript. Element types that JavaScript has no arrays for (bfloat16, 8- and 4-bit floats…)
 * become constants of the model on the way in, and float32 by a Cast on the way out, as does what is expected.
 * Returns undefined for sequences and optionals, which onnxruntime-node neither takes nor gives.
 */
export function runnable({ model: bytes, inputs, outputs }: OnnxCase): Runnable | undefined {
  const model = fromBinary(ModelProtoSchema, bytes);
  const graph = model.graph!;
  const feeds: Record<string, ort.Tensor> = {};
  const expected: Record<string, ort.Tensor | string> = {};
  const info = [...graph.input, ...graph.output];
  if (info.some(({ type }) => type?.value.case !== 'tensorType')) return undefined;
  const constants: string[] = [];
  graph.input.forEach(({ name }, i) => {
    if (!inputs[i]) return;
    const proto = fromBinary(TensorProtoSchema, inputs[i]);
    if (jsTypes.has(proto.dataType)) feeds[name] = jsTensor(proto);
    else {
      graph.initializer.push({ ...proto, name });
      constants.push(name);
    }
  });
  graph.input = graph.input.filter(({ name }) => !constants.includes(name));
  graph.output = graph.output.flatMap((output, i) => {
    const proto = fromBinary(TensorProtoSchema, outputs[i]!);
    if (jsTypes.has(proto.dataType)) {
      expected[output.name] = jsTensor(proto);
      return [output];
    }
    const cast = (from: string, to: string) => {
      const attribute = [{ name: 'to', type: AttributeProto_AttributeType.INT, i: BigInt(DataType.FLOAT) }];
      graph.node.push(create(NodeProtoSchema, { opType: 'Cast', input: [from], output: [to], attribute }));
      return create(ValueInfoProtoSchema, { name: to });
    };
    const [name, wanted] = [`${output.name}:float32`, `${output.name}:expected`];
    graph.initializer.push({ ...proto, name: `${output.name}:constant` });
    expected[name] = wanted;
    return [cast(output.name, name), cast(`${output.name}:constant`, wanted)];
  });
  if (model.irVersion < 10n && graph.initializer.length > 0) model.irVersion = 10n;
  return { model, feeds, expected };
}

function jsTensor(proto: TensorProto): ort.Tensor {
  const type = jsTypes.get(proto.dataType)!;
  const dims = proto.dims.map(Number);
  if (type === 'string') {
    return new ort.Tensor(
      'string',
      proto.stringData.map((s) => new TextDecoder().decode(s)),
      dims,
    );
  }
  const size = dims.reduce((a, b) => a * b, 1);
  const Store = arrays[type];
  const data = proto.rawData.length > 0 ? new Store(new Uint8Array(proto.rawData).buffer) : new Store(size);
  if (proto.rawData.length === 0 && size > 0) {
    const lists = [proto.floatData, proto.doubleData, proto.int64Data, proto.uint64Data, proto.int32Data];
    const list = lists.find((l) => l.length > 0) ?? [];
    for (let i = 0; i < size; i++) data[i] = data instanceof BigInt64Array ? BigInt(list[i]!) : list[i]!;
  }
  return new ort.Tensor(type as 'float32', data as Float32Array, dims);
}

// biome-ignore format: a table
const arrays = {
  float32: Float32Array, float64: Float64Array, uint8: Uint8Array, int8: Int8Array, uint16: Uint16Array,
  int16: Int16Array, int32: Int32Array, int64: BigInt64Array, bool: Uint8Array, float16: Uint16Array,
  uint32: Uint32Array, uint64: BigUint64Array, uint4: Uint8Array, int4: Uint8Array,
} as const;

/** Runs a model on the case's feeds; '' when everything that came out is what was expected, else the first difference. */
export async function judge(
  model: Uint8Array,
  { feeds, expected }: Runnable,
  { rtol, atol }: OnnxCase,
): Promise<string> {
  let session: ort.InferenceSession | undefined;
  try {
    session = await ort.InferenceSession.create(model, { logSeverityLevel: 4, intraOpNumThreads: 1 });
    const out = await session.run(feeds);
    for (const [name, wanted] of Object.entries(expected)) {
      const other = typeof wanted === 'string' ? out[wanted]! : wanted;
      const difference = compare(out[name]!, other, rtol, atol);
      if (difference !== '') return `${name}: ${difference}`;
    }
    return '';
  } catch (error) {
    return `error: ${(error as Error).message}`;
  } finally {
    await session?.release();
  }
}

function compare(got: ort.Tensor, wanted: ort.Tensor, rtol: number, atol: number): string {
  if (got.type !== wanted.type) return `is ${got.type}, not ${wanted.type}`;
  if (`${got.dims}` !== `${wanted.dims}`) return `has the shape [${got.dims}], not [${wanted.dims}]`;
  const [a, b] = [numbersOf(got), numbersOf(wanted)];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]!, b[i]!];
    if (Object.is(x, y) || x === y) continue;
    if (typeof x === 'number' && typeof y === 'number') {
      if (Math.abs(x - y) <= atol + rtol * Math.abs(y)) continue;
    }
    return `element ${i} is ${x}, not ${y}`;
  }
  return '';
}

function numbersOf({ data, type }: ort.Tensor): ArrayLike<number | bigint | string> {
  if (type !== 'float16') return data as ArrayLike<number | bigint | string>;
  return halvesToFloats(new Uint16Array((data as Uint16Array).buffer, 0, data.length));
}
