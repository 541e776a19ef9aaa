/** @file zip and npz: read what others write, refuse what is damaged. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { parse as parseNpy } from 'npyjs';
import { describe, expect, test } from 'vitest';
import { f32, i64, tensor } from '../../src/core/tensor.ts';
import { decodeNpy, encodeNpy, readNpz, writeNpz } from '../../src/files/npz.ts';
import { extractZipMember, listZip, readZipMember } from '../../src/files/zip.ts';

const folder = mkdtempSync(join(tmpdir(), 'untangle-archives-'));
const path = (name: string) => join(folder, name);
const text = new TextEncoder().encode('a long text, a long text, a long text, a long text');
const archive = zipSync({
  'a/deflated.txt': text,
  'stored.bin': [Uint8Array.of(1, 2, 3), { level: 0 }],
  empty: new Uint8Array(),
});

describe('zip members', () => {
  test('deflated, stored and empty ones, in memory and to a file', async () => {
    writeFileSync(path('good.zip'), archive);
    expect((await listZip(path('good.zip'))).map((m) => m.name)).toEqual([
      'a/deflated.txt',
      'stored.bin',
      'empty',
    ]);
    expect(await readZipMember(path('good.zip'), 'a/deflated.txt')).toEqual(text);
    expect(await readZipMember(path('good.zip'), 'stored.bin')).toEqual(Uint8Array.of(1, 2, 3));
    expect(await readZipMember(path('good.zip'), 'empty')).toEqual(new Uint8Array());
    await extractZipMember(path('good.zip'), 'a/deflated.txt', path('out/deflated.txt'));
    expect(new Uint8Array(readFileSync(path('out/deflated.txt')))).toEqual(text);
  });

  test('a member of zeros that would fill the memory is not unpacked', async () => {
    writeFileSync(path('zeros.zip'), zipSync({ zeros: new Uint8Array(65 * 2 ** 20) }));
    await expect(readZipMember(path('zeros.zip'), 'zeros')).rejects.toMatchObject({
      code: 'file.zip',
      message: expect.stringMatching(/packed into/),
    });
  });

  test('two members of one name are refused: what was checked of one could be read from the other', async () => {
    const bad = Buffer.from(zipSync({ one: text, two: text }));
    for (let at = bad.indexOf('two'); at >= 0; at = bad.indexOf('two', at + 1)) bad.write('one', at);
    writeFileSync(path('twice.zip'), bad);
    await expect(listZip(path('twice.zip'))).rejects.toMatchObject({
      code: 'file.zip',
      message: /two members are called "one"/,
    });
  });

  test('an unknown member names the nearest', async () => {
    writeFileSync(path('good.zip'), archive);
    await expect(readZipMember(path('good.zip'), 'store.bin')).rejects.toMatchObject({
      code: 'file.zip-member',
      hint: /^nearest names: stored\.bin/,
    });
  });

  test('cut at any byte, it is refused and extraction leaves no file', async () => {
    for (let length = 0; length < archive.length; length += 7) {
      writeFileSync(path('cut.zip'), archive.subarray(0, length));
      await expect(extractZipMember(path('cut.zip'), 'a/deflated.txt', path('never'))).rejects.toMatchObject({
        code: 'file.zip',
      });
    }
    expect(() => readFileSync(path('never'))).toThrow();
  });

  test('one flipped bit in the data is noticed', async () => {
    const bad = archive.slice();
    bad[60]! ^= 4;
    writeFileSync(path('bad.zip'), bad);
    await expect(readZipMember(path('bad.zip'), 'a/deflated.txt')).rejects.toMatchObject({
      code: 'file.zip',
    });
  });

  test('a member that claims to be smaller than it is does not inflate past its claim', async () => {
    const bad = Buffer.from(archive);
    const at = bad.indexOf('PK\x01\x02', 0, 'latin1');
    bad.writeUInt32LE(5, at + 24);
    writeFileSync(path('bomb.zip'), bad);
    await expect(readZipMember(path('bomb.zip'), 'a/deflated.txt')).rejects.toMatchObject({
      code: 'file.zip',
      message: /larger than it says/,
    });
  });
});

describe('npz', () => {
  const tensors = {
    x: f32([2, 3], [1, 2, 3, 4, 5, -6.5]),
    scalar: tensor('float64', [], Float64Array.of(Math.E)),
    ids: i64([2], [1, -1]),
    half: tensor('float16', [2], Uint16Array.of(0x3c00, 0xc000)),
    flags: tensor('bool', [2], Uint8Array.of(1, 0)),
    'blocks.0.hook_resid_pre': tensor('int32', [1, 1], Int32Array.of(9)),
  };

  test('round trip', async () => {
    await writeNpz(path('a.npz'), tensors);
    expect(await readNpz(path('a.npz'))).toEqual(tensors);
  });

  test('an independent reader agrees (npyjs)', () => {
    for (const name of ['x', 'ids'] as const) {
      const npy = encodeNpy(tensors[name]);
      const read = parseNpy(new Uint8Array(npy).buffer);
      expect(read.shape).toEqual(tensors[name].shape);
      expect(read.data).toEqual(tensors[name].data);
    }
  });

  test('data start at a multiple of 64 bytes and the header ends with a newline, as numpy asks', () => {
    const npy = Buffer.from(encodeNpy(tensors.x));
    const start = 10 + npy.readUInt16LE(8);
    expect(start % 64).toBe(0);
    expect(npy[start - 1]).toBe(10);
  });

  test('numpy reads it and its own files are read, where numpy is installed', async () => {
    await writeNpz(path('b.npz'), tensors);
    const script = `
import sys
try:
    import numpy as np
except ImportError:
    print('absent'); sys.exit()
d = np.load(sys.argv[1])
assert d['x'].tolist() == [[1,2,3],[4,5,-6.5]], d['x']
assert d['ids'].dtype == np.int64 and d['half'].tolist() == [1,-2] and d['flags'].tolist() == [True, False]
assert d['scalar'].shape == ()
np.savez(sys.argv[2], y=np.arange(6, dtype=np.float32).reshape(2,3), z=np.float64(3))
print('there')`;
    let answer = 'absent';
    try {
      answer = execFileSync('python3', ['-c', script, path('b.npz'), path('numpy.npz')], {
        encoding: 'utf8',
      }).trim();
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
    if (answer !== 'there')
      return console.warn('numpy is not installed: its reading of our npz was not tried');
    const read = await readNpz(path('numpy.npz'));
    expect(read.y).toEqual(f32([2, 3], [0, 1, 2, 3, 4, 5]));
  });

  test.each([
    ['no magic', (b: Buffer) => b.fill(0, 0, 2), 'file.npy'],
    ['data cut short', (b: Buffer) => b.subarray(0, b.length - 1), 'file.truncated'],
    ['data too long', (b: Buffer) => Buffer.concat([b, Buffer.alloc(1)]), 'file.npy'],
    ['header cut short', (b: Buffer) => b.subarray(0, 40), 'file.npy'],
    [
      'a header longer than numpy reads',
      (b: Buffer) => {
        const header = Buffer.from(b.subarray(0, 10 + b.readUInt16LE(8)));
        header.writeUInt16LE(header.length - 10 + 20_000, 8);
        return Buffer.concat([header, Buffer.alloc(20_000, ' '), b.subarray(header.length)]);
      },
      'file.npy',
    ],
    [
      'column-major',
      (b: Buffer) => Buffer.from(b.toString('latin1').replace('False, ', 'True,  '), 'latin1'),
      'file.npy',
    ],
    [
      'objects (pickle)',
      (b: Buffer) => Buffer.from(b.toString('latin1').replace("'<f4'", "'|O' "), 'latin1'),
      'file.dtype',
    ],
    [
      'big-endian',
      (b: Buffer) => Buffer.from(b.toString('latin1').replace('<f4', '>f4'), 'latin1'),
      'file.dtype',
    ],
  ])('refused: %s', (_name, spoil, code) => {
    const npy = spoil(Buffer.from(encodeNpy(tensors.x)));
    expect(() => decodeNpy(npy, 'x.npy')).toThrow(expect.objectContaining({ code }));
  });
});
