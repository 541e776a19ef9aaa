import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { i64, type Tensor, zeros } from '../../src/core/tensor.ts';
import { openSafetensors } from '../../src/files/safetensors.ts';
import { buildModel } from '../../src/models/build/model.ts';
import { exportFolder, writeFolder } from '../../src/models/export-folder.ts';
import { exportOnnx } from '../../src/models/export-onnx.ts';
import { isFree } from '../../src/models/free.ts';
import { openHuggingFaceSource } from '../../src/models/huggingface.ts';
import { conversionOf, openModel } from '../../src/models/open.ts';
import { modelSites } from '../../src/models/sites.ts';
import { tinyLlama } from '../../src/models/tiny.ts';
import { noTokenizer, openTokenizer } from '../../src/models/tokenizer.ts';
import type { Model } from '../../src/models/types.ts';
import { countParameters } from '../../src/models/weights.ts';
import { openSession } from '../../src/runtime/session.ts';
import { sourceWeights } from '../support/source-weights.ts';
import { temporaryFolder } from '../support/temporary.ts';

const oracles = 'test/oracles/families';
const cases = readdirSync(oracles).filter((name) => existsSync(`${oracles}/${name}/config.json`));
const context = { progress: silent };
const folder = temporaryFolder();

async function familyModel(name: string): Promise<Model> {
  const source = await openHuggingFaceSource(`${oracles}/${name}`);
  const { shape, tokenizer } = source;
  const weights = sourceWeights(source, 'float32');
  source.close();
  return {
    name,
    source: name,
    note: '',
    parameters: countParameters(shape),
    hash: `hash-of-${name}`,
    shape,
    graph: buildModel(shape, weights),
    tokenizer: tokenizer ? openTokenizer(tokenizer, name) : noTokenizer(name),
    sites: modelSites(shape),
  };
}

async function outputsOf(model: Pick<Model, 'graph' | 'shape'>): Promise<Record<string, Tensor>> {
  const { image, vocabulary } = model.shape;
  const pixels = zeros('float32', image ? [2, image.channels, image.size, image.size] : [0]);
  for (let i = 0; i < pixels.data.length; i++) pixels.data[i] = Math.sin(i);
  const tokens = i64(
    [2, 9],
    Array.from({ length: 18 }, (_, i) => (7 * i + 5) % vocabulary),
  );
  const session = await openSession(model.graph, { threads: 1 });
  try {
    return await session.run(image ? { pixels } : { tokens });
  } finally {
    await session.release();
  }
}

const largest = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);

function expectSame(a: Record<string, Tensor>, b: Record<string, Tensor>, bar: number): void {
  expect(Object.keys(a)).toEqual(Object.keys(b));
  for (const [name, { data }] of Object.entries(a)) {
    const other = b[name]!.data;
    expect(other.length).toBe(data.length);
    const worst = largest(data as Float32Array, other as Float32Array);
    expect(worst, name).toBeLessThanOrEqual(bar);
  }
}

describe.each(cases)('%s', (name) => {
  test('written as a Hugging Face folder it gives the same outputs', async () => {
    const model = await familyModel(name);
    const target = join(folder, name);
    await exportFolder(model, target, context);
    const source = await openHuggingFaceSource(target);
    const again = { shape: source.shape, graph: buildModel(source.shape, sourceWeights(source, 'float32')) };
    source.close();
    expect(source.tokenizer).toEqual(model.tokenizer.files);
    expectSame(await outputsOf(again), await outputsOf(model), 1e-6);
    if (model.shape.ropeFactors === undefined) expect(source.shape).toEqual(model.shape);
  });

  test('its folder has the tensors of transformers, with their numbers', async () => {
    const shards = readdirSync(`${oracles}/${name}`).filter((file) => /^model.*\.safetensors$/.test(file));
    const ours = await openSafetensors(join(folder, name, 'model.safetensors'));
    const names: string[] = [];
    for (const shard of shards) {
      const theirs = await openSafetensors(`${oracles}/${name}/${shard}`);
      for (const tensor of theirs.names) {
        names.push(tensor);
        const as = name === 'bert_pooler' ? `bert.${tensor}` : tensor;
        const { stored } = theirs.info(tensor);
        expect(ours.info(as).shape, tensor).toEqual(theirs.info(tensor).shape);
        if (stored === 'F16') continue;
        const [a, b] = [ours.read(as).data, theirs.read(tensor).data];
        const worst = largest(a as Float32Array, b as Float32Array);
        expect(worst, tensor).toBeLessThan(2e-7);
      }
      theirs.close();
    }
    expect([...ours.names].sort()).toEqual(
      names.map((n) => (name === 'bert_pooler' ? `bert.${n}` : n)).sort(),
    );
    ours.close();
  });

  test('written as ONNX it opens as the same model', async () => {
    const model = await familyModel(name);
    const path = join(folder, `${name}.onnx`);
    await exportOnnx(model, path, context);
    const again = await openModel(path, context);
    if (isFree(again)) throw new Error('it opened as a graph without names');
    expect({ ...again.shape, hash: again.hash, sites: again.sites }).toEqual({
      ...model.shape,
      hash: model.hash,
      sites: model.sites,
    });
    expectSame(await outputsOf(again), await outputsOf(model), 0);
  });
});

describe('an exported ONNX file', () => {
  const path = join(folder, 'llama.onnx');
  test('whose weights were changed is another model, and says so', async () => {
    const model = tinyLlama(3, { width: 32, mlpWidth: 64 });
    await exportOnnx(model, path, context);
    const bytes = readFileSync(`${path}.data`);
    bytes.writeFloatLE(bytes.readFloatLE(0) + 0.5, 0);
    writeFileSync(`${path}.data`, bytes);
    const again = await openModel(path, context);
    expect(again.hash).not.toBe(model.hash);
    expect(again.note).toContain('changed after it was exported');
  });
  test('keeps most of its weights in a file beside it', async () => {
    const model = tinyLlama(4, { width: 64, mlpWidth: 128 });
    await exportOnnx(model, path, context);
    expect(readFileSync(path).length).toBeLessThan(60_000);
    expect(readFileSync(`${path}.data`).length).toBeGreaterThan(4 * model.parameters * 0.9);
  });
  test('whose description does not fit its graph is opened as a graph', async () => {
    const model = tinyLlama(5);
    const odd = { ...model, shape: { ...model.shape, layers: 3 } };
    mkdirSync(join(folder, 'odd'));
    await exportOnnx(odd, join(folder, 'odd', 'odd.onnx'), context);
    expect(isFree(await openModel(join(folder, 'odd', 'odd.onnx'), context))).toBe(true);
  });
});

test('in float16, the small model written again has the weights of its folder, to the bit', async () => {
  const source = await openHuggingFaceSource('models/tiny');
  const { shape, tokenizer } = source;
  const weights = sourceWeights(source, 'float32');
  source.close();
  const target = join(folder, 'tiny');
  await writeFolder({ shape, weights, tokenizer }, target, context, { precision: 'float16' });
  const [ours, theirs] = [
    await openSafetensors(join(target, 'model.safetensors')),
    await openSafetensors('models/tiny/model.safetensors'),
  ];
  expect([...ours.names].sort()).toEqual([...theirs.names].sort());
  for (const name of theirs.names) expect(ours.read(name)).toEqual(theirs.read(name));
  for (const file of [ours, theirs]) file.close();
  const again = await openHuggingFaceSource(target);
  again.close();
  expect(again.shape).toEqual(shape);
});

test('a folder of many files is converted again when one of them changes', async () => {
  const target = join(folder, 'shards');
  cpSync(`${oracles}/qwen2`, target, { recursive: true });
  const before = await conversionOf(target);
  expect(await conversionOf(target)).toBe(before);
  const shards = readdirSync(target).filter((name) => /^model-\d+.*\.safetensors$/.test(name));
  expect(shards.length).toBeGreaterThan(1);
  const shard = join(target, shards.at(-1)!);
  writeFileSync(shard, Buffer.concat([readFileSync(shard), Buffer.alloc(8)]));
  expect(await conversionOf(target)).not.toBe(before);
});
