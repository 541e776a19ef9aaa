/** @file safetensors files: tensors by name in one file, read piece by piece, written at once or as they come. */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { FileError, nearestNames } from '../core/errors.ts';
import {
  bytesOf,
  type DType,
  sizeOf,
  type Tensor,
  type TypedArray,
  tensor,
  viewBytes,
} from '../core/tensor.ts';
import { writeAtomically } from './atomic.ts';
import { fileFailure } from './failures.ts';
import { decodeHeader, encodeHeader, headerLength, type TensorInfo } from './safetensors-header.ts';

export type { TensorInfo } from './safetensors-header.ts';

/** An open safetensors file. Nothing but the header is in memory; `close` it when done. */
export interface SafetensorsFile {
  readonly path: string;
  readonly names: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  /** @throws FileError `file.no-tensor`, naming the three nearest */
  info(name: string): TensorInfo;
  /** A whole tensor (BF16 becomes float32). @throws FileError `file.no-tensor`, `file.truncated` */
  read(name: string): Tensor;
  /** `count` bytes of a tensor from byte `from` on, into `target` when given. */
  readBytes(name: string, from: number, count: number, target?: Uint8Array): Uint8Array;
  close(): void;
}

/** The file at `path`, or undefined when there is none or it is damaged: for what can be made again. */
export async function openIfSound(path: string): Promise<SafetensorsFile | undefined> {
  if (!existsSync(path)) return undefined;
  return openSafetensors(path).catch((error: unknown) => {
    if (error instanceof FileError) return undefined;
    throw error;
  });
}

/**
 * Opens and checks a safetensors file. No allocation is larger than the file allows.
 * @throws FileError `file.missing`, `file.truncated`, `file.header-size`, `file.header`, `file.dtype`,
 *   `file.tensor-layout`, `file.tensor-duplicate`
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  let handle: number | undefined;
  try {
    handle = openSync(path, 'r');
    const { size } = fstatSync(handle);
    const length = headerLength(readAt(handle, path, 0, Math.min(8, size)), size, path);
    const { tensors, metadata } = decodeHeader(readAt(handle, path, 8, length), size, path);
    return reader(handle, path, tensors, metadata);
  } catch (error) {
    if (handle !== undefined) closeSync(handle);
    throw fileFailure(error, path, 'cannot read');
  }
}

function reader(
  handle: number,
  path: string,
  tensors: ReadonlyMap<string, TensorInfo>,
  metadata: Readonly<Record<string, string>>,
): SafetensorsFile {
  const info = (name: string): TensorInfo => {
    const found = tensors.get(name);
    if (found) return found;
    throw new FileError('file.no-tensor', `${path} has no tensor "${name}"`, {
      where: path,
      hint: `nearest names: ${nearestNames(name, tensors.keys()).join(', ')}`,
    });
  };
  const readBytes = (name: string, from: number, count: number, target?: Uint8Array): Uint8Array => {
    const { offset, length } = info(name);
    if (from < 0 || count < 0 || from + count > length) {
      throw new FileError('file.range', `bytes ${from} to ${from + count} of "${name}" do not exist`, {
        where: path,
        hint: `the tensor has ${length} bytes`,
      });
    }
    return readAt(handle, path, offset + from, count, target);
  };
  return {
    path,
    names: [...tensors.keys()],
    metadata,
    info,
    readBytes,
    read(name) {
      const { dtype, stored, shape, length } = info(name);
      const bytes = readBytes(name, 0, length);
      return tensor(dtype, shape, stored === 'BF16' ? fromBfloat16(bytes) : viewBytes(dtype, bytes));
    },
    close: () => closeSync(handle),
  };
}

/** Reads exactly `count` bytes at `offset`. @throws FileError `file.truncated` when the file ends before */
function readAt(
  handle: number,
  path: string,
  offset: number,
  count: number,
  target: Uint8Array = new Uint8Array(count),
): Uint8Array {
  for (let done = 0; done < count; ) {
    // One call reads at most 2^30 bytes: the system refuses more than 2^31 − 1.
    const n = readSync(handle, target, done, Math.min(count - done, 2 ** 30), offset + done);
    if (n === 0) {
      throw new FileError('file.truncated', `${path} ends before byte ${offset + count}`, {
        where: path,
        hint: 'the file was cut short; fetch or write it again',
      });
    }
    done += n;
  }
  return target;
}

/** Numbers of bfloat16 bytes: it is the upper half of a float32. */
export function fromBfloat16(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const halves = new Uint16Array(bytes.slice().buffer);
  const words = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
  return new Float32Array(words.buffer);
}

/** Writes tensors under their names; the file appears under `path` only when it is whole. */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { bytes, header } = encodeHeader(tensors, metadata);
  await writeAtomically(path, async (file) => {
    await file.writeFile(bytes);
    for (const name of header.tensors.keys()) await file.writeFile(bytesOfArray(tensors[name]!.data));
  });
}

/** Receives pieces of tensors in any order. */
export interface SafetensorsWriter {
  /** Writes `data` into tensor `name` from element `from` on. @throws FileError `file.range`, `disk.full` */
  write(name: string, data: TypedArray, from?: number): Promise<void>;
}

/**
 * Writes tensors of known shapes piece by piece, whatever their size: `fill` calls `write` until all is there.
 * What it leaves out stays zero. When `fill` fails no file is left.
 */
export async function streamSafetensors(
  path: string,
  layout: Readonly<Record<string, { dtype: DType; shape: readonly number[] }>>,
  fill: (writer: SafetensorsWriter) => Promise<void>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { bytes, header } = encodeHeader(layout, metadata);
  const end = [...header.tensors.values()].reduce((most, t) => Math.max(most, t.offset + t.length), 0);
  await writeAtomically(path, async (file: FileHandle) => {
    await file.write(bytes, 0, bytes.length, 0);
    await file.truncate(Math.max(end, bytes.length));
    await fill({
      async write(name, data, from = 0) {
        const place = header.tensors.get(name);
        if (!place || from < 0 || from + data.length > sizeOf(place.shape)) {
          throw new FileError('file.range', `${path}: no room for ${data.length} elements of "${name}"`, {
            where: path,
            hint: `the layout has ${JSON.stringify(layout[name] ?? 'no such tensor')}`,
          });
        }
        const piece = bytesOfArray(data);
        await file.write(piece, 0, piece.length, place.offset + from * bytesOf(place.dtype));
      },
    });
  });
}

const bytesOfArray = (data: TypedArray): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
