/** @file Members of a zip archive (a wheel, an npz), found by its central directory and inflated one by one. */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32, createInflateRaw } from 'node:zlib';
import { FileError, nearestNames } from '../core/errors.ts';
import { writeAtomically } from './atomic.ts';
import { fileFailure } from './failures.ts';

/** A member that says it is larger than this and so many times its packed size would only serve to fill the memory. */
const BOMB_SIZE = 64 * 2 ** 20;
const BOMB_RATIO = 100;

/** One entry of the central directory (PKWARE APPNOTE 6.3.10, section 4.3.12). */
export interface ZipMember {
  readonly name: string;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly crc: number;
  /** Where its local header starts. */
  readonly offset: number;
}

const damaged = (path: string, what: string): FileError =>
  new FileError('file.zip', `${path} is not a whole zip archive: ${what}`, {
    where: path,
    hint: 'the file was cut short or is of another kind; fetch it again',
  });

/** All members of the archive, in the order of its directory. @throws FileError `file.zip`, `file.missing` */
export const listZip = (path: string): Promise<ZipMember[]> =>
  withFile(path, (file) => directory(path, file));

/**
 * One member, in memory.
 * @throws FileError `file.zip-member` (names the nearest), `file.zip` (damaged or wrong checksum)
 */
export async function readZipMember(path: string, member: string): Promise<Uint8Array<ArrayBuffer>> {
  return withFile(path, async (file) => {
    const entry = find(path, member, await directory(path, file));
    if (entry.size > 2 ** 31 - 1) {
      throw damaged(path, `"${member}" claims ${entry.size} bytes, too many to read at once`);
    }
    if (entry.size > BOMB_SIZE && entry.size > BOMB_RATIO * entry.compressedSize)
      throw damaged(path, `"${member}" claims ${entry.size} bytes packed into ${entry.compressedSize}`);
    const pieces: Uint8Array[] = [];
    await inflate(path, file, entry, async (piece) => void pieces.push(piece));
    const bytes = new Uint8Array(entry.size);
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  });
}

/** One member, streamed to the file `target` (written aside, then renamed). Throws as readZipMember. */
export async function extractZipMember(path: string, member: string, target: string): Promise<void> {
  await withFile(path, async (file) => {
    const entry = find(path, member, await directory(path, file));
    await writeAtomically(target, (output) =>
      inflate(path, file, entry, async (piece) => void (await output.writeFile(piece))),
    );
  });
}

async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    return await use(file);
  } catch (error) {
    throw fileFailure(error, path, 'cannot read');
  } finally {
    await file?.close();
  }
}

function find(path: string, member: string, entries: readonly ZipMember[]): ZipMember {
  const entry = entries.find((e) => e.name === member);
  if (entry) return entry;
  const near = nearestNames(
    member,
    entries.map((e) => e.name),
  );
  throw new FileError('file.zip-member', `${path} has no member "${member}"`, {
    where: path,
    hint: near.length === 0 ? 'the archive is empty' : `nearest names: ${near.join(', ')}`,
  });
}

async function bytesAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, offset);
  return buffer.subarray(0, bytesRead);
}

/** Reads the end record (with its Zip64 form) and the central directory; nothing is believed unchecked. */
async function directory(path: string, file: FileHandle): Promise<ZipMember[]> {
  const { size } = await file.stat();
  const tailStart = Math.max(0, size - 65_557);
  const tail = await bytesAt(file, tailStart, size - tailStart);
  const end = tail.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  if (end < 0 || end + 22 > tail.length) throw damaged(path, 'no end record');
  let length = tail.readUInt32LE(end + 12);
  let start = tail.readUInt32LE(end + 16);
  if (end >= 20 && tail.toString('latin1', end - 20, end - 16) === 'PK\x06\x07') {
    const at = Number(tail.readBigUInt64LE(end - 12));
    const record = at + 56 <= size ? await bytesAt(file, at, 56) : Buffer.alloc(0);
    if (record.length < 56 || record.toString('latin1', 0, 4) !== 'PK\x06\x06')
      throw damaged(path, 'broken Zip64 record');
    length = Number(record.readBigUInt64LE(40));
    start = Number(record.readBigUInt64LE(48));
  }
  if (start + length > size) throw damaged(path, 'its directory lies outside of the file');
  const table = await bytesAt(file, start, length);
  const entries: ZipMember[] = [];
  // What is checked of one member must not be read from another.
  const names = new Set<string>();
  for (let at = 0; at < table.length; ) {
    if (at + 46 > table.length || table.readUInt32LE(at) !== 0x02014b50)
      throw damaged(path, 'broken directory');
    const nameLength = table.readUInt16LE(at + 28);
    const extraLength = table.readUInt16LE(at + 30);
    const next = at + 46 + nameLength + extraLength + table.readUInt16LE(at + 32);
    if (next > table.length) throw damaged(path, 'broken directory');
    const extra = table.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const [entrySize, compressedSize, offset] = zip64(extra, [
      table.readUInt32LE(at + 24),
      table.readUInt32LE(at + 20),
      table.readUInt32LE(at + 42),
    ]);
    const name = table.toString('utf8', at + 46, at + 46 + nameLength);
    if (offset + 30 + compressedSize > size) throw damaged(path, `"${name}" lies outside of the file`);
    const method = table.readUInt16LE(at + 10);
    if (names.has(name)) throw damaged(path, `two members are called "${name}"`);
    names.add(name);
    entries.push({ name, method, compressedSize, size: entrySize, crc: table.readUInt32LE(at + 16), offset });
    at = next;
  }
  return entries;
}

/** Replaces those of the three sizes that read 0xFFFFFFFF by their 64-bit values from the extra field 0x0001. */
function zip64(extra: Buffer, sizes: [number, number, number]): [number, number, number] {
  if (!sizes.includes(0xffffffff)) return sizes;
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    let field = at + 4;
    return sizes.map((size) => {
      if (size !== 0xffffffff || field + 8 > extra.length) return size;
      field += 8;
      return Number(extra.readBigUInt64LE(field - 8));
    }) as [number, number, number];
  }
  return sizes;
}

/** Feeds the plain bytes of `entry` to `take`, then checks size and CRC-32. */
async function inflate(
  path: string,
  file: FileHandle,
  entry: ZipMember,
  take: (piece: Uint8Array) => Promise<void>,
): Promise<void> {
  if (entry.method !== 0 && entry.method !== 8) {
    throw damaged(path, `"${entry.name}" is packed by method ${entry.method}; only 0 and 8 are known`);
  }
  const local = await bytesAt(file, entry.offset, 30);
  if (local.length < 30 || local.readUInt32LE(0) !== 0x04034b50)
    throw damaged(path, `"${entry.name}" has no header`);
  const start = entry.offset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
  let crc = 0;
  let total = 0;
  const sink = new Transform({
    transform(piece: Buffer, _encoding, done: TransformCallback) {
      total += piece.length;
      if (total > entry.size) return done(damaged(path, `"${entry.name}" is larger than it says`));
      crc = crc32(piece, crc);
      take(piece).then(() => done(), done);
    },
  });
  sink.resume();
  if (entry.compressedSize > 0) {
    const source = createReadStream(path, { start, end: start + entry.compressedSize - 1 });
    try {
      if (entry.method === 0) await pipeline(source, sink);
      else await pipeline(source, createInflateRaw(), sink);
    } catch (error) {
      if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'))
        throw damaged(path, `"${entry.name}" does not inflate (${error.message})`);
      throw error;
    }
  }
  if (total !== entry.size || crc !== entry.crc) throw damaged(path, `"${entry.name}" has a wrong checksum`);
}
