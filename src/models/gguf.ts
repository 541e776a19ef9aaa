/** @file GGUF files (ggml/docs/gguf.md, versions 2 and 3): header, metadata and tensor table, read as if by an enemy. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { FileError } from '../core/errors.ts';
import { fileFailure } from '../files/failures.ts';
import { ggmlFormats, ggmlTypeNames } from './dequantise.ts';

/** Where a tensor lies and how it is packed. */
export interface GgufTensor {
  readonly name: string;
  /** Outermost axis first, as everywhere in this house (GGUF writes the innermost first). */
  readonly shape: readonly number[];
  /** GGML's number of the packing; see ggmlFormats. */
  readonly type: number;
  /** From the start of the file. */
  readonly offset: number;
}

/** An open GGUF file: metadata and table are in memory, tensors are not. */
export interface GgufFile {
  readonly path: string;
  readonly metadata: ReadonlyMap<string, unknown>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /** Exactly `count` bytes at `offset`. @throws FileError `file.truncated` */
  readBytes(offset: number, count: number): Uint8Array;
  close(): void;
}

/** More than any real file has; beyond them a size is taken for damage. */
const LIMITS = {
  header: 2 ** 26,
  entries: 65_536,
  text: 2 ** 24,
  array: 2 ** 22,
  name: 1024,
  depth: 3,
  elements: 2 ** 40,
};

/** Bytes of GGUF's scalar value types, by their number. */
const SCALAR = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8] as const;
const [STRING, ARRAY] = [8, 9] as const;

/**
 * Opens and checks a GGUF file. Nothing larger than the file itself is ever allocated.
 * @throws FileError `file.missing`, `file.magic`, `file.version`, `file.truncated`, `file.absurd-size`,
 *   `file.header`, `file.tensor-duplicate`, `file.tensor-layout`
 */
export function openGguf(path: string): GgufFile {
  let handle: number | undefined;
  try {
    handle = openSync(path, 'r');
    const descriptor = handle;
    const size = fstatSync(descriptor).size;
    const source: Source = {
      path,
      size,
      readBytes: (offset, count) => readExactly(descriptor, path, size, offset, count),
    };
    const { metadata, tensors } = readHeader(cursor(source), source);
    return { path, metadata, tensors, readBytes: source.readBytes, close: () => closeSync(descriptor) };
  } catch (error) {
    if (handle !== undefined) closeSync(handle);
    throw fileFailure(error, path, 'cannot read');
  }
}

interface Source {
  readonly path: string;
  readonly size: number;
  readBytes(offset: number, count: number): Buffer;
}

function readExactly(handle: number, path: string, size: number, offset: number, count: number): Buffer {
  if (offset + count > size) throw truncated(path, `${offset + count} bytes are needed, it has ${size}`);
  const target = Buffer.allocUnsafe(count);
  for (let done = 0; done < count; ) {
    const n = readSync(handle, target, done, Math.min(count - done, 2 ** 30), offset + done);
    if (n === 0) throw truncated(path, `it ends before byte ${offset + count}`);
    done += n;
  }
  return target;
}

/** Reads the header value by value through a window of the file. */
interface Cursor {
  readonly position: number;
  bytes(count: number): Buffer;
  /** u64 as a number. @throws FileError `file.absurd-size` above `limit` */
  count(what: string, limit: number): number;
  u32(): number;
  text(what: string, limit: number): string;
}

function cursor({ path, size, readBytes }: Source): Cursor {
  const windowSize = 2 ** 20;
  let window: Buffer = Buffer.alloc(0);
  let start = 0;
  let position = 0;
  const absurd = (what: string, limit: number) =>
    new FileError('file.absurd-size', `${path} claims ${what}; at most ${limit} are believed`, {
      where: path,
      hint: 'the file is damaged, or was made to do harm; fetch it again from a source you trust',
    });
  const bytes = (count: number): Buffer => {
    if (position + count > LIMITS.header) throw absurd('a header without end', LIMITS.header);
    if (position + count > size) throw truncated(path, `its header goes on after its end at byte ${size}`);
    if (position < start || position + count > start + window.length) {
      const length = Math.min(Math.max(windowSize, count), size - position);
      window = readBytes(position, length);
      start = position;
    }
    const at = position - start;
    position += count;
    return window.subarray(at, at + count);
  };
  const count = (what: string, limit: number): number => {
    const value = bytes(8).readBigUInt64LE();
    if (value > BigInt(limit)) throw absurd(`${value} ${what}`, limit);
    return Number(value);
  };
  return {
    get position() {
      return position;
    },
    bytes,
    count,
    u32: () => bytes(4).readUInt32LE(),
    text: (what, limit) => bytes(count(`bytes of ${what}`, limit)).toString('utf8'),
  };
}

function readHeader(at: Cursor, source: Source): Pick<GgufFile, 'metadata' | 'tensors'> {
  const { path } = source;
  const magic = source.size < 4 ? '' : at.bytes(4).toString('latin1');
  if (magic !== 'GGUF') {
    throw new FileError('file.magic', `${path} is not a GGUF file: it starts with ${JSON.stringify(magic)}`, {
      where: path,
      hint: 'a GGUF file starts with the letters GGUF; this is another kind of file, or its start is damaged',
    });
  }
  const version = at.u32();
  if (version !== 2 && version !== 3) {
    const bigEndian = version > 0xffff ? ' (a big-endian file)' : '';
    throw new FileError('file.version', `${path} is GGUF version ${version}${bigEndian}; 2 and 3 are read`, {
      where: path,
      hint: 'convert it with the current llama.cpp',
    });
  }
  const tensorCount = at.count('tensors', LIMITS.entries);
  const entryCount = at.count('metadata entries', LIMITS.entries);
  const metadata = new Map<string, unknown>();
  for (let i = 0; i < entryCount; i++) {
    const key = at.text('a key', LIMITS.name);
    if (metadata.has(key)) throw broken(path, `has the metadata key "${key}" twice`);
    metadata.set(key, readValue(at, path, at.u32(), 0));
  }
  const table = Array.from({ length: tensorCount }, () => readTensorInfo(at, path));
  const alignment = metadata.get('general.alignment') ?? 32;
  if (!isAlignment(alignment)) throw broken(path, `has the alignment ${String(alignment)}`);
  const dataStart = Math.ceil(at.position / alignment) * alignment;
  const tensors = new Map<string, GgufTensor>();
  for (const info of table) {
    if (tensors.has(info.name)) {
      throw new FileError('file.tensor-duplicate', `${path} lists the tensor "${info.name}" twice`, {
        where: path,
        hint: 'the file is damaged; fetch it again',
      });
    }
    if (info.offset % alignment !== 0) throw layout(path, info.name, 'its place is not aligned');
    tensors.set(info.name, { ...info, offset: dataStart + info.offset });
  }
  checkPlaces([...tensors.values()], source);
  return { metadata, tensors };
}

const isAlignment = (value: unknown): value is number =>
  typeof value === 'number' && value >= 8 && value <= 65_536 && Number.isInteger(Math.log2(value));

function readTensorInfo(at: Cursor, path: string): GgufTensor {
  const name = at.text('a tensor name', LIMITS.name);
  const rank = at.u32();
  if (rank < 1 || rank > 4) throw layout(path, name, `it has ${rank} axes; 1 to 4 are possible`);
  const shape = Array.from({ length: rank }, () =>
    at.count(`elements along an axis of "${name}"`, LIMITS.elements),
  ).reverse();
  if (shape.reduce((a, b) => a * b, 1) > LIMITS.elements || shape.includes(0))
    throw layout(path, name, `its shape is [${shape}]`);
  const type = at.u32();
  if (!(type in ggmlTypeNames)) throw layout(path, name, `its type ${type} is unknown`);
  return { name, shape, type, offset: at.count(`bytes before "${name}"`, 2 ** 50) };
}

/** Bytes that a tensor takes; undefined for packings that we know by name only. */
function ggufBytes({ type, shape }: GgufTensor): number | undefined {
  const format = ggmlFormats.get(type);
  return format && (shape.reduce((a, b) => a * b, 1) / format.elements) * format.bytes;
}

/** Every tensor lies inside of the file, and no two share bytes. */
function checkPlaces(tensors: GgufTensor[], { path, size }: Source): void {
  let end = 0;
  let before = '';
  for (const tensor of tensors.sort((a, b) => a.offset - b.offset)) {
    const row = tensor.shape.at(-1)!;
    const block = ggmlFormats.get(tensor.type)?.elements ?? 1;
    if (row % block !== 0)
      throw layout(path, tensor.name, `rows of ${row} do not divide into blocks of ${block}`);
    if (tensor.offset < end) throw layout(path, tensor.name, `it overlaps "${before}"`);
    end = tensor.offset + (ggufBytes(tensor) ?? 1);
    before = tensor.name;
    if (end > size) throw truncated(path, `"${before}" ends at byte ${end}, the file at ${size}`);
  }
}

/** One metadata value of GGUF's type number `type`; 64-bit integers become numbers. */
function readValue(at: Cursor, path: string, type: number, depth: number): unknown {
  if (type === STRING) return at.text('a text', LIMITS.text);
  if (type !== ARRAY) {
    const size = SCALAR[type];
    if (!size) throw broken(path, `has a value of the unknown type ${type}`);
    return scalar(at.bytes(size), 0, type);
  }
  if (depth >= LIMITS.depth) throw broken(path, 'nests arrays too deep');
  const inner = at.u32();
  const count = at.count('array elements', LIMITS.array);
  const width = SCALAR[inner];
  if (width) {
    const bytes = at.bytes(count * width);
    return Array.from({ length: count }, (_, i) => scalar(bytes, i * width, inner));
  }
  const values: unknown[] = [];
  for (let i = 0; i < count; i++) values.push(readValue(at, path, inner, depth + 1));
  return values;
}

function scalar(bytes: Buffer, at: number, type: number): number | boolean {
  switch (type) {
    case 0:
      return bytes.readUInt8(at);
    case 1:
      return bytes.readInt8(at);
    case 2:
      return bytes.readUInt16LE(at);
    case 3:
      return bytes.readInt16LE(at);
    case 4:
      return bytes.readUInt32LE(at);
    case 5:
      return bytes.readInt32LE(at);
    case 6:
      return bytes.readFloatLE(at);
    case 7:
      return bytes.readUInt8(at) !== 0;
    case 10:
      return Number(bytes.readBigUInt64LE(at));
    case 11:
      return Number(bytes.readBigInt64LE(at));
    default:
      return bytes.readDoubleLE(at);
  }
}

const truncated = (path: string, what: string): FileError =>
  new FileError('file.truncated', `${path} is cut short: ${what}`, {
    where: path,
    hint: 'the download or copy did not finish; fetch the file again',
  });

const broken = (path: string, what: string): FileError =>
  new FileError('file.header', `the header of ${path} ${what}`, {
    where: path,
    hint: 'the file is damaged; fetch it again',
  });

const layout = (path: string, name: string, what: string): FileError =>
  new FileError('file.tensor-layout', `tensor "${name}" in ${path} cannot be: ${what}`, {
    where: path,
    hint: 'the file is damaged; fetch it again',
  });
