/** @file safetensors: what is written comes back, and no header can lie. */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { f32, i64, tensor } from '../../src/core/tensor.ts';
import { openSafetensors, streamSafetensors, writeSafetensors } from '../../src/files/safetensors.ts';

const folder = mkdtempSync(join(tmpdir(), 'untangle-safetensors-'));
let files = 0;
const fresh = () => join(folder, `${files++}.safetensors`);

/** A file with any header text and any data: what an enemy would send. */
function hostile(header: unknown, data = 0, lengthField?: bigint): string {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(lengthField ?? BigInt(json.length));
  const path = fresh();
  writeFileSync(path, Buffer.concat([length, json, Buffer.alloc(data)]));
  return path;
}
const refused = async (path: string) => {
  const error = await openSafetensors(path).then(
    () => undefined,
    (e: { code: string; where: string; hint: string }) => e,
  );
  if (error) {
    expect(error.where).toBe(path);
    expect(error.hint).toBeTruthy();
  }
  return error?.code;
};
const entry = (shape: unknown, offsets: unknown, dtype: unknown = 'F32') => ({
  dtype,
  shape,
  data_offsets: offsets,
});

describe('written tensors come back', () => {
  test('every dtype, mixed sizes, metadata, scalars and empty tensors', async () => {
    const path = fresh();
    const tensors = {
      odd: tensor('uint8', [3], Uint8Array.of(1, 2, 3)),
      half: tensor('float16', [1], Uint16Array.of(0x3c00)),
      matrix: f32([2, 2], [1, -2, 3.5, Number.NaN]),
      double: tensor('float64', [], Float64Array.of(Math.PI)),
      ids: i64([2], [-5, 7]),
      none: f32([0, 4], []),
      flag: tensor('bool', [1], Uint8Array.of(1)),
      small: tensor('int8', [1], Int8Array.of(-3)),
      whole: tensor('int32', [1], Int32Array.of(-70000)),
      __proto__x: f32([1], [1]),
    };
    await writeSafetensors(path, tensors, { made: 'here' });
    const file = await openSafetensors(path);
    expect(file.metadata).toEqual({ made: 'here' });
    expect([...file.names].sort()).toEqual(Object.keys(tensors).sort());
    for (const [name, expected] of Object.entries(tensors)) expect(file.read(name)).toEqual(expected);
    // Aligned to their element size: other readers map the file into memory.
    for (const name of file.names) {
      const { offset, dtype } = file.info(name);
      expect(
        offset % ({ float64: 8, int64: 8, float32: 4, int32: 4, float16: 2 }[dtype as string] ?? 1),
      ).toBe(0);
    }
    file.close();
  });

  test('any float32 matrix round-trips to the bit', async () => {
    await fc.assert(
      fc.asyncProperty(fc.float32Array({ maxLength: 50 }), async (values) => {
        const path = fresh();
        await writeSafetensors(path, { x: f32([values.length], values) });
        const file = await openSafetensors(path);
        expect(file.read('x').data).toEqual(values);
        file.close();
      }),
      { numRuns: 25 },
    );
  });

  test('bfloat16 is read as float32', async () => {
    const path = hostile({ x: entry([2], [0, 4], 'BF16') }, 4);
    const bytes = readFileSync(path);
    bytes.writeUInt16LE(0x3f80, bytes.length - 4);
    bytes.writeUInt16LE(0xc000, bytes.length - 2);
    writeFileSync(path, bytes);
    const file = await openSafetensors(path);
    expect(file.read('x')).toEqual(f32([2], [1, -2]));
    file.close();
  });

  test('streamed in pieces, in any order; a failing fill leaves nothing', async () => {
    const path = fresh();
    await streamSafetensors(path, { x: { dtype: 'float32', shape: [2, 3] } }, async (writer) => {
      await writer.write('x', Float32Array.of(4, 5, 6), 3);
      await writer.write('x', Float32Array.of(1, 2, 3), 0);
      await expect(writer.write('x', Float32Array.of(1), 6)).rejects.toMatchObject({ code: 'file.range' });
    });
    const file = await openSafetensors(path);
    expect(Array.from(file.read('x').data as Float32Array)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(Array.from(new Float32Array(file.readBytes('x', 8, 8).buffer))).toEqual([3, 4]);
    expect(() => file.readBytes('x', 20, 8)).toThrow(expect.objectContaining({ code: 'file.range' }));
    expect(() => file.read('y')).toThrow(
      expect.objectContaining({ code: 'file.no-tensor', hint: 'nearest names: x' }),
    );
    file.close();
    const other = fresh();
    await expect(
      streamSafetensors(other, { x: { dtype: 'float32', shape: [1] } }, async () => {
        throw new Error('stop');
      }),
    ).rejects.toThrow('stop');
    expect(readdirSync(folder).filter((n) => n.includes('partial') || n === basename(other))).toEqual([]);
  });
});

describe('a header that lies is refused by name', () => {
  test.each([
    ['an empty file', () => hostile('', 0, 2n).slice(0), 'file.truncated'],
    ['a length field of 2^63', () => hostile('{}', 0, 2n ** 63n), 'file.header-size'],
    ['a length field beyond the file', () => hostile('{}', 0, 5000n), 'file.truncated'],
    ['no JSON', () => hostile('{"x": '), 'file.header'],
    ['bytes that are not UTF-8', () => hostile('{"\u0000', 0), 'file.header'],
    ['an array', () => hostile([1]), 'file.header'],
    ['metadata that are numbers', () => hostile({ __metadata__: { a: 1 } }), 'file.header'],
    ['an entry that is a number', () => hostile({ x: 1 }), 'file.header'],
    ['an unknown type', () => hostile({ x: entry([1], [0, 4], 'F4') }, 4), 'file.dtype'],
    ['a negative size', () => hostile({ x: entry([-1], [0, 4]) }, 4), 'file.tensor-layout'],
    ['a fractional size', () => hostile({ x: entry([0.5], [0, 4]) }, 4), 'file.tensor-layout'],
    ['a shape that is text', () => hostile({ x: entry('2', [0, 4]) }, 4), 'file.tensor-layout'],
    [
      'sizes whose product overflows',
      () => hostile({ x: entry([2 ** 40, 2 ** 40], [0, 4]) }, 4),
      'file.tensor-layout',
    ],
    [
      'absurd but consistent sizes',
      () => hostile({ x: entry([2 ** 40], [0, 2 ** 42]) }, 4),
      'file.truncated',
    ],
    ['an end before the beginning', () => hostile({ x: entry([1], [4, 0]) }, 4), 'file.tensor-layout'],
    ['a shape that needs other bytes', () => hostile({ x: entry([2], [0, 4]) }, 4), 'file.tensor-layout'],
    [
      'tensors that overlap',
      () => hostile({ x: entry([2], [0, 8]), y: entry([1], [4, 8]) }, 8),
      'file.tensor-layout',
    ],
    [
      'a hole between tensors',
      () => hostile({ x: entry([1], [0, 4]), y: entry([1], [8, 12]) }, 12),
      'file.tensor-layout',
    ],
    ['bytes after the last tensor', () => hostile({ x: entry([1], [0, 4]) }, 9), 'file.tensor-layout'],
    ['data cut short', () => hostile({ x: entry([4], [0, 16]) }, 15), 'file.truncated'],
    [
      'the same tensor twice',
      () =>
        hostile(
          `{"x":${JSON.stringify(entry([1], [0, 4]))},"\\u0078":${JSON.stringify(entry([1], [0, 4]))}}`,
          4,
        ),
      'file.tensor-duplicate',
    ],
  ])('%s', async (_name, make, code) => {
    expect(await refused(make())).toBe(code);
  });

  test('a key inside metadata that repeats a tensor name is no duplicate', async () => {
    expect(await refused(hostile({ __metadata__: { x: 'x' }, x: entry([1], [0, 4]) }, 4))).toBeUndefined();
  });

  test('a missing file and a folder', async () => {
    expect(await refused(join(folder, 'absent'))).toBe('file.missing');
    expect(await refused(folder)).toBe('file.is-folder');
  });

  test('whatever bytes come, the answer is a FileError or a file, never a crash', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), fc.nat(60), async (noise, length) => {
        const path = fresh();
        const start = Buffer.alloc(8);
        start.writeBigUInt64LE(BigInt(length));
        writeFileSync(path, Buffer.concat([start, noise]));
        const code = await refused(path);
        if (code !== undefined) expect(code).toMatch(/^file\./);
      }),
      { numRuns: 60 },
    );
  });
});
