import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ggmlFormats, safetensorsFormats } from '../../src/models/dequantise.ts';

const unpack = (type: number, bytes: readonly number[], count: number) => {
  const target = new Float32Array(count + 2).fill(99);
  ggmlFormats.get(type)!.unpack(Uint8Array.from([7, 7, ...bytes]), 2, target, 1, count);
  expect([target[0], target.at(-1)]).toEqual([99, 99]);
  return Array.from(target.subarray(1, count + 1));
};
/** 0.5 and −3 as float16. */
const [HALF, MINUS_THREE] = [
  [0x00, 0x38],
  [0x00, 0xc2],
];

describe('block formats', () => {
  test('Q4_1: x = d·q + m, low nibbles first', () => {
    const nibbles = Array.from({ length: 16 }, (_, j) => j | ((15 - j) << 4));
    const x = unpack(3, [...HALF!, ...MINUS_THREE!, ...nibbles], 32);
    expect(x.slice(0, 16)).toEqual(Array.from({ length: 16 }, (_, j) => 0.5 * j - 3));
    expect(x.slice(16)).toEqual(Array.from({ length: 16 }, (_, j) => 0.5 * (15 - j) - 3));
  });
  test('Q8_0: x = d·q with signed bytes', () => {
    const bytes = Array.from({ length: 32 }, (_, j) => (j * 8 + 128) & 255);
    const x = unpack(8, [...HALF!, ...bytes], 32);
    expect(x).toEqual(Array.from({ length: 32 }, (_, j) => 0.5 * (j * 8 - 128)));
  });
  test('two blocks follow each other', () => {
    const block = (d: number[], byte: number) => [...d, ...Array.from({ length: 32 }, () => byte)];
    const x = unpack(8, [...block(HALF!, 2), ...block(MINUS_THREE!, 1)], 64);
    expect([x[0], x[31], x[32], x[63]]).toEqual([1, 1, -3, -3]);
  });
  test('F16: one, the smallest subnormal, infinity, NaN', () => {
    expect(unpack(1, [0x00, 0x3c, 0x01, 0x00, 0x00, 0xfc, 0x01, 0x7e], 4)).toEqual([
      1,
      2 ** -24,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
    ]);
  });
  test('BF16 is the upper half of a float32', () => {
    expect(unpack(30, [0x80, 0x3f, 0x49, 0xc0], 2)).toEqual([1, -3.140625]);
    expect(safetensorsFormats.get('BF16')).toBe(ggmlFormats.get(30));
  });
  test('F32 at any offset', () => {
    expect(unpack(0, [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0], 2)).toEqual([1, -2]);
  });
});

const oracle = JSON.parse(readFileSync('test/oracles/ggml_blocks.json', 'utf8')) as {
  cases: { type: number; name: string; bytes: string; values: string }[];
};

test('every quantised format that is read is in the oracle', () =>
  expect(oracle.cases.map((c) => c.type).sort((a, b) => a - b)).toEqual(
    [...ggmlFormats.keys()].filter((type) => type !== 0).sort((a, b) => a - b),
  ));

test.each(oracle.cases)('$name gives the numbers of the Python package gguf, bit for bit', (one) => {
  const format = ggmlFormats.get(one.type)!;
  expect(format.name).toBe(one.name);
  const bytes = Buffer.from(one.bytes, 'base64');
  const wanted = Buffer.from(one.values, 'base64');
  const ours = new Float32Array(wanted.length / 4);
  expect((bytes.length / format.bytes) * format.elements).toBe(ours.length);
  format.unpack(bytes, 0, ours, 0, ours.length);
  expect(new Set(ours).size).toBeGreaterThan(20);
  expect(Buffer.from(ours.buffer).equals(wanted)).toBe(true);
});
