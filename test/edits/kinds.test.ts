/** @file What every kind of change promises: its formula, nothing at strength 0, order, the same on rows as on positions. */
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import { f32, f64, i64 } from '../../src/core/tensor.ts';
import type { Dictionary } from '../../src/dictionaries/types.ts';
import { applyEdit, applyShuffled } from '../../src/edits/apply.ts';
import { parseChange, readEdit, writeEdit } from '../../src/edits/edit-file.ts';
import { eraseAt } from '../../src/edits/erasure/eraser.ts';
import { leace } from '../../src/edits/erasure/leace.ts';
import { eraserChange } from '../../src/edits/kinds/erase.ts';
import { type Change, type KindName, kinds } from '../../src/edits/kinds/registry.ts';
import { editRows } from '../../src/edits/rows.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { read } from '../../src/graph/interventions.ts';
import type { Graph } from '../../src/graph/types.ts';
import { tinyLlama } from '../../src/models/tiny.ts';
import { runOnce } from '../../src/runtime/session.ts';
import { randomDictionary } from '../circuits/support/dictionaries.ts';
import { largestDifference } from '../circuits/support/tiny.ts';
import { temporaryFolder } from '../support/temporary.ts';

const model = tinyLlama(3, { tied: false });
const site = 'blocks.0.hook_resid_post';
const z = 'blocks.0.attn.hook_z';
const [B, T, D] = [2, 5, 16];
const tokens = i64(
  [B, T],
  Array.from({ length: B * T }, (_, i) => 5 + 7 * i),
);
const stream = random(8);
const normals = (n: number) => Float64Array.from({ length: n }, () => stream.normal());
const matrix = (rows: number, columns: number) => f64([rows, columns], normals(rows * columns));
const dictionary = {
  dictionary: {
    ...randomDictionary(random(2), { site, width: D, features: 24, k: 4 }, model.hash),
    activation: { kind: 'relu' as const },
    architecture: 'relu' as const,
    sinkNorm: 1e9,
  },
};

/** A basis with orthonormal columns [D, K]: coordinates 2 and 5. */
const basis = f64(
  [D, 2],
  Float64Array.from({ length: D * 2 }, (_, i) => (i === 4 || i === 11 ? 1 : 0)),
);

const eraser = leace({
  x_ND: normals(60 * D),
  width: D,
  z_NZ: Array.from({ length: 60 }, (_, i) => i % 2),
  concepts: 1,
});

/** One change of every kind at a site, and where the kind has it on features. */
const examples: Readonly<Record<KindName, readonly Record<string, unknown>[]>> = {
  zero: [{ site }, { site, neurons: [1, 4] }, { dictionary, features: [0, 3, 5] }],
  mean: [
    { site, mean: Array.from(normals(D)) },
    { dictionary, features: [1, 2], mean: [0.5, 0.25] },
  ],
  resample: [
    { site, rows: matrix(3, D) },
    { dictionary, features: [1, 2], rows: matrix(4, 2) },
  ],
  clamp: [
    { site, to: 0.5, neurons: [0] },
    { dictionary, features: [0, 1], to: [1, 2] },
  ],
  scale: [
    { site, by: 3 },
    { dictionary, features: [2, 7, 9], by: [0, 0.5, 2] },
  ],
  steer: [
    { site, vector: f64([D], normals(D)), by: 2 },
    { site, vector: f64([D], normals(D)), by: 0.1, unit: 'norm' },
    { dictionary, features: [3], by: -4 },
  ],
  project: [
    { site, directions: matrix(2, D) },
    { site, directions: matrix(1, D), about: f64([D], normals(D)) },
    { dictionary, features: [4, 6] },
  ],
  erase: [{ ...eraserChange(site, eraser) }],
  subspace: [{ site, basis, to: [1, -1] }],
  bottleneck: [
    { site, read: matrix(D, 3), write: matrix(3, D), centre: f64([D], normals(D)), keep: [1, 0, 1] },
    {
      ...{ site, read: matrix(D, 3), write: matrix(3, D), centre: f64([D], normals(D)), keep: [1, 0, 0.5] },
      residual: 0.25,
    },
  ],
};
const all: readonly [string, Change][] = Object.entries(examples).flatMap(([kind, given]) =>
  given.map((one, i): [string, Change] => [`${kind} ${i}`, parseChange({ ...one, kind }, 'a test')]),
);

async function valuesOf(graph: Graph, feeds: object, names: readonly string[]) {
  const out = await runOnce(read(graph, names), { tokens, ...feeds }, { threads: 1 });
  return Object.fromEntries(names.map((name) => [name, out[name]!.data as Float32Array]));
}
const run = async (changes: readonly Change[], names: readonly string[]) => {
  const { apply, feeds } = applyEdit({ changes }, model);
  return valuesOf(apply(model.graph), feeds, names);
};
const plain = await valuesOf(model.graph, {}, [site, z, 'logits']);
const x_ND = plain[site]!;

/** Activations of all features of all rows, 0 where the dictionary passes by, as its formula says. */
function features_NF(): Float64Array {
  const { W_enc_FD, b_enc_F, features } = dictionary.dictionary;
  const out = new Float64Array(B * T * features);
  for (let row = 0; row < B * T; row++) {
    for (let f = 0; f < features; f++) {
      let a = b_enc_F[f]!;
      for (let d = 0; d < D; d++) a += W_enc_FD[f * D + d]! * x_ND[row * D + d]!;
      out[row * features + f] = Math.max(0, a);
    }
  }
  return out;
}

describe('a change', () => {
  test('has a test of every kind', () => {
    expect(new Set(Object.keys(examples))).toEqual(new Set(Object.keys(kinds)));
  });

  test.each(all.filter(([name]) => !/^resample|^steer 1/.test(name)))(
    '%s does to positions what it does to rows',
    async (_, change) => {
      const now = (await run([change], [`${site}:replaced`]))[`${site}:replaced`]!;
      const rows = editRows(change, { x_ND, width: D, features_NF: features_NF() });
      let moved = 0;
      for (let row = 0; row < B * T; row++) {
        // Changes along features pass the first position by.
        const skipped = 'dictionary' in change && row % T === 0;
        for (let d = 0; d < D; d++) {
          const at = row * D + d;
          expect(Math.abs(now[at]! - (skipped ? x_ND[at]! : rows[at]!))).toBeLessThan(1e-4);
          moved = Math.max(moved, Math.abs(now[at]! - x_ND[at]!));
        }
      }
      expect(moved).toBeGreaterThan(0.01);
    },
  );

  test.each(all)('%s of strength 0 changes nothing', async (_, change) => {
    const { logits } = await run([{ ...change, strength: 0 }], ['logits']);
    expect(largestDifference(logits!, plain.logits!)).toBe(0);
  });

  test.each(all)('%s is written and read again as it was', async (name, change) => {
    const path = join(temporaryFolder(), `${name.replace(' ', '-')}.json`);
    const edit = { model: { name: model.name, hash: model.hash }, changes: [change] };
    await writeEdit(path, edit);
    const again = await readEdit(path, model);
    expect(again.model).toEqual(edit.model);
    const [a, b] = [await run([change], ['logits']), await run(again.changes, ['logits'])];
    expect(Array.from(b.logits!)).toEqual(Array.from(a.logits!));
  });

  test('in units of the norm moves every position by its own norm', async () => {
    const vector = normals(D);
    const change = parseChange({ kind: 'steer', site, vector: f64([D], vector), by: 0.5, unit: 'norm' }, '');
    const now = (await run([change], [`${site}:replaced`]))[`${site}:replaced`]!;
    for (let row = 0; row < B * T; row++) {
      const before = x_ND.subarray(row * D, (row + 1) * D);
      const moved = now.subarray(row * D, (row + 1) * D).map((v, d) => v - before[d]!);
      expect(Math.hypot(...moved) / Math.hypot(...before)).toBeCloseTo(0.5, 5);
    }
  });

  test('by resampling puts in rows in their fixed order', async () => {
    const rows = matrix(3, D);
    const change = parseChange({ kind: 'resample', site, rows }, '');
    const now = (await run([change], [`${site}:replaced`]))[`${site}:replaced`]!;
    for (let b = 0; b < B; b++) {
      for (let t = 0; t < T; t++) {
        const row = (97 * b + t) % 3;
        for (let d = 0; d < D; d++) expect(now[(b * T + t) * D + d]).toBeCloseTo(rows.data[row * D + d]!, 5);
      }
    }
  });

  test('of one head leaves the others alone', async () => {
    const vector = Array.from(normals(4));
    const change = parseChange({ kind: 'project', site: z, head: 2, directions: [vector] }, '');
    const now = (await run([change], [`${z}:replaced`]))[`${z}:replaced`]!;
    const length = Math.hypot(...vector);
    for (let i = 0; i < now.length; i += 4) {
      const own = Array.from(plain[z]!.subarray(i, i + 4));
      const along = (i / 4) % 4 === 2 ? own.reduce((sum, v, d) => sum + (v * vector[d]!) / length, 0) : 0;
      for (let d = 0; d < 4; d++) expect(now[i + d]).toBeCloseTo(own[d]! - (along * vector[d]!) / length, 5);
    }
  });

  test('by an eraser is what the eraser does', async () => {
    const [ours, theirs] = [
      (await run([eraserChange(site, eraser)], ['logits'])).logits!,
      (await valuesOf(eraseAt(model.graph, site, eraser), {}, ['logits'])).logits!,
    ];
    expect(largestDifference(ours, theirs)).toBeLessThan(1e-5);
  });
});

describe('changes', () => {
  test('act in their order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            scale: fc.boolean(),
            by: fc.double({ min: -2, max: 2, noNaN: true }),
            strength: fc.double({ min: 0, max: 1, noNaN: true }),
          }),
          { minLength: 1, maxLength: 4 },
        ),
        async (list) => {
          const changes = list.map(({ scale, by, strength }) =>
            parseChange(
              scale
                ? { kind: 'scale', site, by, strength }
                : { kind: 'steer', site, vector: new Array(D).fill(1), by, strength },
              '',
            ),
          );
          const name = `${site}:replaced${list.length === 1 ? '' : list.length}`;
          const now = (await run(changes, [name]))[name]!;
          const expected = list.reduce(
            (x, { scale, by, strength }) => (scale ? x + strength * (by - 1) * x : x + strength * by),
            x_ND[7]!,
          );
          expect(Math.abs(now[7]! - expected)).toBeLessThan(1e-4);
        },
      ),
      { numRuns: 12 },
    );
  });

  test('tell what they move', () => {
    const changes = [zeroAt(site), zeroAt(z), zeroAt(site)];
    expect(applyEdit({ changes }, model).moved).toEqual([
      { site, before: site, after: `${site}:replaced`, axes: 3 },
      { site: z, before: z, after: `${z}:replaced`, axes: 4 },
      { site, before: `${site}:replaced`, after: `${site}:replaced2`, axes: 3 },
    ]);
  });

  test.each(all.filter(([, change]) => !('dictionary' in change) || change.kind !== 'resample'))(
    'in random directions move every position exactly as far: %s',
    async (_, change) => {
      const name = `${site}:replaced`;
      const shuffled = applyShuffled({ changes: [change] }, model);
      const feeds = { ...shuffled.feeds, ...shuffled.draw(random(5)) };
      const [own, other] = [
        (await run([change], [name]))[name]!,
        (await valuesOf(shuffled.apply(model.graph), feeds, [name]))[name]!,
      ];
      for (let row = 0; row < B * T; row++) {
        const size = (x: Float32Array) =>
          Math.hypot(...Array.from({ length: D }, (_, d) => x[row * D + d]! - x_ND[row * D + d]!));
        expect(size(other)).toBeCloseTo(size(own), 3);
      }
      expect(largestDifference(own, other)).toBeGreaterThan(0.01);
    },
  );
});

const zeroAt = (at: string): Change => parseChange({ kind: 'zero', site: at }, '');

describe('a network without positions', () => {
  const b = graphBuilder();
  b.input('x', 'float32', ['batch', 3]);
  b.weight(
    'W',
    f32(
      [3, 4],
      Array.from({ length: 12 }, (_, i) => i - 5),
    ),
  );
  b.op('MatMul', ['x', 'W'], {}, 'h');
  b.op('Identity', ['h'], {}, 'y');
  const network = { name: 'rows', hash: 'h', graph: b.finish(['y']) };
  const x = f32([2, 3], [1, 0, 2, -1, 1, 0]);
  const shape = { site: 'h', width: 4, features: 6, k: 2 };
  const features = { dictionary: { ...randomDictionary(random(4), shape, 'h'), sinkNorm: 1e9 } };
  test.each<[string, Record<string, unknown>]>([
    ['coordinates', { kind: 'clamp', site: 'h', neurons: [1], to: 7 }],
    [
      'features, in the first row as in the others',
      { kind: 'scale', dictionary: features, features: [0, 3], by: 3 },
    ],
  ])('has its rows changed: %s', async (_, given) => {
    const change = parseChange(given, 'a test');
    const { apply, feeds } = applyEdit({ changes: [change] }, network);
    const h = (await runOnce(network.graph, { x }, { threads: 1 })).y!.data as Float32Array;
    const y = (await runOnce(apply(network.graph), { x, ...feeds }, { threads: 1 })).y!.data as Float32Array;
    const code = encodeRows(features.dictionary, h);
    const rows = editRows(change, { x_ND: h, width: 4, features_NF: code });
    for (const [i, value] of y.entries()) expect(Math.abs(value - rows[i]!)).toBeLessThan(1e-4);
  });
});

/** TopK features of rows, by the formula. */
function encodeRows(d: Dictionary, x_ND: Float32Array): Float64Array {
  const k = d.activation.kind === 'topk' ? d.activation.k : d.features;
  const out = new Float64Array((x_ND.length / d.width) * d.features);
  for (let row = 0; row < x_ND.length / d.width; row++) {
    const a = Array.from({ length: d.features }, (_, f) =>
      Array.from(
        { length: d.width },
        (_, i) => d.W_enc_FD[f * d.width + i]! * x_ND[row * d.width + i]!,
      ).reduce((sum, v) => sum + v, d.b_enc_F[f]!),
    );
    const largest = [...a.keys()].sort((i, j) => a[j]! - a[i]!).slice(0, k);
    for (const f of largest) out[row * d.features + f] = Math.max(0, a[f]!);
  }
  return out;
}

describe('a change that cannot be', () => {
  test.each<[Record<string, unknown>, string, RegExp]>([
    [{ ...eraserChange(site, eraser), strength: 2 }, 'edit.strength', /from 0 to 1/],
    [{ kind: 'scale', site, by: 1000 }, 'edit.strength', /from -100 to 100/],
    [{ kind: 'steer', site, vector: new Array(D).fill(0), unit: 'norm' }, 'edit.no-direction', /direction/],
    [{ kind: 'clamp', site, neurons: [16], to: 0 }, 'edit.neuron', /0 to 15/],
    [{ kind: 'zero', dictionary, features: [24] }, 'edit.feature', /0 to 23/],
    [{ kind: 'subspace', site, basis: matrix(2, D), to: [0, 0] }, 'edit.vector', /exchanged/],
    [{ kind: 'subspace', site, basis: matrix(D, 2), to: [0, 0] }, 'edit.vector', /right angles/],
    [{ kind: 'mean', site: 'blocks.0.attn.hook_pattern', mean: [1] }, 'edit.vector', /no fixed width/],
    [{ kind: 'zero', site: 'blocks.0.hook_resid_pots' }, 'edit.unknown-site', /resid_post/],
  ])('%j gives %s', (given, code, hint) => {
    const change = parseChange(given, 'a test');
    expect(() => applyEdit({ changes: [change] }, model)).toThrow(
      expect.objectContaining({ code, hint: expect.stringMatching(hint) }),
    );
  });
  test('says which field is wrong, or which kinds are near', () => {
    expect(() => parseChange({ kind: 'scale', site, by: 'two' }, 'e.json')).toThrow(/scale: by/);
    expect(() => parseChange({ kind: 'zeros', site }, 'e.json')).toThrow(/nearest: zero/);
  });
  test('made for another model is refused by its hash', () => {
    const edit = { model: { name: 'other', hash: 'x' }, changes: [zeroAt(site)] };
    expect(() => applyEdit(edit, model)).toThrow(expect.objectContaining({ code: 'edit.other-model' }));
  });
  test('features of a transcoder, which write to another site', () => {
    const transcoder = { ...dictionary.dictionary, output: { site: 'blocks.0.hook_mlp_out', width: D } };
    const change = parseChange(
      { kind: 'zero', dictionary: { ...dictionary, dictionary: transcoder }, features: [0] },
      'a test',
    );
    expect(() => applyEdit({ changes: [change] }, model)).toThrow(
      expect.objectContaining({ code: 'dictionary.not-in-place' }),
    );
  });
  test('of pooled rows where it is not affine', () => {
    const change = parseChange({ kind: 'steer', site, vector: new Array(D).fill(1), unit: 'norm' }, '');
    expect(() => editRows(change, { x_ND, width: D })).toThrow(
      expect.objectContaining({ code: 'edit.not-linear' }),
    );
  });
});
