/** @file ONNX files: what is written is read back, and damage is told. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DType, emptyArray, f32, i64, type Tensor, tensor } from '../../src/core/tensor.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { decodeOnnx, encodeOnnx } from '../../src/graph/onnx.ts';
import {
  AttributeProto_AttributeType,
  ModelProtoSchema,
  TensorProto_DataLocation,
} from '../../src/graph/proto/onnx_pb.js';
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

  test('carries what it has no words for: a bfloat16 weight, strings, sequences, unknown rank, odd attributes', () => {
    const tensorOf = (elemType: number) => ({ value: { case: 'tensorType' as const, value: { elemType } } });
    const sequence = { value: { case: 'sequenceType' as const, value: { elemType: tensorOf(1) } } };
    const model = create(ModelProtoSchema, {
      irVersion: 11n,
      opsetImport: [{ version: 21n }, { domain: 'ai.onnx.ml', version: 4n }],
      metadataProps: [{ key: 'author', value: 'somebody' }],
      graph: {
        input: [{ name: 's', type: sequence }, { name: 'u', type: tensorOf(1) }, { name: 'nothing' }],
        initializer: [{ name: 'w', dims: [1n], dataType: 16, int32Data: [1] }],
        node: [
          {
            opType: 'Odd',
            domain: 'ai.onnx.ml',
            input: ['s', 'w'],
            output: ['y'],
            attribute: [
              { name: 'type', type: AttributeProto_AttributeType.TYPE_PROTO, tp: sequence },
              { name: 'bytes', type: AttributeProto_AttributeType.STRING, s: Uint8Array.of(0xff, 0xfe) },
              { name: 'large', type: AttributeProto_AttributeType.INT, i: 2n ** 62n + 1n },
              { name: 'largest', type: AttributeProto_AttributeType.INT, i: 2n ** 63n - 1n },
            ],
          },
        ],
        output: [{ name: 'y', type: sequence }],
      },
    });
    const graph = decodeOnnx(toBinary(ModelProtoSchema, model));
    expect(graph.nodes.map((n) => n.op)).toEqual(['Constant', 'Odd']);
    expect(graph.nodes[1]!.attributes.largest).toEqual({ int: 2 ** 63 });
    const back = fromBinary(ModelProtoSchema, encodeOnnx(graph));
    expect(back.irVersion).toBe(11n);
    expect(back.opsetImport.map((o) => [o.domain, o.version])).toEqual([
      ['', 21n],
      ['ai.onnx.ml', 4n],
    ]);
    expect(back.metadataProps).toEqual(model.metadataProps);
    expect(back.graph!.input).toEqual(model.graph!.input);
    expect(back.graph!.output).toEqual(model.graph!.output);
    expect(back.graph!.node[1]!.attribute).toEqual(model.graph!.node[0]!.attribute);
    expect(back.graph!.node[0]!.attribute[0]!.t).toEqual(model.graph!.initializer[0]);
    expect(decodeOnnx(encodeOnnx(graph))).toEqual(graph);
  });

  const sparse = (places: bigint[], dims: bigint[]) =>
    create(ModelProtoSchema, {
      opsetImport: [{ version: 18n }],
      graph: {
        sparseInitializer: [
          {
            values: { name: 'w', dims: [2n], dataType: 1, floatData: [5, 7] },
            indices: { dims, dataType: 7, int64Data: places },
            dims: [2n, 3n],
          },
        ],
        output: [{ name: 'w' }],
      },
    });

  test.each([
    ['positions', [1n, 5n], [2n]],
    ['coordinates', [0n, 1n, 1n, 2n], [2n, 2n]],
  ])('writes out a sparse weight given by %s', (_name, places, dims) => {
    const graph = decodeOnnx(toBinary(ModelProtoSchema, sparse(places, dims)));
    expect(graph.weights.get('w')).toEqual(f32([2, 3], [0, 5, 0, 0, 0, 7]));
  });

  test.each([
    ['outside', [1n, 6n], [2n]],
    ['before the first', [1n, -1n], [2n]],
    ['missing', [1n], [1n]],
  ])('refuses a sparse weight with a place %s', (_name, places, dims) => {
    expect(codeOf(() => decodeOnnx(toBinary(ModelProtoSchema, sparse(places, dims))))).toBe('graph.broken');
  });

  test.each([
    ['../secret.bin', undefined, undefined],
    ['/etc/hostname', undefined, undefined],
    ['w.bin', '-4', undefined],
    ['w.bin', '1e400', undefined],
    ['w.bin', '0', '7'],
  ])('refuses an external weight at %s, offset %s, length %s', (location, offset, length) => {
    const entries = { location, ...(offset ? { offset } : {}), ...(length ? { length } : {}) };
    const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
    const model = create(ModelProtoSchema, {
      opsetImport: [{ version: 18n }],
      graph: {
        initializer: [
          {
            name: 'w',
            dims: [2n],
            dataType: 1,
            dataLocation: TensorProto_DataLocation.EXTERNAL,
            externalData,
          },
        ],
        output: [{ name: 'w' }],
      },
    });
    const bytes = toBinary(ModelProtoSchema, model);
    expect(codeOf(() => decodeOnnx(bytes, { file: '/models/a.onnx' }))).toBe('graph.external-weight');
  });
});

describe('functions of a model', () => {
  /** `Twice(a; factor)` = factor · a · 2 by way of a second function; called on x and on the result of that. */
  const model = (inner: string[] = ['Mul']) =>
    create(ModelProtoSchema, {
      irVersion: 10n,
      opsetImport: [{ version: 18n }, { domain: 'own', version: 1n }],
      functions: [
        {
          ...{ name: 'Twice', domain: 'own', input: ['a'], output: ['b'], attribute: ['factor'] },
          opsetImport: [{ version: 18n }],
          node: [
            {
              opType: 'Constant',
              output: ['c'],
              attribute: [
                { name: 'value_float', type: AttributeProto_AttributeType.FLOAT, refAttrName: 'factor' },
              ],
            },
            { opType: 'Product', domain: 'own', input: ['a', 'c'], output: ['t'] },
            { opType: 'Add', input: ['t', 't'], output: ['b'] },
          ],
        },
        {
          ...{ name: 'Product', domain: 'own', input: ['a', 'b'], output: ['t', 'a'] },
          opsetImport: [{ version: 18n }],
          node: inner.map((opType, i) => ({
            ...{
              opType,
              domain: opType === 'Mul' ? '' : 'own',
              input: ['a', 'b'],
              output: [i === 0 ? 't' : `t${i}`],
            },
          })),
        },
      ],
      graph: {
        input: [
          {
            name: 'x',
            type: { value: { case: 'tensorType', value: { elemType: 1, shape: { dim: [{}] } } } },
          },
        ],
        node: [3, 0.5].map((f, i) => ({
          ...{ opType: 'Twice', domain: 'own', input: [i === 0 ? 'x' : 'y'], output: [i === 0 ? 'y' : 'z'] },
          attribute: [{ name: 'factor', type: AttributeProto_AttributeType.FLOAT, f }],
        })),
        output: [{ name: 'y' }, { name: 'z' }],
      },
    });

  test('are written out where they are called, each with its own names and attributes', async () => {
    const graph = decodeOnnx(toBinary(ModelProtoSchema, model()));
    expect(graph.nodes.map((n) => [n.op, n.outputs[0]])).toEqual([
      ['Mul', 'y/t'],
      ['Add', 'y'],
      ['Mul', 'z/t'],
      ['Add', 'z'],
    ]);
    const session = await openSession(graph, { threads: 1 });
    const out = await session.run({ x: f32([2], [1, -2]) });
    expect([...(out.y!.data as Float32Array)]).toEqual([6, -12]);
    expect([...(out.z!.data as Float32Array)]).toEqual([6, -12]);
  });

  test('may not call themselves, nor fill the memory', () => {
    expect(() => decodeOnnx(toBinary(ModelProtoSchema, model(['Twice'])))).toThrow(
      expect.objectContaining({ code: 'graph.broken', where: 'Twice' }),
    );
    const levels = Array.from({ length: 30 }, (_, i) => ({
      ...{ name: `L${i}`, domain: 'own', input: ['a'], output: ['b'] },
      node: ['t', 'b'].map((output, j) => ({
        ...{ opType: i === 0 ? 'Neg' : `L${i - 1}`, domain: i === 0 ? '' : 'own' },
        ...{ input: [j === 0 ? 'a' : 't'], output: [output] },
      })),
    }));
    const bomb = model();
    bomb.functions = create(ModelProtoSchema, { functions: levels }).functions;
    bomb.graph!.node = create(ModelProtoSchema, {
      graph: { node: [{ opType: 'L29', domain: 'own', input: ['x'], output: ['z'] }] },
    }).graph!.node;
    bomb.graph!.output = bomb.graph!.output.slice(1);
    expect(() => decodeOnnx(toBinary(ModelProtoSchema, bomb))).toThrow(
      expect.objectContaining({ code: 'graph.unsupported' }),
    );
  });
});
