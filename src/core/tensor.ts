/** @file A tensor is a typed array with a shape: plain data, row-major, never a class. */
import { TensorError } from './errors.ts';

export type TypedArray =
  | Float32Array
  | Float64Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Int8Array
  | Uint16Array;

/** Array type that holds each dtype. float16 is stored as its raw 16 bits; bool as one byte. */
const arrayOf = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  int8: Int8Array,
  bool: Uint8Array,
  float16: Uint16Array,
} as const;

export type DType = keyof typeof arrayOf;

export interface Tensor<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly data: InstanceType<(typeof arrayOf)[D]>;
}

/** Number of elements in `shape` (1 for a scalar). */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Bytes that one element of `dtype` takes. */
export const bytesOf = (dtype: DType): number => arrayOf[dtype].BYTES_PER_ELEMENT;

/**
 * A tensor over `data` (not copied).
 * @throws TensorError `tensor.size` when the data's length is not the product of the shape.
 */
export function tensor<D extends DType>(
  dtype: D,
  shape: readonly number[],
  data: InstanceType<(typeof arrayOf)[D]>,
): Tensor<D> {
  if (data.length !== sizeOf(shape)) {
    throw new TensorError(
      'tensor.size',
      `shape [${shape}] needs ${sizeOf(shape)} elements, got ${data.length}`,
    );
  }
  return { dtype, shape, data };
}

/** A tensor of zeros. */
export function zeros<D extends DType>(dtype: D, shape: readonly number[]): Tensor<D> {
  return tensor(dtype, shape, emptyArray(dtype, sizeOf(shape)));
}

/** A fresh typed array of `length` elements for `dtype`. */
export function emptyArray<D extends DType>(dtype: D, length: number): InstanceType<(typeof arrayOf)[D]> {
  return new arrayOf[dtype](length) as InstanceType<(typeof arrayOf)[D]>;
}

/** float32 tensor from numbers. */
export const f32 = (shape: readonly number[], values: ArrayLike<number>): Tensor<'float32'> =>
  tensor('float32', shape, Float32Array.from(values));

/** float64 tensor from numbers. */
export const f64 = (shape: readonly number[], values: ArrayLike<number>): Tensor<'float64'> =>
  tensor('float64', shape, Float64Array.from(values));

/** int64 tensor from numbers. */
export const i64 = (shape: readonly number[], values: ArrayLike<number>): Tensor<'int64'> =>
  tensor('int64', shape, BigInt64Array.from(Array.from(values, (v) => BigInt(v))));

/** View of `bytes` as elements of `dtype`; copies when the offset is not aligned to the element size. */
export function viewBytes<D extends DType>(dtype: D, bytes: Uint8Array): InstanceType<(typeof arrayOf)[D]> {
  const size = bytesOf(dtype);
  // Not slice(): on a Buffer that is a view, not a copy.
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  const View = arrayOf[dtype];
  return new View(aligned.buffer as ArrayBuffer, aligned.byteOffset, bytes.byteLength / size) as InstanceType<
    (typeof arrayOf)[D]
  >;
}

/** Plain numbers of any tensor except float16 (int64 becomes number). */
export function toNumbers(t: Tensor): number[] {
  if (t.dtype === 'float16')
    throw new TensorError('tensor.dtype', 'decode float16 before reading its numbers');
  return Array.from(t.data as ArrayLike<number | bigint>, Number);
}
