/** @file ONNX files: what is written is read back, and damage is told. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DType, emptyArray, f32, i64, type Tensor, tensor } from '../../src/core/tensor.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { decodeOnnx, encodeOnnx } from '../../src/graph/onnx.ts';
import { ModelProtoSchema } from '../../src/graph/proto/onnx_pb.js';
import type { Attribute, Graph } from '../../src/graph/types.ts';
import { openSession } from '../../src/runtime/session.ts';

const dtypes: DType[] = ['float32', 'float64', 'int32', 'int64', 'uint8', 'int8', 'bool', 'float16'];

function everything(): Graph {
  const b = graphBuilder();
  const x = b.input('x', 'float32', ['batch', 'position+1', 4]);
  for (const dtype of dtypes) {
    const data = emptyArray(dtype, 2);
    data[0] = dtype === 'int64' ? 1n : 1;
    b.weight(`w_${dtype}`, tensor(dtype, [2, 1], data) as Tensor);
  }
  b.weight('outside', {
    dtype: 'float32',
    shape: [4, 3],
    file: '/models/weights.bin',
    offset: 4096,
    length: 48,
  });
  const inner = graphBuilder();
  inner.op('Identity', ['flat'], {}, 'chosen');
  const attributes: Record<string, Attribute> = {
    int: { int: -3 },
    float: { float: 0.5 },
    string: { string: 'größe' },
    ints: { ints: [1, -2] },
    floats: { floats: [0.25, -1] },
    strings: { strings: ['a', ''] },
    tensor: { tensor: i64([2], [4, 5]) },
  };
  b.op('MatMul', [x, 'outside'], {}, 'flat');
  b.ops('Strange', ['flat', '', 'w_int64'], ['first', '', 'third'], attributes, 'com.microsoft');
  b.op('If', ['w_bool'], { then_branch: { graph: inner.finish(['chosen']) } }, 'branch');
  return b.finish(['flat', 'first']);
}

describe('encode, then decode', () => {
  test('gives the same graph back: all types of weights, attributes, absent inputs, subgraphs', () => {
    const graph = everything();
    const bytes = encodeOnnx(graph, { externalDir: '/models' });
    const back = decodeOnnx(bytes, { file: '/models/model.onnx' });
    const inner = (g: Graph) => ({ ...g, opset: 18 });
    expect(back.inputs).toEqual(graph.inputs);
    expect(back.outputs).toEqual(graph.outputs);
    expect([...back.weights]).toEqual([...graph.weights]);
    expect(back.nodes).toEqual(graph.nodes);
    expect(inner(back).opset).toBe(graph.opset);
  });

  test('keeps the numbers of any weight', () => {
    fc.assert(
      fc.property(
        fc.float32Array({ maxLength: 9 }),
        fc.constantFrom<'float32' | 'float64'>('float32', 'float64'),
        (values, dtype) => {
          const b = graphBuilder();
          const data = dtype === 'float32' ? Float32Array.from(values) : Float64Array.from(values);
          b.weight('w', { dtype, shape: [values.length], data } as Tensor);
          const back = decodeOnnx(encodeOnnx(b.finish(['w'])));
          expect(back.weights.get('w')).toEqual({ dtype, shape: [values.length], data });
        },
      ),
    );
  });

  test('keeps external weights outside and finds them beside the file wherever it lies', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'untangle-onnx-'));
    const file = join(folder, 'weights.bin');
    writeFileSync(file, new Uint8Array(Float32Array.of(9, 1, 2, 3, 4).buffer));
    const b = graphBuilder();
    b.input('x', 'float32', ['n', 2]);
    b.weight('W', { dtype: 'float32', shape: [2, 2], file, offset: 4, length: 16 });
    b.op('MatMul', ['x', 'W'], {}, 'y');
    const bytes = encodeOnnx(b.finish(['y']), { externalDir: folder });
    const back = decodeOnnx(bytes, { file: join(folder, 'model.onnx') });
    expect(back.weights.get('W')).toEqual({ dtype: 'float32', shape: [2, 2], file, offset: 4, length: 16 });
    const session = await openSession(back, { threads: 1 });
    const { y } = await session.run({ x: f32([1, 2], [1, 10]) });
    expect([...(y!.data as Float32Array)]).toEqual([31, 42]);
  });
});

describe('decode', () => {
  const bytes = () => encodeOnnx(everything(), { externalDir: '/models' });
  const codeOf = (run: () => unknown) => {
    try {
      run();
    } catch (error) {
      return (error as { code: string }).code;
    }
    return 'no error';
  };

  test('refuses what is no ONNX, naming the file', () => {
    expect(() => decodeOnnx(Uint8Array.of(0xff, 1, 2), { file: 'a.onnx' })).toThrow(
      expect.objectContaining({ code: 'graph.not-onnx', where: 'a.onnx' }),
    );
    expect(codeOf(() => decodeOnnx(new Uint8Array()))).toBe('graph.not-onnx');
  });

  test('never crashes on a file cut short or changed: a graph or an error with a code', () => {
    const whole = bytes();
    const arbitrary = fc.tuple(fc.nat(whole.length - 1), fc.nat(255), fc.boolean());
    fc.assert(
      fc.property(arbitrary, ([at, value, cut]) => {
        const damaged = cut ? whole.slice(0, at) : whole.slice();
        if (!cut) damaged[at] = value;
        expect(codeOf(() => decodeOnnx(damaged, { file: '/models/a.onnx' }))).toMatch(
          /^(no error|graph\.[a-z-]+)$/,
        );
      }),
      { numRuns: 400, seed: 3 },
    );
  });

  test('turns Constant nodes into weights and drops weights from the inputs', () => {
    const model = create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ domain: '', version: 18n }],
      graph: {
        input: [{ name: 'w', type: { value: { case: 'tensorType', value: { elemType: 1 } } } }],
        initializer: [{ name: 'w', dims: [2n], dataType: 1, floatData: [1, 2] }],
        node: [
          { opType: 'Constant', output: ['c'], attribute: [{ name: 'value_ints', type: 7, ints: [4n, 5n] }] },
          { opType: 'Reshape', input: ['w', 'c'], output: ['y'] },
        ],
        output: [{ name: 'y' }],
      },
    });
    const graph = decodeOnnx(toBinary(ModelProtoSchema, model));
    expect(graph.inputs).toEqual([]);
    expect(graph.weights.get('c')).toEqual(i64([2], [4, 5]));
    expect(graph.weights.get('w')).toEqual(f32([2], [1, 2]));
    expect(graph.nodes.map((n) => n.op)).toEqual(['Reshape']);
  });

  test.each([
    ['a value read before it is made', [{ opType: 'Neg', input: ['z'], output: ['y'] }], 'graph.broken'],
    [
      'a value made twice',
      [
        { opType: 'Neg', input: ['x'], output: ['y'] },
        { opType: 'Abs', input: ['x'], output: ['y'] },
      ],
      'graph.broken',
    ],
    ['an output that nothing makes', [{ opType: 'Neg', input: ['x'], output: ['z'] }], 'graph.broken'],
  ])('refuses %s', (_, node, code) => {
    const model = create(ModelProtoSchema, {
      opsetImport: [{ version: 18n }],
      graph: {
        input: [{ name: 'x', type: { value: { case: 'tensorType', value: { elemType: 1 } } } }],
        node,
        output: [{ name: 'y' }],
      },
    });
    expect(codeOf(() => decodeOnnx(toBinary(ModelProtoSchema, model)))).toBe(code);
  });

  test('refuses weights of a type it cannot hold (bfloat16), naming the weight', () => {
    const model = create(ModelProtoSchema, {
      opsetImport: [{ version: 18n }],
      graph: {
        initializer: [{ name: 'w', dims: [1n], dataType: 16, int32Data: [1] }],
        output: [{ name: 'w' }],
      },
    });
    expect(() => decodeOnnx(toBinary(ModelProtoSchema, model))).toThrow(
      expect.objectContaining({ code: 'graph.dtype', where: 'w' }),
    );
  });
});
