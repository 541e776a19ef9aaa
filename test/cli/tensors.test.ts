/** @file `untangle run FILE.onnx --input …` and `untangle sites`: networks of any kind on the command line. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { f32 } from '../../src/core/tensor.ts';
import { encodeNpy, readNpz } from '../../src/files/npz.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { encodeOnnx } from '../../src/graph/onnx.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { untangle } from './support.ts';

const folder = temporaryFolder();
const path = join(folder, 'net.onnx');
const b = graphBuilder();
b.input('x', 'float32', ['n', 3]);
b.input('k', 'float32', []);
b.weight('W', f32([3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]));
b.op('MatMul', ['x', 'W'], {}, 'branch');
b.op('Add', ['x', b.op('Relu', ['branch'], {}, 'relu')], {}, 'state');
b.op('Mul', ['state', 'k'], {}, 'y');
writeFileSync(path, encodeOnnx(b.finish(['y'])));
const file = join(folder, 'x.npy');
writeFileSync(file, encodeNpy(f32([1, 3], [1, 0, -1])));

describe('run --input', () => {
  test.each([[[]], [['--low-memory']]])(
    'reads npy files and numbers, returns outputs and sites %s',
    async (more) => {
      const { code, out } = await untangle([
        'run',
        path,
        '--input',
        `x=${file}`,
        'k=2',
        '--read',
        'relu',
        '--json',
        ...more,
      ]);
      expect(code).toBe(0);
      const document = JSON.parse(out);
      expect(document.outputs.y).toEqual({ dtype: 'float32', shape: [1, 3], data: [2, 0, -2] });
      expect(document.sites.relu.data).toEqual([0, 0, 0]);
      expect(document.model).toMatchObject({ name: 'net.onnx', parameters: 9 });
    },
  );

  test('makes inputs up, and writes values to a file', async () => {
    const out = join(folder, 'out.npz');
    const run = await untangle(['run', path, '--input', 'x=random:4,3', 'k=1', '--seed', '3', '--out', out]);
    expect([run.code, run.err]).toEqual([0, '']);
    expect((await readNpz(out)).y!.shape).toEqual([4, 3]);
  });

  test.each([
    ['an unknown input', ['--input', 'z=1'], 'usage.input', 2],
    ['no value', ['--input', 'x'], 'usage.input', 2],
    ['a missing file', ['--input', 'x=gone.npy', 'k=1'], 'file.missing', 1],
    ['a missing input', ['--input', 'k=1'], 'model.input', 1],
    ['text beside it', ['--input', 'k=1', '--prompt', 'hi'], 'usage.options', 2],
    ['text alone', ['--prompt', 'hi'], 'model.not-tokens', 1],
    ['an unknown site', ['--input', 'x=random', 'k=1', '--read', 'relo'], 'model.unknown-site', 1],
  ])('%s is refused with a code', async (_, args, errorCode, exit) => {
    const { code, out } = await untangle(['run', path, ...args, '--json']);
    expect([code, JSON.parse(out).error.code]).toEqual([exit, errorCode]);
  });
});

describe('sites', () => {
  test('lists inputs, values and landmarks', async () => {
    const { code, out } = await untangle(['sites', path, '--json']);
    expect(code).toBe(0);
    const document = JSON.parse(out);
    expect(document.inputs.map((i: { name: string }) => i.name)).toEqual(['x', 'k']);
    expect(document.sites.map((s: { name: string; landmark?: string }) => [s.name, s.landmark])).toEqual([
      ['branch', undefined],
      ['relu', 'block output'],
      ['state', 'residual stream'],
      ['y', 'cut'],
    ]);
    const { out: text } = await untangle(['sites', path, '--landmarks']);
    expect(text).toMatch(/state +n × 3 +residual stream/);
    expect(text).not.toMatch(/branch/);
  });
});
