/** @file Sessions: what they return, what they refuse, and the store that keeps them few. */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type DType, emptyArray, f32, i64, type Tensor, tensor, zeros } from '../../src/core/tensor.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { read } from '../../src/graph/interventions.ts';
import type { Graph } from '../../src/graph/types.ts';
import { requireFinite } from '../../src/runtime/finite.ts';
import { openSession, runOnce } from '../../src/runtime/session.ts';
import { runtimeStore } from '../../src/runtime/store.ts';

function sumGraph(scale = 1): Graph {
  const b = graphBuilder();
  b.input('a', 'float32', ['batch', 2]);
  b.input('b', 'float32', ['batch', 1]);
  b.weight('scale', f32([], [scale]));
  b.op('Mul', [b.op('Add', ['a', 'b']), 'scale'], {}, 'y');
  return b.finish(['y']);
}
const feeds = { a: f32([2, 2], [1, 2, 3, 4]), b: f32([2, 1], [10, 20]) };
const numbers = (t: Tensor | undefined) => Array.from(t!.data as Float32Array);

describe('a session', () => {
  test('runs, also into tensors that the caller holds', async () => {
    const session = await openSession(read(sumGraph(), ['a']), { threads: 1 });
    expect([session.inputs, session.outputs]).toEqual([
      ['a', 'b'],
      ['y', 'a'],
    ]);
    const out = await session.run(feeds);
    expect(out.y!.shape).toEqual([2, 2]);
    expect(numbers(out.y)).toEqual([11, 12, 23, 24]);
    const y = zeros('float32', [2, 2]);
    const again = await session.run(feeds, { y });
    expect(again.y).toBe(y);
    expect([...y.data]).toEqual([11, 12, 23, 24]);
    expect(numbers(again.a)).toEqual([1, 2, 3, 4]);
  });

  test('any value may be asked for besides the outputs, of a session, a single run and a store', async () => {
    const inside = sumGraph().nodes[0]!.outputs[0]!;
    const options = { threads: 1, additionalOutputs: [inside] };
    const sums = [11, 12, 23, 24];
    expect(numbers((await runOnce(sumGraph(), feeds, options))[inside])).toEqual(sums);
    const store = runtimeStore({ threads: 1 });
    const [plain, more] = [await store.open(sumGraph()), await store.open(sumGraph(), [inside])];
    expect([plain.outputs, more.outputs]).toEqual([['y'], ['y', inside]]);
    expect(numbers((await more.run(feeds))[inside])).toEqual(sums);
    await store.close();
    await expect(
      runOnce(sumGraph(), feeds, { threads: 1, additionalOutputs: ['Addd_0'] }),
    ).rejects.toMatchObject({
      code: 'graph.unknown-site',
      hint: expect.stringContaining('Add_0'),
    });
  });

  test('carries every type there and back', async () => {
    for (const dtype of [
      'float32',
      'float64',
      'int32',
      'int64',
      'uint8',
      'int8',
      'bool',
      'float16',
    ] as DType[]) {
      const b = graphBuilder();
      b.op('Identity', [b.input('x', dtype, ['n'])], {}, 'y');
      const data = emptyArray(dtype, 2);
      data[1] = dtype === 'int64' ? 1n : 1;
      const x = tensor(dtype, [2], data) as Tensor;
      const session = await openSession(b.finish(['y']), { threads: 1 });
      const { y } = await session.run({ x });
      expect([y!.dtype, y!.shape, Array.from(y!.data as Float32Array)]).toEqual([
        dtype,
        [2],
        Array.from(data as Float32Array),
      ]);
    }
  });

  test.each<[string, string, Record<string, Tensor>, RegExp]>([
    ['a missing input', 'runtime.missing-input', { a: feeds.a }, /"b"/],
    ['an unknown input', 'runtime.unknown-input', { ...feeds, c: feeds.a }, /"c"/],
    ['a wrong type', 'runtime.dtype', { ...feeds, b: i64([2, 1], [1, 2]) }, /"b" is int64, expected float32/],
    ['a wrong rank', 'runtime.shape', { ...feeds, b: f32([2], [1, 2]) }, /"b".*rank/],
    [
      'a wrong size',
      'runtime.shape',
      { ...feeds, a: f32([2, 3], [1, 2, 3, 4, 5, 6]) },
      /"a".*axis 1 must be 2/,
    ],
    [
      'sizes of one name that differ',
      'runtime.shape',
      { ...feeds, b: f32([1, 1], [1]) },
      /batch is 2 in "a" and 1 here/,
    ],
    [
      'data that do not fill the shape',
      'runtime.shape',
      { ...feeds, a: { dtype: 'float32', shape: [2, 2], data: new Float32Array(3) } },
      /3 elements/,
    ],
  ])('refuses %s', async (_, code, given, message) => {
    const session = await openSession(sumGraph(), { threads: 1 });
    const attempt = session.run(given);
    await expect(attempt).rejects.toMatchObject({ code, hint: expect.any(String) });
    await expect(attempt).rejects.toThrow(message);
  });

  test('refuses to write into an output that it has not, and into one of the wrong shape', async () => {
    const session = await openSession(sumGraph(), { threads: 1 });
    await expect(session.run(feeds, { z: feeds.a })).rejects.toMatchObject({
      code: 'runtime.unknown-output',
      where: 'z',
    });
    await expect(session.run(feeds, { y: zeros('float32', [5, 2]) })).rejects.toMatchObject({
      code: 'runtime.failed',
    });
  });

  test('tells what onnxruntime refuses, what fails in a run, and a run after release', async () => {
    const b = graphBuilder();
    b.op('NoSuchOperator', [b.input('x', 'float32', [])], {}, 'y');
    await expect(openSession(b.finish(['y']), { threads: 1 })).rejects.toMatchObject({
      code: 'runtime.session',
    });
    const g = graphBuilder();
    g.op('Gather', [g.weight('E', f32([2], [1, 2])), g.input('i', 'int64', [])], {}, 'y');
    const session = await openSession(g.finish(['y']), { threads: 1 });
    await expect(session.run({ i: i64([], [7]) })).rejects.toMatchObject({ code: 'runtime.failed' });
    await session.release();
    await session.release();
    await expect(session.run({ i: i64([], [0]) })).rejects.toMatchObject({ code: 'runtime.released' });
  });

  test('x·sigmoid(x) runs in float64 as in float32 (no fusion without a kernel)', async () => {
    for (const dtype of ['float32', 'float64'] as const) {
      const b = graphBuilder();
      const x = b.input('x', dtype, [1]);
      b.op('Mul', [x, b.op('Sigmoid', [x])], {}, 'y');
      const session = await openSession(b.finish(['y']), { threads: 1 });
      const one = {
        dtype,
        shape: [1],
        data: dtype === 'float32' ? Float32Array.of(1) : Float64Array.of(1),
      } as Tensor;
      expect(numbers((await session.run({ x: one })).y)[0]).toBeCloseTo(1 / (1 + Math.exp(-1)), 6);
    }
  });
});

describe('weights in a file', () => {
  const build = (file: string): Graph => {
    const b = graphBuilder();
    b.weight('W', { dtype: 'float32', shape: [2, 2], file, offset: 4, length: 16 });
    b.op('MatMul', [b.input('x', 'float32', ['n', 2]), 'W'], {}, 'y');
    return b.finish(['y']);
  };
  test('are read where they lie; a missing or short file is told with its name', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'untangle-weights-'));
    const file = join(folder, 'weights.bin');
    await expect(openSession(build(file), { threads: 1 })).rejects.toMatchObject({
      code: 'runtime.weights-file',
      where: file,
    });
    writeFileSync(file, new Uint8Array(Float32Array.of(9, 1, 2, 3, 4).buffer));
    const session = await openSession(build(file), { threads: 1 });
    expect(numbers((await session.run({ x: f32([1, 2], [1, 1]) })).y)).toEqual([4, 6]);
    await session.release();
    truncateSync(file, 16);
    await expect(openSession(build(file), { threads: 1 })).rejects.toThrow(/16 bytes, too few for "W"/);
    rmSync(folder, { recursive: true });
  });
});

describe('a store', () => {
  test('opens equal graphs once, and others up to its limit, least recently used first out', async () => {
    const store = runtimeStore({ threads: 1, maxSessions: 2 });
    const one = await store.open(sumGraph(1));
    await store.open(sumGraph(1));
    expect(store.counts()).toEqual({ open: 1, created: 1 });
    const two = await store.open(sumGraph(2));
    await one.run(feeds);
    await store.open(sumGraph(3));
    expect(store.counts()).toEqual({ open: 2, created: 3 });
    await one.run(feeds);
    expect(store.counts().created).toBe(3);
    expect(numbers((await two.run(feeds)).y)).toEqual([22, 24, 46, 48]);
    expect(store.counts()).toEqual({ open: 2, created: 4 });
    await store.close();
    expect(store.counts().open).toBe(0);
  });

  test('opens a graph once even when asked many times at once, and forgets one that failed', async () => {
    const store = runtimeStore({ threads: 1 });
    await Promise.all([1, 1, 1, 1].map((s) => store.open(sumGraph(s))));
    expect(store.counts()).toEqual({ open: 1, created: 1 });
    const b = graphBuilder();
    b.op('NoSuchOperator', [b.input('x', 'float32', [])], {}, 'y');
    const bad = b.finish(['y']);
    await expect(store.open(bad)).rejects.toMatchObject({ code: 'runtime.session' });
    await expect(store.open(bad)).rejects.toMatchObject({ code: 'runtime.session' });
    expect(store.counts()).toEqual({ open: 1, created: 3 });
    await store.close();
  });
});

describe('requireFinite', () => {
  test('passes numbers, and names the tensor and the place of the first that is none', () => {
    requireFinite({ y: f32([2], [1, 2]), i: i64([1], [3]) }, 'run');
    const bad = { y: f32([1], [1]), 'grad:x': f32([2, 2], [0, 1, Number.NaN, Number.POSITIVE_INFINITY]) };
    expect(() => requireFinite(bad, 'attribution')).toThrow(
      expect.objectContaining({
        code: 'runtime.not-finite',
        where: 'grad:x',
        message: expect.stringMatching(/NaN.*\[1, 0\].*2 of 4/),
      }),
    );
  });
});
