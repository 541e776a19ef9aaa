/** @file The files that are damaged: a small whole one of each format, and hostile ones made by hand. */
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { unzipSync, zipSync } from 'fflate';
import { type Random, random } from '../../src/core/random.ts';
import { f32, i64, type Tensor, tensor } from '../../src/core/tensor.ts';
import { writeNpz } from '../../src/files/npz.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { encodeOnnx } from '../../src/graph/onnx.ts';
import { ModelProtoSchema } from '../../src/graph/proto/onnx_pb.js';
import { tinyLlama } from '../../src/models/tiny.ts';
import { ggufBytes, llamaMetadata, tinyPieces } from '../support/gguf-bytes.ts';
import { mutated, mutatedJson } from './mutate.ts';

export const formats = [
  'onnx',
  'gguf',
  'safetensors',
  'folder',
  'npz',
  'sae-pt',
  'sae-folder',
  'sae-npz',
  'sae-layers',
] as const;
export type Format = (typeof formats)[number];

/** Writes damaged file `index` of a format into `folder`; returns its path. */
export async function writeDamaged(format: Format, index: number, folder: string): Promise<string> {
  const r = random(1000 * formats.indexOf(format) + 17).fork(String(index));
  const place = join(folder, `${format}-${index}`);
  mkdirSync(place, { recursive: true });
  return writers[format](place, index, r);
}

const weights = (shape: number[], r: Random): Tensor =>
  f32(
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => r.normal()),
  );

/** A small convolutional network with a branch, a weight in a file beside it, and integer arithmetic on shapes. */
function network(place: string): Uint8Array {
  const r = random(5);
  const b = graphBuilder();
  b.input('image', 'float32', ['n', 3, 8, 8]);
  b.weight('W', weights([4, 3, 3, 3], r));
  const file = join(place, 'data.bin');
  const data = new Uint8Array(1024);
  writeFileSync(file, data);
  b.weight('V', { dtype: 'float32', shape: [4, 2], file, offset: 64, length: 32 });
  const h = b.op('Relu', [b.op('Conv', ['image', 'W'], { pads: { ints: [1, 1, 1, 1] } })]);
  const pooled = b.op('Flatten', [b.op('GlobalAveragePool', [h])]);
  const then = graphBuilder();
  then.op('Tanh', ['mixed'], {}, 'inside');
  const other = graphBuilder();
  other.op('Neg', ['mixed'], {}, 'inside');
  b.op('MatMul', [pooled, 'V'], {}, 'mixed');
  b.weight('flag', tensor('bool', [], Uint8Array.of(1)) as Tensor);
  b.op(
    'If',
    ['flag'],
    { then_branch: { graph: then.finish(['inside']) }, else_branch: { graph: other.finish(['inside']) } },
    'y',
  );
  b.op('Reshape', ['y', b.constant(i64([1], [-1]))], {}, 'flat');
  return encodeOnnx(b.finish(['flat']), { externalDir: place });
}

const llama = encodeOnnx(
  tinyLlama(2, { layers: 1, width: 8, mlpWidth: 8, vocabulary: 32, heads: 2, kvHeads: 1 }).graph,
);

/** Hostile ONNX files that no flipped bit would find. */
const crafted: readonly ((place: string) => Uint8Array)[] = [
  // A circle of two nodes.
  () =>
    model({
      node: [
        { opType: 'Neg', input: ['b'], output: ['a'] },
        { opType: 'Neg', input: ['a'], output: ['b'] },
      ],
      output: [{ name: 'a' }],
    }),
  // A node that reads itself.
  () => model({ node: [{ opType: 'Neg', input: ['a'], output: ['a'] }], output: [{ name: 'a' }] }),
  // The same name twice, as a weight and as a value.
  () => model({ initializer: [scalar('a'), scalar('a')], output: [{ name: 'a' }] }),
  () =>
    model({
      initializer: [scalar('a')],
      node: [{ opType: 'Neg', input: ['a'], output: ['a'] }],
      output: [{ name: 'a' }],
    }),
  // Branches within branches, a thousand deep, and as deep as the bytes allow.
  () => model(deep(60)),
  () => nestedBytes(20_000),
  // Sizes that no memory has, with no data, and with products that overflow.
  () => model({ initializer: [{ name: 'a', dims: [2n ** 62n, 4n], dataType: 1 }], output: [{ name: 'a' }] }),
  () => model({ initializer: [{ name: 'a', dims: [-1n], dataType: 1 }], output: [{ name: 'a' }] }),
  () =>
    model({
      initializer: [{ name: 'a', dims: [2n ** 33n, 0n, 2n ** 33n], dataType: 1 }],
      output: [{ name: 'a' }],
    }),
  () =>
    model({
      node: [{ opType: 'ConstantOfShape', input: ['s'], output: ['a'] }],
      initializer: [{ name: 's', dims: [1n], dataType: 7, int64Data: [2n ** 33n] }],
      output: [{ name: 'a' }],
    }),
  () =>
    model({
      node: [{ opType: 'Range', input: ['s', 'e', 'd'], output: ['a'] }],
      initializer: [whole('s', 0n), whole('e', 2n ** 40n), whole('d', 1n)],
      output: [{ name: 'a' }],
    }),
  () =>
    model({
      node: [
        {
          opType: 'Conv',
          input: ['x', 'w'],
          output: ['a'],
          attribute: [{ name: 'pads', type: 7, ints: [2n ** 40n, 0n, 0n, 0n] }],
        },
      ],
      input: [image()],
      initializer: [{ name: 'w', dims: [1n, 1n, 1n, 1n], dataType: 1, floatData: [1] }],
      output: [{ name: 'a' }],
    }),
  // Data files by names that lead out.
  ...[
    '../secret',
    '/etc/passwd',
    '../../../../../../etc/passwd',
    'sub/../../secret',
    'model.onnx/../../secret',
    'link',
    '',
    '.',
    '..',
    'a\0b',
    '\\\\host\\share',
    'C:\\x',
  ].map((location) => (place: string) => {
    writeFileSync(join(place, '..', 'secret'), new Uint8Array(1024));
    try {
      symlinkSync(join(place, '..', 'secret'), join(place, 'link'));
    } catch {
      // The place was made before.
    }
    return outside(location, '0', '16');
  }),
  ...[
    ['-1', '16'],
    ['0', '1e99'],
    ['9007199254740993', '16'],
    ['0', '-16'],
    ['x', '16'],
    ['18446744073709551615', '16'],
  ].map(([offset, length]) => (place: string) => {
    writeFileSync(join(place, 'data.bin'), new Uint8Array(1024));
    return outside('data.bin', offset!, length!);
  }),
];

type Init = Parameters<typeof create<typeof ModelProtoSchema>>[1];
type GraphInit = NonNullable<NonNullable<Init>['graph']>;

const model = (graph: GraphInit): Uint8Array =>
  toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ domain: '', version: 18n }], graph } as Init),
  );
const scalar = (name: string) => ({ name, dims: [], dataType: 1, floatData: [1] });
const whole = (name: string, value: bigint) => ({ name, dims: [], dataType: 7, int64Data: [value] });
const image = () => ({
  name: 'x',
  type: {
    value: {
      case: 'tensorType' as const,
      value: {
        elemType: 1,
        shape: { dim: [1n, 1n, 4n, 4n].map((v) => ({ value: { case: 'dimValue' as const, value: v } })) },
      },
    },
  },
});
const outside = (location: string, offset: string, length: string) =>
  model({
    initializer: [
      {
        name: 'a',
        dims: [4n],
        dataType: 1,
        dataLocation: 1,
        externalData: [
          { key: 'location', value: location },
          { key: 'offset', value: offset },
          { key: 'length', value: length },
        ],
      },
    ],
    output: [{ name: 'a' }],
  });

/** If within If, `depth` deep. */
function deep(depth: number): GraphInit {
  let inner: GraphInit = {
    name: 'g',
    node: [{ opType: 'Identity', input: ['c'], output: [`v${depth}`] }],
    output: [{ name: `v${depth}` }],
  };
  for (let i = depth - 1; i >= 0; i--) {
    const branch = (name: string) => ({ name, type: 5, g: inner });
    inner = {
      name: 'g',
      node: [{ opType: 'If', input: ['c'], output: [`v${i}`], attribute: [branch('then_branch')] }],
      output: [{ name: `v${i}` }],
      ...(i === 0 ? { initializer: [{ name: 'c', dims: [], dataType: 9, int32Data: [1] }] } : {}),
    };
  }
  return inner;
}

/** Graph in attribute in node in graph …, written as bytes from the inside out. */
function nestedBytes(depth: number): Uint8Array {
  let bytes: Buffer = Buffer.alloc(0);
  const field = (tag: number, content: Buffer): Buffer => {
    const length: number[] = [];
    for (let n = content.length; ; n >>>= 7) {
      length.push(n > 127 ? (n & 127) | 128 : n);
      if (n <= 127) break;
    }
    return Buffer.concat([Buffer.of(tag, ...length), content]);
  };
  for (let i = 0; i < Math.min(depth, 3000); i++) bytes = field(0x0a, field(0x2a, field(0x32, bytes)));
  return Buffer.concat([Buffer.of(0x08, 8), field(0x3a, bytes), field(0x42, Buffer.of(0x10, 18))]);
}

const oracle = 'test/oracles/tiny-llama';
const dictionaries = 'test/fixtures/dictionaries';

/** A copy of one of `names` with one of its files damaged: documents by their values, others by their bytes. */
function damagedCopy(names: readonly string[], place: string, index: number, r: Random): void {
  cpSync(join(dictionaries, names[index % names.length]!), place, { recursive: true });
  const files = readdirSync(place).sort();
  const path = join(place, files[r.integer(files.length)]!);
  const bytes = readFileSync(path);
  writeFileSync(path, path.endsWith('.json') ? mutatedJson(bytes.toString(), r) : mutated(bytes, r));
}

const writers: Readonly<
  Record<Format, (place: string, index: number, r: Random) => Promise<string> | string>
> = {
  onnx(place, index, r) {
    const path = join(place, 'model.onnx');
    const made = crafted[index]?.(place);
    writeFileSync(path, made ?? mutated(index % 2 === 0 ? llama : network(place), r));
    return path;
  },
  gguf(place, _index, r) {
    const { shape, pieces } = tinyPieces(1);
    const path = join(place, 'model.gguf');
    writeFileSync(path, mutated(ggufBytes(llamaMetadata(shape), pieces), r));
    return path;
  },
  safetensors(place, _index, r) {
    cpSync(oracle, place, { recursive: true });
    const name = readdirSync(place).find((file) => file.endsWith('.safetensors'))!;
    writeFileSync(join(place, name), mutated(readFileSync(join(place, name)), r));
    return place;
  },
  folder(place, index, r) {
    cpSync(oracle, place, { recursive: true });
    const shards = join(place, 'model.safetensors.index.json');
    if (index % 4 === 0) {
      const map = {
        metadata: {},
        weight_map: {
          'model.norm.weight': [
            '../x.safetensors',
            '/etc/passwd',
            'link.safetensors',
            'a/b.safetensors',
            'model.safetensors',
            '..',
            '',
          ][r.integer(7)],
        },
      };
      writeFileSync(shards, r.integer(2) === 0 ? JSON.stringify(map) : mutatedJson(JSON.stringify(map), r));
    }
    const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json'].filter((name) =>
      readdirSync(place).includes(name),
    );
    const name = names[r.integer(names.length)]!;
    if (index % 4 !== 0)
      writeFileSync(join(place, name), mutatedJson(readFileSync(join(place, name), 'utf8'), r));
    return place;
  },
  async npz(place, _index, r) {
    const path = join(place, 'arrays.npz');
    await writeNpz(path, { a: weights([4, 5], random(3)), b: i64([3], [1, 2, 3]) });
    writeFileSync(path, mutated(readFileSync(path), r));
    return path;
  },
  'sae-pt'(place, index, r) {
    const names = ['dl-topk', 'dl-gated', 'dl-matryoshka', 'dl-jumprelu'];
    const path = join(place, 'ae.pt');
    if (index % 3 === 0) {
      damagedCopy(names, place, index, r);
      return path;
    }
    // Damage that the checksums of the archive do not show: its description, packed anew.
    cpSync(join(dictionaries, names[index % names.length]!), place, { recursive: true });
    const members = unzipSync(readFileSync(path));
    const pickle = Object.keys(members).find((name) => name.endsWith('data.pkl'))!;
    writeFileSync(path, zipSync({ ...members, [pickle]: mutated(members[pickle]!, r) }, { level: 0 }));
    return path;
  },
  'sae-folder'(place, index, r) {
    damagedCopy(
      ['saelens-gated', 'saelens-batchtopk', 'saelens-old-topk', 'sparsify-skip-transcoder/layers.3.mlp'],
      place,
      index,
      r,
    );
    return place;
  },
  'sae-npz'(place, index, r) {
    const inner = 'layer_3/width_16k/average_l0_71';
    damagedCopy([`gemma-scope/${inner}`, `gemma-scope-compressed/${inner}`], place, index, r);
    return place;
  },
  'sae-layers'(place, index, r) {
    damagedCopy(['circuit-tracer-skip', 'circuit-tracer-clt'], place, index, r);
    return join(place, index % 2 === 0 ? 'layer_1.safetensors' : 'W_enc_1.safetensors');
  },
};
