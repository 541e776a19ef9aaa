/** @file Exported and folded edits: the same numbers as the edit in place, in plain onnxruntime. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { random } from '../../src/core/random.ts';
import { f64, i64, type Tensor } from '../../src/core/tensor.ts';
import { applyEdit } from '../../src/edits/apply.ts';
import { parseChange, readEdit, residualWrites, writeEdit } from '../../src/edits/edit-file.ts';
import { foldEdit } from '../../src/edits/export/fold.ts';
import { editedGraph, exportEdited } from '../../src/edits/export/onnx.ts';
import type { Change, Edit } from '../../src/edits/kinds/registry.ts';
import { openSafetensors } from '../../src/files/safetensors.ts';
import { read } from '../../src/graph/interventions.ts';
import { exportFolder } from '../../src/models/export-folder.ts';
import { exportOnnx } from '../../src/models/export-onnx.ts';
import { openModel } from '../../src/models/open.ts';
import { tinyLlama } from '../../src/models/tiny.ts';
import type { Model } from '../../src/models/types.ts';
import { runOnce } from '../../src/runtime/session.ts';
import { randomDictionary } from '../circuits/support/dictionaries.ts';
import { largestDifference } from '../circuits/support/tiny.ts';
import { temporaryFolder } from '../support/temporary.ts';

const context = { progress: silent };
const folder = temporaryFolder();
const model = tinyLlama(4);
const ids = [5, 6, 7, 8, 200, 31];
const tokens = i64([1, ids.length], ids);
const stream = random(3);
const normals = (n: number, size = 1) => Float64Array.from({ length: n }, () => size * stream.normal());
const resid = 'blocks.0.hook_resid_post';
const make = (given: Record<string, unknown>): Change => parseChange(given, 'a test');

async function inPlace(of: Model, edit: Edit): Promise<Float32Array> {
  const { apply, feeds } = applyEdit(edit, of);
  const out = await runOnce(read(apply(of.graph), ['logits']), { tokens, ...feeds }, { threads: 1 });
  return out.logits!.data as Float32Array;
}
const plain = (of: Model) => inPlace(of, { changes: [] });

/** The logits of a file, by onnxruntime alone. */
async function byOnnxruntime(path: string): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(path);
  expect(session.inputNames).toEqual(['tokens']);
  const out = await session.run({ tokens: new ort.Tensor('int64', tokens.data, [1, ids.length]) });
  await session.release();
  return out.logits!.data as Float32Array;
}

const composed: Edit = {
  changes: [
    make({ kind: 'scale', site: 'blocks.0.attn.hook_z', head: 1, by: 0.3 }),
    make({
      kind: 'zero',
      dictionary: {
        dictionary: randomDictionary(random(6), { site: resid, width: 16, features: 24, k: 4 }, model.hash),
      },
      features: [0, 1, 2, 3, 4, 5, 6, 7],
      strength: 0.7,
    }),
    make({ kind: 'steer', site: resid, vector: f64([16], normals(16)), by: 0.05, unit: 'norm' }),
    make({ kind: 'project', site: 'blocks.1.hook_resid_post', directions: f64([2, 16], normals(32)) }),
  ],
};

describe('an exported edit', () => {
  test.each([false, true])('is one that plain onnxruntime runs (weights beside it: %s)', async (external) => {
    const path = join(folder, `edited-${external}.onnx`);
    const written = await exportEdited(model, composed, path, context, { external });
    expect(written).toMatchObject({ inputs: ['tokens'], outputs: ['logits'] });
    expect(existsSync(`${path}.data`)).toBe(external);
    const [theirs, ours] = [await byOnnxruntime(path), await inPlace(model, composed)];
    expect(largestDifference(theirs, ours)).toBeLessThan(1e-5);
    expect(largestDifference(theirs, await plain(model))).toBeGreaterThan(0.01);
  });
  test('carries only what its features need of a dictionary', () => {
    const { weights } = editedGraph(model, composed);
    const shapes = [...weights].filter(([name]) => name.startsWith('edit-write')).map(([, w]) => w.shape);
    expect(shapes).toContainEqual([8, 16]);
  });
});

/** Changes that fold exactly, by name; each on models with and without biases and ties. */
const foldable: Record<string, (width: number) => Record<string, unknown>[]> = {
  'a head scaled': () => [{ kind: 'scale', site: 'blocks.1.attn.hook_z', head: 2, by: 3 }],
  'a head at its mean': () => [
    { kind: 'mean', site: 'blocks.0.attn.hook_z', head: 0, mean: Array.from(normals(4)) },
  ],
  'neurons removed': () => [{ kind: 'zero', site: 'blocks.1.mlp.hook_post', neurons: [0, 3, 9] }],
  'a direction out of an attention output': (width) => [
    {
      kind: 'project',
      site: 'blocks.0.hook_attn_out',
      directions: [Array.from(normals(width))],
      strength: 0.8,
    },
  ],
  'a vector into the stream': (width) => [
    { kind: 'steer', site: resid, vector: Array.from(normals(width)), by: 0.5 },
    { kind: 'steer', site: 'blocks.1.hook_resid_mid', vector: Array.from(normals(width)), by: -0.5 },
    { kind: 'steer', site: 'blocks.0.hook_resid_pre', vector: Array.from(normals(width)), by: 0.3 },
  ],
  'keys, queries and values': (width) => [
    { kind: 'scale', site: 'blocks.0.attn.hook_q', head: 1, by: 0.5 },
    { kind: 'clamp', site: 'blocks.0.attn.hook_v', neurons: [0], head: 0, to: 0.4 },
    { kind: 'steer', site: 'blocks.1.attn.hook_k', vector: Array.from(normals(width / 2)), by: 0.4 },
  ],
  'several at one map, from both sides': (width) => [
    { kind: 'scale', site: 'blocks.0.attn.hook_z', head: 0, by: 2 },
    { kind: 'steer', site: 'blocks.0.attn.hook_z', vector: Array.from(normals(width)), by: 0.3 },
    { kind: 'project', site: 'blocks.0.attn.hook_z', directions: [Array.from(normals(width))] },
    { kind: 'scale', site: 'blocks.0.hook_attn_out', by: 0.5 },
    { kind: 'steer', site: 'blocks.0.hook_attn_out', vector: Array.from(normals(width)), by: 0.2 },
  ],
  'before a nonlinearity': () => [{ kind: 'scale', site: 'blocks.0.mlp.hook_pre', neurons: [1, 2], by: -1 }],
};

describe('a folded edit', () => {
  const models = {
    'tied, no biases': model,
    'gated, all biases': tinyLlama(5, { tied: false, biases: ['qkv', 'out', 'mlp'] }),
    'GPT-NeoX': tinyLlama(6, {
      ...{ family: 'gpt_neox', tied: false, parallel: true, norm: 'layer', gated: false, activation: 'gelu' },
      biases: ['qkv', 'out', 'mlp'],
    }),
  } as const;
  const cases = Object.entries(models).flatMap(([of, one]) =>
    Object.keys(foldable)
      .filter((name) => !(one.shape.parallel && name === 'a vector into the stream'))
      .map((name) => [name, of, one] as const),
  );
  test.each(cases)('of %s is the model (%s) with other weights', async (name, _, of) => {
    const edit = { changes: foldable[name]!(of.shape.width).map(make) };
    const folded = await foldEdit(of, edit);
    const difference = largestDifference(await plain(folded), await inPlace(of, edit));
    expect(difference).toBeLessThan(1e-5);
    expect(largestDifference(await plain(folded), await plain(of))).toBeGreaterThan(1e-3);
    expect(folded.hash).not.toBe(of.hash);
  });

  test('of a direction out of everything that is written leaves none of it in the stream, and ties are cut', async () => {
    const direction = normals(16);
    const path = join(folder, 'everywhere.json');
    const change = make({ kind: 'project', site: 'residual-writes', directions: f64([1, 16], direction) });
    await writeEdit(path, { changes: [change] });
    const edit = await readEdit(path, model);
    expect(edit.changes.map((c) => 'site' in c && c.site)).toEqual(
      residualWrites(model.sites.map((s) => s.name)),
    );
    const folded = await foldEdit(model, edit);
    expect(folded.shape.tied).toBe(false);
    const cut = 'blocks.1.hook_resid_post';
    const out = await runOnce(read(folded.graph, [cut, 'logits']), { tokens }, { threads: 1 });
    expect(largestDifference(out.logits!.data as Float32Array, await inPlace(model, edit))).toBeLessThan(
      1e-5,
    );
    const x = out[cut]!.data as Float32Array;
    for (let t = 0; t < ids.length; t++) {
      const along = direction.reduce((sum, v, d) => sum + v * x[t * 16 + d]!, 0);
      expect(Math.abs(along)).toBeLessThan(1e-4);
    }
  });

  test('is written as ONNX, which opens again as the folded model, and as a folder with its biases', async () => {
    const edit = { changes: foldable['a vector into the stream']!(16).map(make) };
    const folded = await foldEdit(model, edit);
    await exportOnnx(folded, join(folder, 'folded.onnx'), context);
    expect(
      largestDifference(await byOnnxruntime(join(folder, 'folded.onnx')), await plain(folded)),
    ).toBeLessThan(1e-5);
    await exportFolder(folded, join(folder, 'folded'), context);
    const again = (await openModel(join(folder, 'folded.onnx'), context)) as Model;
    expect(again.shape.biases).toContain('mlp');
    expect(largestDifference(await plain(again), await plain(folded))).toBeLessThan(1e-5);
    const file = await openSafetensors(join(folder, 'folded', 'model.safetensors'));
    expect(file.read('model.layers.0.mlp.down_proj.bias').data).toEqual(
      (folded.graph.weights.get('blocks.0.mlp.b_out') as Tensor).data,
    );
    file.close();
  });

  test.each<[string, Record<string, unknown>, RegExp]>([
    [
      'a direction at one cut',
      { kind: 'project', site: resid, directions: [new Array(16).fill(1)] },
      /only a constant/,
    ],
    [
      'a norm',
      { kind: 'steer', site: resid, vector: new Array(16).fill(1), unit: 'norm' },
      /norm of the state/,
    ],
    ['other rows', { kind: 'resample', site: resid, rows: [new Array(16).fill(1)] }, /other rows/],
    [
      'some positions',
      { kind: 'zero', site: 'blocks.0.attn.hook_z', positions: { skipFirst: true } },
      /every position/,
    ],
    ['a pattern', { kind: 'scale', site: 'blocks.0.attn.hook_pattern', by: 0.5 }, /no linear map/],
  ])('is refused for %s, and says why', async (_, given, why) => {
    await expect(foldEdit(model, { changes: [make(given)] })).rejects.toThrow(
      expect.objectContaining({ code: 'edit.not-foldable', message: expect.stringMatching(why) }),
    );
  });
});
