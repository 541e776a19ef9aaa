/** @file Damage done to files on purpose, from a seed: flipped bits, cuts, hostile lengths, pieces moved about. */
import type { Random } from '../../src/core/random.ts';

type Mutation = (bytes: Buffer, r: Random) => Buffer;

/** Lengths and counts that readers should not believe. */
const hostile = [
  0n,
  1n,
  0x7fn,
  0xffn,
  0xffffn,
  0x7fff_ffffn,
  0xffff_ffffn,
  1n << 40n,
  (1n << 53n) + 1n,
  (1n << 63n) - 1n,
  (1n << 64n) - 1n,
];

const at = (bytes: Buffer, r: Random, room = 1): number => r.integer(Math.max(1, bytes.length - room));
/** A place near the start, where headers are, as often as any other. */
const early = (bytes: Buffer, r: Random, room = 1): number =>
  r.integer(2) === 0 ? at(bytes, r, room) : r.integer(Math.max(1, Math.min(bytes.length - room, 512)));

const mutations: readonly Mutation[] = [
  (bytes, r) => {
    for (let n = 1 + r.integer(8); n > 0; n--) bytes[early(bytes, r)]! ^= 1 << r.integer(8);
    return bytes;
  },
  (bytes, r) => bytes.subarray(0, early(bytes, r)),
  (bytes, r) => {
    const value = hostile[r.integer(hostile.length)]!;
    if (bytes.length >= 8) bytes.writeBigUInt64LE(value, early(bytes, r, 8));
    return bytes;
  },
  (bytes, r) => {
    const value = Number(hostile[r.integer(7)]!);
    if (bytes.length >= 4) bytes.writeUInt32LE(value, early(bytes, r, 4));
    return bytes;
  },
  // A long number as protobuf writes it.
  (bytes, r) => {
    const from = early(bytes, r, 10);
    bytes.subarray(from, from + 9).fill(0xff);
    if (from + 9 < bytes.length) bytes[from + 9] = 0x01;
    return bytes;
  },
  (bytes, r) => {
    const from = early(bytes, r);
    const piece = bytes.subarray(from, from + 1 + r.integer(64));
    return Buffer.concat([bytes.subarray(0, from), piece, bytes.subarray(from)]);
  },
  (bytes, r) => {
    const from = early(bytes, r);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + 1 + r.integer(32))]);
  },
  (bytes, r) => {
    const from = early(bytes, r);
    bytes.subarray(from, from + 1 + r.integer(64)).fill(r.integer(256));
    return bytes;
  },
  (bytes, r) => {
    const [from, to, length] = [early(bytes, r), early(bytes, r), 1 + r.integer(64)];
    bytes.copyWithin(to, from, from + length);
    return bytes;
  },
];

/** A damaged copy; one in four is damaged twice. */
export function mutated(bytes: Uint8Array, r: Random): Buffer {
  let out = mutations[r.integer(mutations.length)]!(Buffer.from(bytes), r);
  if (r.integer(4) === 0) out = mutations[r.integer(mutations.length)]!(Buffer.from(out), r);
  return out;
}

/** Values that do not belong where they are put in a JSON document. */
const strange = (r: Random): unknown =>
  [
    null,
    true,
    -1,
    0,
    0.5,
    1e300,
    2 ** 53,
    '',
    '../../etc/passwd',
    '/etc/passwd',
    'model.safetensors/../x',
    [],
    {},
    [[]],
    'a'.repeat(10_000),
    nested(2000),
  ][r.integer(16)];

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

/** A JSON document with a value changed, taken out, or put in twice; sometimes its text is damaged instead. */
export function mutatedJson(text: string, r: Random): Buffer {
  if (r.integer(4) === 0) return mutated(Buffer.from(text), r);
  const document = JSON.parse(text) as unknown;
  const places: [Record<string, unknown>, string][] = [];
  const collect = (value: unknown, depth: number) => {
    if (value === null || typeof value !== 'object' || depth > 6) return;
    for (const key of Object.keys(value).slice(0, 40)) {
      places.push([value as Record<string, unknown>, key]);
      collect((value as Record<string, unknown>)[key], depth + 1);
    }
  };
  collect(document, 0);
  for (let n = 1 + r.integer(3); n > 0 && places.length > 0; n--) {
    const [owner, key] = places[r.integer(places.length)]!;
    const choice = r.integer(3);
    if (choice === 0) delete owner[key];
    else if (choice === 1) owner[key] = strange(r);
    else owner[`${key}${r.integer(3)}`] = strange(r);
  }
  return Buffer.from(JSON.stringify(document));
}
