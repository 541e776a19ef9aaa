import { closeSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UntangleError } from '../../src/core/errors.ts';
import { openGguf } from '../../src/models/gguf.ts';
import { openGgufSource } from '../../src/models/gguf-source.ts';
import {
  type GgufPiece,
  type GgufValue,
  ggufBytes,
  llamaMetadata,
  text,
  tinyPieces,
} from '../support/gguf-bytes.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder();
let count = 0;
const write = (bytes: Uint8Array): string => {
  const path = join(folder, `${count++}.gguf`);
  writeFileSync(path, bytes);
  return path;
};
const { shape, pieces } = tinyPieces(1);
const metadata = llamaMetadata(shape);
const good = ggufBytes(metadata, pieces);

/** The code of the error that `act` throws. */
function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof UntangleError) return error.code;
    throw error;
  }
  return 'no error';
}
const opening = (bytes: Uint8Array) => {
  const path = write(bytes);
  return codeOf(() => openGguf(path).close());
};
const openingModel = (changed: Parameters<typeof ggufBytes>[0], some: readonly GgufPiece[] = pieces) => {
  const path = write(ggufBytes(changed, some));
  return codeOf(() => openGgufSource(path).close());
};

test('a good file gives its metadata and tensors', () => {
  const file = openGguf(write(good));
  expect(file.metadata.get('llama.block_count')).toBe(2);
  expect(file.metadata.get('tokenizer.ggml.pre')).toBe('smollm');
  expect(file.tensors.get('blk.0.attn_k.weight')?.shape).toEqual([8, 16]);
  const norm = file.tensors.get('output_norm.weight')!;
  expect(Buffer.from(file.readBytes(norm.offset, 64))).toEqual(
    Buffer.from(pieces.find((p) => p.name === 'output_norm.weight')!.bytes),
  );
  file.close();
});

describe('a hostile file gives a code, at once', () => {
  test('cut short anywhere', () => {
    // Every cut of the header's beginning, then some further on, then in the data.
    const cuts = [0, 3, 4, 8, 20, 24, 30, 100, 1000, 5000, 9000, good.length >> 1, good.length - 100];
    for (const cut of cuts) {
      expect(opening(good.subarray(0, cut)), `cut at ${cut}`).toBe(cut < 4 ? 'file.magic' : 'file.truncated');
    }
  });
  test('wrong magic number', () => {
    expect(opening(Buffer.concat([Buffer.from('GGML'), good.subarray(4)]))).toBe('file.magic');
    expect(opening(Buffer.alloc(0))).toBe('file.magic');
  });
  test('another version, or big-endian', () => {
    const changed = Buffer.from(good);
    changed.writeUInt32LE(1, 4);
    expect(opening(changed)).toBe('file.version');
    changed.writeUInt32BE(3, 4);
    expect(opening(changed)).toBe('file.version');
  });
  test('absurd counts: tensors, entries, lengths of texts, elements of arrays', () => {
    for (const at of [8, 16, 24]) {
      for (const size of [2n ** 63n, 2n ** 40n]) {
        const changed = Buffer.from(good);
        changed.writeBigUInt64LE(size, at);
        expect(opening(changed), `at ${at}`).toBe('file.absurd-size');
      }
    }
    const array = Buffer.concat([good.subarray(0, 24), text('a'), Buffer.from([9, 0, 0, 0, 4, 0, 0, 0])]);
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(2n ** 33n);
    expect(opening(Buffer.concat([array, size]))).toBe('file.absurd-size');
    size.writeBigUInt64LE(2n ** 21n);
    expect(opening(Buffer.concat([array, size]))).toBe('file.truncated');
  });
  test('a huge sparse file with 60,000 entries of zeros', () => {
    const path = write(Buffer.concat([good.subarray(0, 24)]));
    const head = Buffer.alloc(8);
    head.writeBigUInt64LE(60_000n);
    const handle = openSync(path, 'r+');
    writeSync(handle, head, 0, 8, 16);
    // Keys of zero length follow each other: the second is a duplicate.
    closeSync(handle);
    truncateSync(path, 2 ** 33);
    expect(codeOf(() => openGguf(path))).toBe('file.header');
  });
  test('arrays nested without end', () => {
    const nested = Buffer.concat(
      Array.from({ length: 50 }, () => Buffer.from([9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0])),
    );
    const bytes = Buffer.concat([good.subarray(0, 24), text('a'), Buffer.from([9, 0, 0, 0]), nested]);
    expect(opening(bytes)).toBe('file.header');
  });
  test('tensors: listed twice, overlapping, absurd sizes, unknown types, outside of the file', () => {
    const one = pieces[1]!;
    expect(opening(ggufBytes(metadata, [...pieces, one]))).toBe('file.tensor-duplicate');
    expect(opening(ggufBytes(metadata, [{ ...one, shape: [2 ** 41] }]))).toBe('file.absurd-size');
    expect(opening(ggufBytes(metadata, [{ ...one, shape: [2 ** 39, 2 ** 39] }]))).toBe('file.tensor-layout');
    expect(opening(ggufBytes(metadata, [{ ...one, shape: [0] }]))).toBe('file.tensor-layout');
    expect(opening(ggufBytes(metadata, [{ ...one, shape: [1, 1, 1, 1, 16] }]))).toBe('file.tensor-layout');
    expect(opening(ggufBytes(metadata, [{ ...one, type: 77 }]))).toBe('file.tensor-layout');
    expect(opening(ggufBytes(metadata, [{ ...one, shape: [2 ** 30] }]))).toBe('file.truncated');
    expect(opening(ggufBytes(metadata, [{ ...one, shape: [33], type: 3 }]))).toBe('file.tensor-layout');
    const overlapping = ggufBytes(metadata, [
      { ...one, shape: [160] },
      { ...pieces[2]!, name: 'b' },
    ]);
    expect(opening(overlapping)).toBe('file.tensor-layout');
  });
  test('a missing file, a folder', () => {
    expect(codeOf(() => openGguf(join(folder, 'none.gguf')))).toBe('file.missing');
    expect(codeOf(() => openGguf(folder))).toBe('file.is-folder');
  });
  test('any damage of the header: an error of ours or a readable file, never a crash or a long wait', () => {
    const headerEnd = 6000;
    const path = write(good);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(headerEnd), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (damage) => {
          const changed = Buffer.from(good);
          for (const [at, byte] of damage) changed[at] = byte;
          writeFileSync(path, changed);
          codeOf(() => openGgufSource(path).close());
        },
      ),
      { numRuns: 400, seed: 1 },
    );
  });
});

describe('a model that is not whole gives a code', () => {
  test('missing, unknown and misshapen tensors', () => {
    expect(openingModel(metadata, pieces.slice(1))).toBe('model.missing-tensor');
    expect(openingModel(metadata, pieces.slice(0, -1))).toBe('model.missing-tensor');
    expect(openingModel(metadata, [...pieces, { ...pieces[1]!, name: 'blk.0.attn_rel_b.weight' }])).toBe(
      'model.unknown-tensor',
    );
    const wrong = pieces.map((p) => (p.name === 'blk.1.ffn_up.weight' ? { ...p, shape: [16, 24] } : p));
    expect(openingModel(metadata, wrong)).toBe('model.tensor-shape');
    expect(openingModel(metadata)).toBe('no error');
  });
  test('a packing that is not read is named', () => {
    const packed = pieces.map((p) => (p.name === 'blk.1.ffn_up.weight' ? { ...p, type: 10 } : p));
    const path = write(ggufBytes(metadata, packed));
    expect(() => openGgufSource(path)).toThrow(
      /Q2_K.*F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, BF16/,
    );
  });
  test('descriptions that make no sense, or ask for another architecture', () => {
    const changes: Record<string, GgufValue>[] = [
      { 'general.architecture': 'mamba' },
      { 'general.architecture': 'constructor' },
      { 'llama.block_count': { u32: 4_000_000_000 } },
      { 'llama.block_count': { u32: 0 } },
      { 'llama.attention.head_count_kv': { u32: 3 } },
      { 'llama.embedding_length': { u32: 0 } },
      { 'llama.attention.layer_norm_rms_epsilon': Number.NaN },
      { 'llama.rope.scaling.type': 'magic' },
      { 'llama.context_length': 'long' },
    ];
    for (const change of changes)
      expect(openingModel({ ...metadata, ...change }), JSON.stringify(change)).toBe('model.description');
  });
  test('tokenizers that we do not read', () => {
    const changes: Record<string, GgufValue>[] = [
      { 'tokenizer.ggml.model': 'rwkv' },
      { 'tokenizer.ggml.pre': 'qwen9' },
    ];
    for (const change of changes)
      expect(openingModel({ ...metadata, ...change }), JSON.stringify(change)).toBe('model.tokenizer');
  });
});
