/** @file The header of a safetensors file: written, and read as if by an enemy. Format: u64 length, JSON, raw data. */
import { FileError } from '../core/errors.ts';
import { bytesOf, type DType, sizeOf } from '../core/tensor.ts';

/** Where a tensor lies in its file. `offset` counts from the start of the file. */
export interface TensorInfo {
  /** dtype of the tensor that `read` returns. */
  readonly dtype: DType;
  /** dtype as the file has it; BF16 and U16…U64 have no dtype of ours and are converted or refused by `read`. */
  readonly stored: string;
  readonly shape: readonly number[];
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A header longer than this is refused, as the reference implementation does. */
const headerLimit = 100_000_000;

const storedNames: Readonly<Record<DType, string>> = {
  float32: 'F32',
  float64: 'F64',
  float16: 'F16',
  int64: 'I64',
  int32: 'I32',
  int8: 'I8',
  uint8: 'U8',
  bool: 'BOOL',
};
/** Stored name → our dtype and bytes per element in the file. */
const dtypes = new Map<string, { dtype: DType; bytes: number }>([
  ...Object.entries(storedNames).map(
    ([dtype, stored]) => [stored, { dtype: dtype as DType, bytes: bytesOf(dtype as DType) }] as const,
  ),
  ['BF16', { dtype: 'float32', bytes: 2 }],
]);

/** Bytes of the length field and the JSON for tensors in the given order, padded so that data start 8-aligned. */
export function encodeHeader(
  tensors: Readonly<Record<string, { dtype: DType; shape: readonly number[] }>>,
  metadata: Readonly<Record<string, string>> = {},
): { bytes: Uint8Array; header: SafetensorsHeader } {
  const entries: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  if (Object.keys(metadata).length > 0) entries.__metadata__ = metadata;
  let end = 0;
  // Widest elements first, so that every tensor is aligned to its element size without gaps.
  const order = Object.entries(tensors).sort(([, a], [, b]) => bytesOf(b.dtype) - bytesOf(a.dtype));
  const places: [string, TensorInfo][] = [];
  for (const [name, { dtype, shape }] of order) {
    const length = sizeOf(shape) * bytesOf(dtype);
    entries[name] = { dtype: storedNames[dtype], shape, data_offsets: [end, end + length] };
    places.push([name, { dtype, stored: storedNames[dtype], shape, offset: end, length }]);
    end += length;
  }
  const text = JSON.stringify(entries);
  const json = Buffer.from(text + ' '.repeat((8 - (Buffer.byteLength(text) % 8)) % 8));
  const bytes = Buffer.alloc(8 + json.length);
  bytes.writeBigUInt64LE(BigInt(json.length));
  json.copy(bytes, 8);
  const moved = places.map(([name, p]) => [name, { ...p, offset: p.offset + bytes.length }] as const);
  return { bytes, header: { tensors: new Map(moved), metadata } };
}

/** Length of the JSON from the first 8 bytes. @throws FileError `file.truncated`, `file.header-size` */
export function headerLength(first: Uint8Array, fileSize: number, path: string): number {
  if (first.length < 8 || fileSize < 8) throw truncated(path, `it has ${fileSize} bytes; 8 are the least`);
  const length = Buffer.from(first).readBigUInt64LE(0);
  if (length > BigInt(headerLimit) || length < 2n) {
    throw new FileError('file.header-size', `${path} says its header has ${length} bytes`, {
      where: path,
      hint: `2 to ${headerLimit} are possible: this is not a safetensors file, or its start is damaged`,
    });
  }
  if (Number(length) > fileSize - 8) {
    throw truncated(path, `its header should have ${length} bytes, but the file ends after ${fileSize - 8}`);
  }
  return Number(length);
}

/**
 * Reads and checks the JSON: known dtypes, whole non-negative sizes, and data that cover the rest of the file
 * exactly once, without holes.
 * @throws FileError `file.header`, `file.tensor-duplicate`, `file.dtype`, `file.tensor-layout`, `file.truncated`
 */
export function decodeHeader(json: Uint8Array, fileSize: number, path: string): SafetensorsHeader {
  const bad = (what: string) => new FileError('file.header', `the header of ${path} ${what}`, hints(path));
  let value: unknown;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(json);
    value = JSON.parse(text);
  } catch (error) {
    throw bad(`is not JSON: ${(error as Error).message}`);
  }
  if (!isRecord(value)) throw bad('is not a JSON object');
  const twice = repeatedKey(text);
  if (twice !== undefined) {
    throw new FileError('file.tensor-duplicate', `${path} lists the tensor "${twice}" twice`, hints(path));
  }
  const start = 8 + json.length;
  const tensors = new Map<string, TensorInfo>();
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(value)) {
    if (name === '__metadata__') {
      if (!isRecord(entry) || Object.values(entry).some((v) => typeof v !== 'string'))
        throw bad('has metadata that are not plain texts');
      metadata = entry as Record<string, string>;
    } else {
      if (!isRecord(entry)) throw bad(`has no description of "${name}"`);
      tensors.set(name, decodeEntry(name, entry, start, path));
    }
  }
  checkCoverage(tensors, start, fileSize, path);
  return { tensors, metadata };
}

function decodeEntry(name: string, entry: Record<string, unknown>, start: number, path: string): TensorInfo {
  const { dtype: stored, shape, data_offsets: offsets } = entry;
  const known = dtypes.get(String(stored));
  if (!known) {
    throw new FileError('file.dtype', `tensor "${name}" in ${path} has the unknown type ${String(stored)}`, {
      where: path,
      hint: `known types: ${[...dtypes.keys()].join(', ')}; convert the file first`,
    });
  }
  if (!isSizes(shape)) throw layout(path, name, `its shape is ${JSON.stringify(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    throw layout(path, name, `its place in the file is ${JSON.stringify(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  // Compared in big integers: a product of absurd sizes must not round to a plausible number.
  const needed = shape.reduce((product, n) => product * BigInt(n), BigInt(known.bytes));
  if (needed !== BigInt(end - begin)) {
    throw layout(
      path,
      name,
      `shape [${shape}] of ${String(stored)} needs ${needed} bytes, not ${end - begin}`,
    );
  }
  return { dtype: known.dtype, stored: String(stored), shape, offset: start + begin, length: end - begin };
}

function checkCoverage(
  tensors: ReadonlyMap<string, TensorInfo>,
  start: number,
  fileSize: number,
  path: string,
): void {
  let end = start;
  const order = [...tensors].sort(([, a], [, b]) => a.offset - b.offset || a.length - b.length);
  for (const [name, { offset, length }] of order) {
    if (offset !== end) {
      const how =
        offset < end ? `overlaps the tensor before it by ${end - offset}` : `leaves ${offset - end}`;
      throw layout(path, name, `it ${how} bytes ${offset < end ? '' : 'unused before it'}`.trimEnd());
    }
    end += length;
  }
  if (end > fileSize)
    throw truncated(path, `its tensors need ${end} bytes, but the file ends after ${fileSize}`);
  if (end < fileSize) {
    throw new FileError(
      'file.tensor-layout',
      `${path} has ${fileSize - end} bytes after its last tensor`,
      hints(path),
    );
  }
}

const hints = (path: string) => ({ where: path, hint: 'the file is damaged; fetch or write it again' });

const truncated = (path: string, what: string): FileError =>
  new FileError('file.truncated', `${path} is cut short: ${what}`, {
    where: path,
    hint: 'the download or copy did not finish; fetch the file again',
  });

const layout = (path: string, name: string, what: string): FileError =>
  new FileError('file.tensor-layout', `tensor "${name}" in ${path} cannot be: ${what}`, hints(path));

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && (n as number) >= 0);

/** The first key that the outermost object of (valid) JSON `text` has twice: JSON.parse would hide it. */
function repeatedKey(text: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  let expectsKey = false;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]/g)) {
    if (token === '{' || token === '[') expectsKey = ++depth === 1;
    else if (token === '}' || token === ']') depth--;
    else if (token === ',') expectsKey = depth === 1;
    else if (token !== ':' && depth === 1 && expectsKey) {
      const key = JSON.parse(token) as string;
      if (seen.has(key)) return key;
      seen.add(key);
      expectsKey = false;
    }
  }
  return undefined;
}
