import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import { f32, i64 } from '../../src/core/tensor.ts';
import { saveDictionary } from '../../src/dictionaries/files.ts';
import type { Dictionary } from '../../src/dictionaries/types.ts';
import { openEdit } from '../../src/edits/edit-file.ts';
import { writeNpz } from '../../src/files/npz.ts';
import { read } from '../../src/graph/interventions.ts';
import { openSteps } from '../../src/models/steps.ts';
import { tinyLlama } from '../../src/models/tiny.ts';
import { runOnce } from '../../src/runtime/session.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder();
const model = tinyLlama(2, { tied: false });
const resid = 'blocks.0.hook_resid_post';
let count = 0;
const fileOf = (changes: unknown, version = 1): string => {
  const path = join(folder, `${count++}.json`);
  writeFileSync(path, JSON.stringify({ format: 'untangle-edit', version, changes }));
  return path;
};
const edit = (...changes: unknown[]) => openEdit(fileOf(changes), model);
const ids = [5, 6, 7, 8];

/** Values under an edit, of a whole run. */
async function values(changes: unknown[], names: readonly string[]) {
  const { apply, feeds } = await edit(...changes);
  const tokens = i64([1, ids.length], ids);
  return runOnce(read(apply(model.graph), names), { tokens, ...feeds }, { threads: 1 });
}
const plain = await runOnce(
  read(model.graph, [resid, 'blocks.0.attn.hook_z']),
  { tokens: i64([1, ids.length], ids) },
  { threads: 1 },
);
const stream = random(4);
const floats = (n: number) => Float32Array.from({ length: n }, () => stream.normal());
const dictionary: Dictionary = {
  ...{
    architecture: 'topk',
    site: resid,
    modelHash: model.hash,
    width: 16,
    features: 24,
    activation: { kind: 'topk', k: 3 },
    sinkNorm: 1e9,
  },
  ...{ W_enc_FD: floats(24 * 16), b_enc_F: floats(24), W_dec_FD: floats(24 * 16), b_dec_D: floats(16) },
};
await saveDictionary(join(folder, 'dictionary'), dictionary);
await saveDictionary(join(folder, 'foreign'), { ...dictionary, modelHash: 'another' });

describe('an edit from a file', () => {
  test('scales a site, or one head of it', async () => {
    const z = 'blocks.0.attn.hook_z';
    const change = { kind: 'scale', site: z, by: 0 };
    const all = (await values([change], [`${z}:replaced`]))[`${z}:replaced`]!;
    expect(Array.from(all.data as Float32Array).every((x) => Math.abs(x) === 0)).toBe(true);
    const one = (await values([{ ...change, by: 2, head: 1 }], [`${z}:replaced`]))[`${z}:replaced`]!;
    const before = plain[z]!.data as Float32Array;
    const expected = before.map((x, i) => (Math.floor(i / 4) % 4 === 1 ? 2 * x : x));
    expect(Array.from(one.data as Float32Array)).toEqual(Array.from(expected));
  });
  test('adds a vector, written out or in an npz file', async () => {
    const vector = Array.from({ length: 16 }, (_, i) => i);
    await writeNpz(join(folder, 'v.npz'), { direction: f32([16], vector) });
    for (const given of [vector, { file: 'v.npz', name: 'direction' }]) {
      const out = await values([{ kind: 'add', site: resid, vector: given, by: 0.5 }], [`${resid}:replaced`]);
      const [a, b] = [out[`${resid}:replaced`]!.data as Float32Array, plain[resid]!.data as Float32Array];
      expect(Array.from(a)).toEqual(Array.from(b.map((x, i) => Math.fround(x + 0.5 * (i % 16)))));
    }
  });
  test('acts change after change', async () => {
    const twice = [
      { kind: 'scale', site: resid, by: 3 },
      { kind: 'add', site: resid, vector: new Array(16).fill(1) },
    ];
    const out = (await values(twice, [`${resid}:replaced2`]))[`${resid}:replaced2`]!.data as Float32Array;
    (plain[resid]!.data as Float32Array).forEach((x, i) => {
      expect(out[i]).toBeCloseTo(3 * x + 1, 4);
    });
  });
  const [row, other] = [new Array(16).fill(0.5), Array.from({ length: 16 }, (_, i) => i / 8)];
  test.each<[Record<string, unknown>, number?]>([
    [{ kind: 'features', dictionary: 'dictionary', features: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], strength: 1 }],
    [{ kind: 'add', site: resid, vector: new Array(16).fill(0.5) }],
    [{ kind: 'scale', site: 'blocks.1.attn.hook_v', by: 0.1, head: 0 }],
    [{ kind: 'resample', site: resid, rows: [row, other, row.map((v) => -v)], strength: 0.5 }, 2],
    [{ kind: 'project', site: resid, directions: [other], positions: { skipFirst: true } }, 2],
    [{ kind: 'steer', site: resid, vector: other, by: 0.5, unit: 'norm' }, 2],
    [{ kind: 'zero', dictionary: 'dictionary', features: [0, 5, 9, 12, 20], strength: -1 }, 2],
  ])('acts in the key–value cache as on the whole text: %j', async (change, version) => {
    const rewriting = await openEdit(fileOf([change], version), model);
    const options = { threads: 1, positions: 8, rewriting };
    const [kept, whole, untouched] = await Promise.all([
      openSteps(model, options),
      openSteps(model, { ...options, cache: false }),
      openSteps(model, { threads: 1, positions: 8 }),
    ]);
    const text = [5, 6, 7, 8, 9, 10, 11];
    let moved = 0;
    for (let n = 1; n <= text.length; n++) {
      const [a, b, c] = [
        await kept.after(text.slice(0, n)),
        await whole.after(text.slice(0, n)),
        await untouched.after(text.slice(0, n)),
      ];
      for (let i = 0; i < b.length; i++) {
        expect(Math.abs(a[i]! - b[i]!)).toBeLessThan(1e-4);
        moved = Math.max(moved, Math.abs(a[i]! - c[i]!));
      }
    }
    expect(moved).toBeGreaterThan(0.01);
    await Promise.all([kept.close(), whole.close(), untouched.close()]);
  });
  test('of features leaves the first position alone, in the cache as on the whole text', async () => {
    const change = { kind: 'features', dictionary: 'dictionary', features: [...Array(24).keys()] };
    const name = `${resid}:replaced`;
    const out = (await values([change], [name]))[name]!.data as Float32Array;
    const before = plain[resid]!.data as Float32Array;
    expect(Array.from(out.subarray(0, 16))).toEqual(Array.from(before.subarray(0, 16)));
    expect(Array.from(out.subarray(16))).not.toEqual(Array.from(before.subarray(16)));
  });
});

describe('an edit that cannot be', () => {
  test.each<[unknown, string]>([
    [{ kind: 'scale', site: 'blocks.0.hook_resid_pots', by: 0 }, 'edit.unknown-site'],
    [{ kind: 'scale', site: resid, by: 0, head: 0 }, 'edit.head'],
    [{ kind: 'scale', site: 'blocks.0.attn.hook_z', by: 0, head: 4 }, 'edit.head'],
    [{ kind: 'add', site: resid, vector: [1, 2] }, 'edit.vector'],
    [{ kind: 'add', site: 'blocks.0.attn.hook_pattern', vector: [1] }, 'edit.vector'],
    [{ kind: 'add', site: resid, vector: { file: 'nowhere.npz', name: 'x' } }, 'file.missing'],
    [{ kind: 'features', dictionary: 'dictionary', features: [24] }, 'edit.feature'],
    [{ kind: 'features', dictionary: 'foreign', features: [0] }, 'edit.other-model'],
    [{ kind: 'features', dictionary: 'nowhere', features: [0] }, 'file.missing'],
    [{ kind: 'scale', site: resid, by: 0, hed: 1 }, 'edit.file'],
    [{ kind: 'remove', site: resid }, 'edit.file'],
  ])('%j gives %s', (change, code) => expect(edit(change)).rejects.toMatchObject({ code }));
  test('an empty file of changes, another format', async () => {
    await expect(edit()).rejects.toMatchObject({ code: 'edit.file' });
    const path = join(folder, 'other.json');
    writeFileSync(path, '{"edits": []}');
    await expect(openEdit(path, model)).rejects.toMatchObject({ code: 'edit.file' });
  });
});
