import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { random } from '../../src/core/random.ts';
import { tensor } from '../../src/core/tensor.ts';
import { decode, encoder } from '../../src/dictionaries/encoder.ts';
import { fragment } from '../../src/dictionaries/fragment.ts';
import { neurons } from '../../src/dictionaries/neurons.ts';
import type { Dictionary } from '../../src/dictionaries/types.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { openSession } from '../../src/runtime/session.ts';
import { topK } from './dense-reference.ts';
import { normals, preActivations, randomDictionary } from './support.ts';

beforeAll(async () => {
  await buildKernels();
});

async function encode(d: Dictionary, x: Float32Array) {
  const opened = await encoder(d);
  try {
    return await opened.encode(x);
  } finally {
    await opened.release();
  }
}

/** The code of one row as a map. */
function active({ indices_BK, values_BK }: Awaited<ReturnType<typeof encode>>, row: number, k: number) {
  const found = new Map<number, number>();
  for (let i = row * k; i < (row + 1) * k; i++)
    if (values_BK[i] !== 0) found.set(indices_BK[i]!, values_BK[i]!);
  return found;
}

describe('sparse encoding', () => {
  test('keeps the k largest positive pre-activations of every row, for any sizes', () =>
    fc.assert(
      fc.asyncProperty(
        fc.record({ width: fc.integer({ min: 1, max: 40 }), features: fc.integer({ min: 1, max: 400 }) }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 150 }),
        fc.integer(),
        async ({ width, features }, share, rows, seed) => {
          const k = 1 + Math.floor(share * (features - 1));
          const d = randomDictionary({ width, features, k }, {}, seed);
          const x = normals(random(seed), rows * width);
          const code = await encode(d, x);
          for (let row = 0; row < rows; row++) {
            const a = preActivations(d, x.subarray(row * width, (row + 1) * width));
            const wanted = topK(a, k);
            const found = active(code, row, k);
            // Pre-activations closer than float32 resolves may swap places at the edge.
            const edge = wanted.length === k ? a[wanted.at(-1)!]! : 0;
            for (const [f, value] of found) {
              expect(Math.abs(value - a[f]!)).toBeLessThan(1e-4);
              expect(a[f]!).toBeGreaterThan(edge - 1e-4);
            }
            for (const f of wanted) if (a[f]! > edge + 1e-4) expect(found.has(f)).toBe(true);
            // The k-th may be so small that float32 has it at 0.
            const sure = wanted.length === k && edge > 1e-4;
            expect(Math.abs(found.size - wanted.length)).toBeLessThanOrEqual(sure ? 0 : 1);
          }
        },
      ),
      { numRuns: 25 },
    ));

  test('gives ties to the lower index, even when thousands of features are equal', async () => {
    const [width, features, k] = [3, 5000, 20];
    const same = Float32Array.from({ length: features * width }, () => 1);
    const d = randomDictionary(
      { width, features, k },
      { W_enc_FD: same, b_enc_F: new Float32Array(features) },
    );
    const higher = d.b_enc_F;
    higher[4321] = 1;
    const code = await encode(d, Float32Array.of(1, 1, 1, -1, -1, -1, 0.5, 0, 0));
    expect([...active(code, 0, k).keys()]).toEqual([...Array(19).keys(), 4321]);
    expect(active(code, 1, k).size).toBe(0);
    expect(active(code, 2, k).get(4321)).toBe(1.5);
  });

  test('lists features in ascending order and leaves unused slots at 0', async () => {
    const d = randomDictionary({ width: 8, features: 64, k: 16 }, { b_enc_F: new Float32Array(64).fill(-4) });
    const code = await encode(d, normals(random(1), 8 * 100));
    for (let row = 0; row < 100; row++) {
      const found = active(code, row, 16);
      const slots = Array.from(code.indices_BK.subarray(row * 16, (row + 1) * 16));
      expect(slots.slice(0, found.size)).toEqual([...found.keys()].sort((a, b) => a - b));
      expect(slots.slice(found.size).every((slot) => slot === 0)).toBe(true);
    }
  });

  test('refuses rows of another width', async () => {
    const d = randomDictionary({ width: 8, features: 4, k: 2 });
    await expect(encode(d, new Float32Array(12))).rejects.toMatchObject({ code: 'dictionary.width' });
  });
});

describe('a dictionary in a graph', () => {
  const sizes = { width: 10, features: 70, k: 6 };
  const [batch, position] = [3, 7];
  const x = normals(random(9), batch * position * sizes.width);
  // Two sinks: far above the norm of all others.
  for (const row of [4, 11]) for (let d = 0; d < sizes.width; d++) x[row * sizes.width + d]! *= 100;
  // And a row that is nothing at all.
  x.fill(0, 9 * sizes.width, 10 * sizes.width);
  const d = randomDictionary(sizes, { sinkNorm: 20 });

  async function run(dictionary: Dictionary) {
    const b = graphBuilder();
    b.input('x', 'float32', ['batch', 'position', sizes.width]);
    const { features, reconstruction } = fragment(dictionary)(b, 'x');
    const session = await openSession(b.finish([features, reconstruction]), { threads: 1 });
    const out = await session.run({ x: tensor('float32', [batch, position, sizes.width], x) });
    await session.release();
    return {
      features: out[features]!.data as Float32Array,
      reconstruction: out[reconstruction]!.data as Float32Array,
    };
  }

  test('encodes as the kernels do, and passes the first position and sinks by', async () => {
    const code = await encode(d, x);
    const { features, reconstruction } = await run(d);
    const decoded = decode(d, code);
    for (let row = 0; row < batch * position; row++) {
      const passes = row % position === 0 || row === 4 || row === 11;
      const found = active(code, row, sizes.k);
      for (let f = 0; f < sizes.features; f++) {
        const wanted = passes ? 0 : (found.get(f) ?? 0);
        expect(features[row * sizes.features + f]!).toBeCloseTo(wanted, 4);
      }
      for (let j = row * sizes.width; j < (row + 1) * sizes.width; j++) {
        if (passes) expect(reconstruction[j]).toBe(x[j]);
        else expect(reconstruction[j]!).toBeCloseTo(decoded[j]!, 4);
      }
    }
  });

  const r = random(21);
  const positive = (n: number) => Float32Array.from({ length: n }, () => Math.abs(r.normal()));
  test.each<[string, Partial<Dictionary>]>([
    ['ReLU', { architecture: 'relu', activation: { kind: 'relu' } }],
    [
      'JumpReLU, some thresholds below 0',
      { activation: { kind: 'threshold', threshold_F: normals(r, sizes.features) } },
    ],
    [
      'Gated',
      {
        activation: {
          kind: 'gated',
          r_mag_F: normals(r, sizes.features),
          b_mag_F: normals(r, sizes.features),
        },
      },
    ],
    ['matching pursuit', { activation: { kind: 'pursuit', k: 4 } }],
    ['TopK of rows of one norm', { rowNorm: 3 }],
    [
      'BatchTopK of rows of one norm',
      { rowNorm: 3, activation: { kind: 'threshold', threshold_F: positive(sizes.features) } },
    ],
    ['TopK of rows without their mean, of one norm', { rowNorm: 3, rowCentred: true }],
    ['a skip', { W_skip_ED: normals(r, sizes.width ** 2) }],
  ])('%s: the kernels and the graph give the same code and reconstruction', async (_name, overrides) => {
    const kind = randomDictionary(sizes, { ...overrides, sinkNorm: Number.POSITIVE_INFINITY });
    const code = await encode(kind, x);
    const { features, reconstruction } = await run(kind);
    const decoded = decode(kind, code, x);
    let seen = 0;
    for (let row = 0; row < batch * position; row++) {
      if (row % position === 0) continue;
      const found = active(code, row, code.slots);
      const size = Math.max(1, ...x.subarray(row * sizes.width, (row + 1) * sizes.width).map(Math.abs));
      for (let f = 0; f < sizes.features; f++) {
        seen += found.has(f) ? 1 : 0;
        const other = features[row * sizes.features + f]!;
        expect(Math.abs(other - (found.get(f) ?? 0))).toBeLessThan(1e-4 * size);
      }
      for (let j = row * sizes.width; j < (row + 1) * sizes.width; j++)
        expect(Math.abs(reconstruction[j]! - decoded[j]!)).toBeLessThan(1e-3 * size);
    }
    expect(seen).toBeGreaterThan(20);
  });

  test('neurons are a dictionary without error', async () => {
    const identity = neurons(sizes.width, 'site', 'hash');
    const { features, reconstruction } = await run(identity);
    expect(reconstruction).toEqual(x);
    expect(features.subarray(sizes.width, 2 * sizes.width)).toEqual(x.subarray(sizes.width, 2 * sizes.width));
    expect(decode(identity, await encode(identity, x))).toEqual(x);
  });
});
