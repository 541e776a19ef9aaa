import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildKernels } from '../../scripts/build-kernels.ts';
import { random } from '../../src/core/random.ts';
import { openBlockEncoder } from '../../src/dictionaries/blocks.ts';
import { normals } from './support.ts';

beforeAll(async () => {
  await buildKernels();
});

interface Case {
  readonly width: number;
  readonly features: number;
  readonly k: number;
  readonly W: Float32Array;
  readonly bias: Float32Array;
  readonly x: Float32Array;
  readonly rows: number;
}

/** The codes of an exact and of a screened encoder. */
async function both({ width, features, k, W, bias, x, rows }: Case) {
  const codes = [];
  for (const screened of [false, true]) {
    const encoder = await openBlockEncoder({
      ...{ width, features, select: { k }, rows, screened, maxListed: 8 },
    });
    encoder.W_enc_FD.set(W);
    encoder.b_enc_F.set(bias);
    encoder.weightsChanged();
    encoder.x_RD.set(x);
    await encoder.encode();
    const listed = encoder.listed(Int32Array.of(0, features - 1), 4);
    codes.push({
      indices: [...encoder.indices_RK],
      values: [...encoder.values_RK],
      counts: [...encoder.counts_R],
      listed: { counts: [...listed.counts], values: [...listed.values] },
    });
    await encoder.release();
  }
  return codes as [(typeof codes)[number], (typeof codes)[number]];
}

/** The same features in every row, their values to float32; rows whose k-th and next value nearly tie may differ there. */
function expectEqual(
  [exact, screened]: Awaited<ReturnType<typeof both>>,
  rows: number,
  k: number,
  scale: number,
) {
  expect(screened.counts).toEqual(exact.counts);
  let differing = 0;
  for (let row = 0; row < rows; row++) {
    const code = (from: typeof exact) =>
      new Map(
        Array.from({ length: from.counts[row]! }, (_, i) => [
          from.indices[row * k + i]!,
          from.values[row * k + i]!,
        ]),
      );
    const [a, b] = [code(exact), code(screened)];
    for (const [feature, value] of a) {
      const other = b.get(feature);
      if (other === undefined) {
        differing++;
        expect(value - Math.min(...a.values())).toBeLessThan(1e-4 * scale);
      } else expect(Math.abs(other - value)).toBeLessThan(1e-4 * scale);
    }
  }
  expect(differing).toBeLessThanOrEqual(1);
}

describe('a screened encoder finds what an exact one finds', () => {
  test('for any sizes, biases and scales of rows and features', () =>
    fc.assert(
      fc.asyncProperty(
        fc.record({
          width: fc.integer({ min: 1, max: 8 }).map((n) => 16 * n),
          features: fc.integer({ min: 2, max: 600 }),
          share: fc.double({ min: 0, max: 0.5, noNaN: true }),
          spread: fc.double({ min: 0, max: 3, noNaN: true }),
          seed: fc.integer(),
        }),
        async ({ width, features, share, spread, seed }) => {
          const k = 1 + Math.floor(share * (features - 1));
          const r = random(seed);
          const rows = 32;
          // Rows and features of very different lengths: the screen must be as coarse as the worst of them.
          const scaled = (n: number) => {
            const values = normals(r, n * width);
            for (let i = 0; i < n; i++) {
              const factor = Math.exp(spread * (r.uniform() - 0.5));
              for (let d = 0; d < width; d++) values[i * width + d]! *= factor;
            }
            return values;
          };
          const found = await both({
            ...{ width, features, k, rows },
            W: scaled(features),
            x: scaled(rows),
            bias: normals(r, features),
          });
          expectEqual(found, rows, k, Math.exp(spread) * Math.sqrt(width));
        },
      ),
      { numRuns: 30 },
    ));

  test('at the size of the benchmark, all rows alike', async () => {
    const [width, features, k, rows] = [512, 8192, 32, 256];
    const r = random(11);
    const W = normals(r, features * width).map((w) => w / Math.sqrt(width));
    const found = await both({
      width,
      features,
      k,
      rows,
      W,
      x: normals(r, rows * width),
      bias: new Float32Array(features),
    });
    expectEqual(found, rows, k, 1);
  });

  test('with thousands of equal features the lower indices win, as without the screen', async () => {
    const [width, features, k, rows] = [16, 5000, 20, 8];
    const same = new Float32Array(features * width).fill(1);
    const x = Float32Array.from({ length: rows * width }, (_, i) => (i < width ? 1 : -1));
    const [exact, screened] = await both({
      width,
      features,
      k,
      rows,
      W: same,
      x,
      bias: new Float32Array(features),
    });
    expect(screened).toEqual(exact);
    expect(screened.indices.slice(0, k)).toEqual([...Array(k).keys()]);
    expect(screened.counts.slice(1)).toEqual(Array(rows - 1).fill(0));
  });

  test('rows of zeros and weights of zeros have no active feature', async () => {
    const [width, features, k, rows] = [32, 64, 4, 8];
    const zero = { width, features, k, rows, bias: new Float32Array(features) };
    const [, none] = await both({
      ...zero,
      W: normals(random(1), features * width),
      x: new Float32Array(rows * width),
    });
    expect(none.counts).toEqual(Array(rows).fill(0));
    const [, empty] = await both({
      ...zero,
      W: new Float32Array(features * width),
      x: normals(random(2), rows * width),
    });
    expect(empty.counts).toEqual(Array(rows).fill(0));
  });

  test('listed features come out exact', async () => {
    const [width, features, k, rows] = [48, 300, 8, 16];
    const r = random(4);
    const [exact, screened] = await both({
      ...{ width, features, k, rows },
      W: normals(r, features * width),
      x: normals(r, rows * width),
      bias: normals(r, features),
    });
    expect(screened.listed.counts).toEqual(exact.listed.counts);
    screened.listed.values.forEach((value, i) => {
      expect(value).toBeCloseTo(exact.listed.values[i]!, 4);
    });
  });
});
