import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import type { ExternalWeight } from '../../src/graph/types.ts';
import { convert, openConverted } from '../../src/models/convert.ts';
import { openGgufSource } from '../../src/models/gguf-source.ts';
import { ROTARY } from '../../src/models/rotary.ts';
import { tinyLlama } from '../../src/models/tiny.ts';
import { readWeight } from '../../src/models/weights.ts';
import { ggufBytes, llamaMetadata, tinyPieces } from '../support/gguf-bytes.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder();
const { shape, pieces } = tinyPieces(1);
const context = { progress: silent };

async function converted(name: string, some = pieces, signal?: AbortSignal) {
  const path = join(folder, `${name}.gguf`);
  writeFileSync(path, ggufBytes(llamaMetadata(shape), some));
  const target = join(folder, name);
  mkdirSync(target);
  const source = openGgufSource(path);
  try {
    await convert(source, target, signal ? { ...context, signal } : context);
  } finally {
    source.close();
  }
  return target;
}

describe('converting', () => {
  test("gives back every weight to the bit: transposed, and llama.cpp's row order of Q and K undone", async () => {
    const { weights } = await openConverted(await converted('plain'));
    for (const [name, weight] of tinyLlama(1).graph.weights) {
      if (name.startsWith('ints:') || name.startsWith('scalar') || name.startsWith('diagonal')) continue;
      const back = await readWeight(weights.get(name)!);
      expect(back.shape, name).toEqual(weight.shape);
      expect(Buffer.from(back.data.buffer).equals(Buffer.from((weight as Tensor).data.buffer)), name).toBe(
        true,
      );
    }
  });
  test('writes aligned tensors, the rotary tables, and the checksum of the file', async () => {
    const target = await converted('aligned');
    const { manifest, weights } = await openConverted(target);
    expect([...weights.values()].every((w) => (w as ExternalWeight).offset % 4096 === 0)).toBe(true);
    expect(weights.get(ROTARY.cos)?.shape).toEqual([64, 4]);
    const bytes = readFileSync(join(target, 'weights.bin'));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(manifest.sha256);
  });
  test('equal files give equal hashes, another weight another one', async () => {
    const [a, b] = [await openConverted(await converted('a')), await openConverted(await converted('b'))];
    const other = tinyPieces(2).pieces;
    expect(a.manifest.hash).toBe(b.manifest.hash);
    expect((await openConverted(await converted('c', other))).manifest.hash).not.toBe(a.manifest.hash);
  });
  test.each([Number.NaN, Number.POSITIVE_INFINITY])('refuses a weight that is %d', async (bad) => {
    for (const name of ['token_embd.weight', 'blk.1.ffn_down.weight', 'output_norm.weight']) {
      const some = pieces.map((p) => {
        if (p.name !== name) return p;
        const bytes = p.bytes.slice();
        new DataView(bytes.buffer).setFloat32(4 * 7, bad, true);
        return { ...p, bytes };
      });
      await expect(converted(`${name}-${bad}`, some)).rejects.toMatchObject({ code: 'model.not-finite' });
    }
  });
  test('stops when asked to', async () => {
    await expect(converted('stopped', pieces, AbortSignal.abort())).rejects.toMatchObject({
      code: 'interrupted',
    });
  });
});

describe('a conversion that is not whole is noticed', () => {
  test('a weights file that was cut, a manifest of another kind, a missing tokenizer', async () => {
    const cut = await converted('cut');
    truncateSync(join(cut, 'weights.bin'), 5000);
    await expect(openConverted(cut)).rejects.toMatchObject({ code: 'file.truncated' });
    const other = await converted('other');
    writeFileSync(join(other, 'model.json'), '{"conversion": 0}');
    await expect(openConverted(other)).rejects.toMatchObject({ code: 'file.schema' });
    expect(readdirSync(other).sort()).toEqual(['model.json', 'tokenizer.json', 'weights.bin']);
  });
});
