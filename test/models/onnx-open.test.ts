/** @file Any ONNX file: opened by its path, with what its graph says of it; run and differentiated at any site. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { f32, i64, type Tensor } from '../../src/core/tensor.ts';
import { type GraphBuilder, graphBuilder } from '../../src/graph/build.ts';
import { encodeOnnx } from '../../src/graph/onnx.ts';
import { isExternal } from '../../src/graph/types.ts';
import { type FreeModel, isFree, tokenModel } from '../../src/models/free.ts';
import { openModel } from '../../src/models/open.ts';
import { filledInput, freeGradients, randomInput, randomInputs, runFree } from '../../src/models/run-free.ts';
import { tinyLlama } from '../../src/models/tiny.ts';

const context = { progress: silent };
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'untangle-free-'));
  process.env.UNTANGLE_HOME = join(folder, 'home');
});
afterAll(() => {
  delete process.env.UNTANGLE_HOME;
  rmSync(folder, { recursive: true, force: true });
});

const weights = (shape: number[], seed: number): Tensor => {
  const r = random(seed);
  return f32(
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => r.normal() / 3),
  );
};

/** Many numbers, quickly. */
const steps = (shape: [number, number]): Tensor => {
  const data = new Float32Array(shape[0] * shape[1]);
  for (let i = 0; i < data.length; i++) data[i] = ((i % 89) - 44) / 500;
  return { dtype: 'float32', shape, data };
};

/** Writes what `build` builds and opens it. */
async function opened(
  name: string,
  build: (b: GraphBuilder) => readonly string[],
  opset = 18,
): Promise<FreeModel> {
  const b = graphBuilder();
  const outputs = build(b);
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, encodeOnnx({ ...b.finish(outputs), opset }));
  const model = await openModel(path, context);
  if (!isFree(model)) throw new Error('not free');
  return model;
}

/** A residual network of two blocks on images. */
function residual(b: GraphBuilder): string[] {
  b.input('image', 'float32', ['n', 3, 'h', 'w']);
  b.weight('stem', weights([4, 3, 3, 3], 1));
  let x = b.op('Conv', ['image', 'stem'], { pads: { ints: [1, 1, 1, 1] } }, 'h0');
  for (const i of [1, 2]) {
    b.weight(`W${i}`, weights([4, 4, 3, 3], i + 1));
    const y = b.op('Conv', [x, `W${i}`], { pads: { ints: [1, 1, 1, 1] } }, `branch${i}`);
    x = b.op('Add', [b.op('Relu', [y], {}, `relu${i}`), x], {}, `h${i}`);
  }
  b.op('GlobalAveragePool', [x], {}, 'pooled');
  return [b.op('Flatten', ['pooled'], {}, 'scores')];
}

describe('openModel on an ONNX file', () => {
  test('gives inputs, all sites in order, and what the graph says of them', async () => {
    const model = await opened('residual', residual);
    expect(model.kind).toBe('images');
    expect(model.inputs).toEqual([{ name: 'image', dtype: 'float32', shape: ['n', 3, 'h', 'w'] }]);
    expect(model.sites.map((site) => site.name)).toEqual([
      'h0',
      'branch1',
      'relu1',
      'h1',
      'branch2',
      'relu2',
      'h2',
      'pooled',
      'scores',
    ]);
    const marked = (landmark: string) =>
      model.sites.filter((s) => s.landmark === landmark).map((s) => s.name);
    expect(marked('residual stream')).toEqual(['h1', 'h2']);
    expect(marked('block output')).toEqual(['relu1', 'relu2']);
    expect(marked('cut')).toEqual(['h0', 'pooled', 'scores']);
    expect(model.parameters).toBe(4 * 27 + 2 * 144);
    expect(() => tokenModel(model)).toThrow(expect.objectContaining({ code: 'model.not-tokens' }));
  });

  test('runs on tensors and returns any site; the gradient at a site is that of central differences', async () => {
    const model = await opened('residual', residual);
    const image = randomInput(model.inputs[0]!, 3, [1, 3, 5, 4]);
    const { outputs, sites } = await runFree(model, {
      inputs: { image },
      read: ['h1', 'branch2'],
      threads: 1,
    });
    expect(outputs.scores!.shape).toEqual([1, 4]);
    expect(sites.h1!.shape).toEqual([1, 4, 5, 4]);
    const { image: grad, h1 } = await freeGradients(model, {
      inputs: { image },
      of: 'scores',
      wrt: ['image', 'h1'],
      threads: 1,
    });
    expect(h1!.shape).toEqual([1, 4, 5, 4]);
    const total = async (at: number, by: number) => {
      const data = (image.data as Float32Array).slice();
      data[at]! += by;
      const run = await runFree(model, { inputs: { image: { ...image, data } as Tensor }, threads: 1 });
      return Array.from(run.outputs.scores!.data as Float32Array).reduce((a, b) => a + b, 0);
    };
    for (const at of [0, 17, 59]) {
      const difference = ((await total(at, 1e-2)) - (await total(at, -1e-2))) / 2e-2;
      expect(Number(grad!.data[at])).toBeCloseTo(difference, 3);
    }
  });

  test('tells tables, token ids and other networks by their inputs', async () => {
    const table = await opened('table', (b) => {
      b.input('x', 'float32', ['rows', 7]);
      return [b.op('Neg', ['x'], {}, 'y')];
    });
    const ids = await opened('ids', (b) => {
      b.input('input_ids', 'int64', ['batch', 'sequence']);
      b.weight('E', weights([5, 2], 1));
      return [b.op('Gather', ['E', 'input_ids'], {}, 'y')];
    });
    const sound = await opened('sound', (b) => {
      b.input('wave', 'float32', ['batch', 1, 'samples']);
      return [b.op('Abs', ['wave'], {}, 'y')];
    });
    expect([table.kind, ids.kind, sound.kind]).toEqual(['table', 'tokens', 'free']);
    expect(randomInputs(ids, 1).input_ids!.shape).toEqual([1, 8]);
    expect((await runFree(ids, { inputs: randomInputs(ids, 1), threads: 1 })).outputs.y!.shape).toEqual([
      1, 8, 2,
    ]);
  });

  test('rewrites older operator sets and says so', async () => {
    const model = await opened(
      'old',
      (b) => {
        b.input('x', 'float32', [2, 3]);
        return [b.op('ReduceMean', ['x'], { axes: { ints: [1] }, keepdims: { int: 0 } }, 'y')];
      },
      11,
    );
    expect(model.graph.opset).toBe(18);
    expect(model.note).toMatch(/operator set 11/);
    const run = await runFree(model, { inputs: { x: f32([2, 3], [1, 2, 3, 4, 5, 6]) }, threads: 1 });
    expect([...(run.outputs.y!.data as Float32Array)]).toEqual([2, 5]);
  });

  test('a language model that came as a graph answers as the one it was written from', async () => {
    const model = tinyLlama(4);
    const path = join(folder, 'llama.onnx');
    writeFileSync(path, encodeOnnx(model.graph));
    const free = (await openModel(path, context)) as FreeModel;
    const tokens = i64([1, 4], [1, 2, 3, 4]);
    const { outputs } = await runFree(free, { inputs: { tokens }, threads: 1 });
    const same = await runFree({ ...free, graph: model.graph }, { inputs: { tokens }, threads: 1 });
    expect(outputs.logits).toEqual(same.outputs.logits);
    expect(free.kind).toBe('tokens');
  });

  test('copies large weights once into a file that is mapped, aligned', async () => {
    const build = (b: GraphBuilder) => {
      b.input('x', 'float32', [1, 4100]);
      b.weight('b', weights([1021], 9));
      b.weight('W', steps([4100, 4100]));
      b.weight('V', steps([4100, 1021]));
      return [b.op('Add', [b.op('MatMul', [b.op('MatMul', ['x', 'W']), 'V']), 'b'], {}, 'y')];
    };
    const model = await opened('large', build);
    const [W, V] = [model.graph.weights.get('W')!, model.graph.weights.get('V')!];
    expect(isExternal(W) && isExternal(V) && W.file === V.file && V.offset % 64 === 0).toBe(true);
    expect(isExternal(model.graph.weights.get('b')!)).toBe(false);
    const b = graphBuilder();
    build(b);
    const inputs = randomInputs(model, 1);
    const plain = await runFree({ ...model, graph: b.finish(['y']) }, { inputs, threads: 1 });
    const mapped = await runFree(model, { inputs, threads: 1 });
    expect(mapped.outputs.y).toEqual(plain.outputs.y);
  });
});

test('a forest on a table (ai.onnx.ml) opens, runs and has sites; that it has no derivative is said by name', async () => {
  const ints = (...values: number[]) => ({ ints: values });
  const model = await opened('forest', (b) => {
    b.input('x', 'float32', ['rows', 2]);
    b.ops(
      'TreeEnsembleRegressor',
      ['x'],
      ['score'],
      {
        nodes_treeids: ints(0, 0, 0),
        nodes_nodeids: ints(0, 1, 2),
        nodes_featureids: ints(1, 0, 0),
        nodes_modes: { strings: ['BRANCH_LEQ', 'LEAF', 'LEAF'] },
        nodes_values: { floats: [0.5, 0, 0] },
        nodes_truenodeids: ints(1, 0, 0),
        nodes_falsenodeids: ints(2, 0, 0),
        target_treeids: ints(0, 0),
        target_nodeids: ints(1, 2),
        target_ids: ints(0, 0),
        target_weights: { floats: [-1, 3] },
        n_targets: { int: 1 },
      },
      'ai.onnx.ml',
    );
    return [b.op('Exp', ['score'], {}, 'y')];
  });
  expect(model.kind).toBe('table');
  const inputs = { x: f32([2, 2], [9, 0.4, 9, 0.6]) };
  const { sites } = await runFree(model, { inputs, read: ['score'], threads: 1 });
  expect([...(sites.score!.data as Float32Array)]).toEqual([-1, 3]);
  const gradient = (wrt: string) => freeGradients(model, { inputs, of: 'y', wrt: [wrt], threads: 1 });
  await expect(gradient('x')).rejects.toMatchObject({
    message: expect.stringContaining('TreeEnsembleRegressor'),
  });
});

describe('external data', () => {
  /** A model in `place`/model.onnx whose weight lies in `data`, with `bytes` bytes there. */
  function written(place: string, data: string): string {
    const at = join(folder, place);
    mkdirSync(at, { recursive: true });
    const b = graphBuilder();
    b.input('x', 'float32', [1, 2]);
    b.weight('W', { dtype: 'float32', shape: [2, 2], file: join(at, data), offset: 8, length: 16 });
    b.op('MatMul', ['x', 'W'], {}, 'y');
    const path = join(at, 'model.onnx');
    writeFileSync(path, encodeOnnx(b.finish(['y']), { externalDir: at }));
    return path;
  }
  const numbers = new Uint8Array(Float32Array.of(0, 0, 1, 2, 3, 4).buffer);

  test('is read from the file beside the model', async () => {
    const path = written('beside', 'w.bin');
    writeFileSync(join(folder, 'beside', 'w.bin'), numbers);
    const model = (await openModel(path, context)) as FreeModel;
    const { outputs } = await runFree(model, { inputs: { x: f32([1, 2], [1, 10]) }, threads: 1 });
    expect([...(outputs.y!.data as Float32Array)]).toEqual([31, 42]);
  });

  test('may lie behind links as in the cache of the Hugging Face hub', async () => {
    const path = written('blobs', 'w.bin');
    writeFileSync(join(folder, 'blobs', 'w.bin'), numbers);
    mkdirSync(join(folder, 'snapshots/abc'), { recursive: true });
    symlinkSync(path, join(folder, 'snapshots/abc/model.onnx'));
    symlinkSync(join(folder, 'blobs', 'w.bin'), join(folder, 'snapshots/abc/w.bin'));
    const model = (await openModel(join(folder, 'snapshots/abc/model.onnx'), context)) as FreeModel;
    const { outputs } = await runFree(model, { inputs: { x: f32([1, 2], [1, 10]) }, threads: 1 });
    expect([...(outputs.y!.data as Float32Array)]).toEqual([31, 42]);
  });

  test.each([
    ['is not there', 'gone', (_at: string) => {}],
    [
      'is cut short',
      'short',
      (at: string) => {
        writeFileSync(join(at, 'w.bin'), numbers);
        truncateSync(join(at, 'w.bin'), 20);
      },
    ],
    ['is a folder', 'folder', (at: string) => mkdirSync(join(at, 'w.bin'))],
    [
      'is a link that leads out',
      'link',
      (at: string) => {
        writeFileSync(join(folder, 'secret'), numbers);
        symlinkSync(join(folder, 'secret'), join(at, 'w.bin'));
      },
    ],
  ])('that %s is refused, naming the weight', async (_, place, make) => {
    const path = written(place, 'w.bin');
    make(join(folder, place));
    await expect(openModel(path, context)).rejects.toMatchObject({
      code: 'graph.external-weight',
      where: 'W',
    });
  });
});

describe('inputs', () => {
  const build = (b: GraphBuilder) => {
    b.input('x', 'float32', ['n', 3]);
    b.input('k', 'int64', []);
    return [b.op('Mul', ['x', b.op('Cast', ['k'], { to: { int: 1 } })], {}, 'y')];
  };
  test('missing ones, unknown sites and impossible shapes are named', async () => {
    const model = await opened('inputs', build);
    const [x, k] = model.inputs as [(typeof model.inputs)[0], (typeof model.inputs)[0]];
    await expect(runFree(model, { inputs: {}, threads: 1 })).rejects.toMatchObject({
      code: 'model.input',
      where: 'x',
    });
    await expect(
      runFree(model, { inputs: randomInputs(model, 1), read: ['z'], threads: 1 }),
    ).rejects.toMatchObject({ code: 'model.unknown-site', where: 'z' });
    expect(() => randomInput(x, 1, [2, 4])).toThrow(expect.objectContaining({ code: 'model.input' }));
    expect(filledInput(k, 16_000)).toEqual(i64([], [16_000]));
    expect(filledInput(x, 0.5, [2, 3]).data).toEqual(new Float32Array(6).fill(0.5));
  });
});
