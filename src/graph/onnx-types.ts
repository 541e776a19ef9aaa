/** @file Types of ONNX inputs and outputs against ours; types that we have no words for are carried as they came. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { knownDType, onnxType } from './onnx-values.ts';
import { TypeProtoSchema, type ValueInfoProto, ValueInfoProtoSchema } from './proto/onnx_pb.js';
import type { ValueType } from './shape-rules/rule.ts';
import { type Dim, type GraphInput, isCarried } from './types.ts';

/** Dims that shape inference could not name (they start with `?`) are left open. */
export function encodeInfo(name: string, type: ValueType | undefined): ValueInfoProto {
  if (!type) return create(ValueInfoProtoSchema, { name });
  const dim = type.shape.map((d) =>
    typeof d === 'number'
      ? { value: { case: 'dimValue' as const, value: BigInt(d) } }
      : d.startsWith('?')
        ? {}
        : { value: { case: 'dimParam' as const, value: d } },
  );
  const value = { elemType: onnxType[type.dtype], shape: { dim } };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value } } });
}

export function encodeTyped(input: GraphInput): ValueInfoProto {
  if (!isCarried(input)) return encodeInfo(input.name, input);
  const type = input.carried.length === 0 ? {} : { type: fromBinary(TypeProtoSchema, input.carried) };
  return create(ValueInfoProtoSchema, { name: input.name, ...type });
}

/** A tensor of known rank and element type in our words, anything else carried. */
export function decodeTyped({ name, type }: ValueInfoProto): GraphInput {
  if (!type) return { name, carried: new Uint8Array() };
  const { value } = type;
  const dtype = value.case === 'tensorType' ? knownDType(value.value.elemType) : undefined;
  if (value.case !== 'tensorType' || !dtype || !value.value.shape) {
    return { name, carried: toBinary(TypeProtoSchema, type) };
  }
  const shape = value.value.shape.dim.map((d, axis): Dim => {
    // Some exporters write −1 for an open size.
    if (d.value.case === 'dimValue' && d.value.value >= 0n) return Number(d.value.value);
    const symbol = d.value.case === 'dimParam' ? dimName(d.value.value) : '';
    // Some write ? for every open size: equal names would mean equal sizes.
    return /^\?*$/.test(symbol) ? `?${name}.${axis}` : symbol;
  });
  return { name, dtype, shape };
}

/** A dim's name as dims.ts reads it: sums and products of plain names. */
const dimName = (text: string): string => text.replaceAll(/\s/g, '').replaceAll(/[^\w+*?.:]/g, '_');
