/** @file Small random dictionaries and data for the tests of this room. */
import { type Random, random } from '../../src/core/random.ts';
import type { Dictionary } from '../../src/dictionaries/types.ts';

export const normals = (r: Random, n: number) => Float32Array.from({ length: n }, () => r.normal());

/** A random dictionary with unit decoder rows. */
export function randomDictionary(
  sizes: { width: number; features: number; k: number },
  overrides: Partial<Dictionary> = {},
  seed = 5,
): Dictionary {
  const r = random(seed);
  const { width, features, k } = sizes;
  const W_dec_FD = normals(r, features * width);
  for (let f = 0; f < features; f++) {
    const row = W_dec_FD.subarray(f * width, (f + 1) * width);
    const norm = Math.hypot(...row);
    row.forEach((value, d) => {
      row[d] = value / norm;
    });
  }
  return {
    architecture: 'topk',
    site: 'site',
    activation: { kind: 'topk', k },
    modelHash: 'hash',
    width,
    features,
    W_enc_FD: normals(r, features * width),
    b_enc_F: normals(r, features),
    W_dec_FD,
    b_dec_D: normals(r, width),
    sinkNorm: 1e6,
    ...overrides,
  };
}

/** Pre-activations of one row, in float64. */
export function preActivations(d: Dictionary, row: ArrayLike<number>): number[] {
  return Array.from({ length: d.features }, (_, f) => {
    let sum = d.b_enc_F[f]!;
    for (let j = 0; j < d.width; j++) sum += d.W_enc_FD[f * d.width + j]! * row[j]!;
    return sum;
  });
}

/** Rows that are sums of a few of `directions` unit directions with positive weights, plus a mean and some noise. */
export function sparseData(
  seed: number,
  sizes: { rows: number; width: number; directions: number; active: number },
) {
  const r = random(seed);
  const { rows, width, directions, active } = sizes;
  const truth = randomDictionary({ width, features: directions, k: 1 }, {}, seed + 1).W_dec_FD;
  const x_ND = new Float32Array(rows * width);
  for (let i = 0; i < rows; i++) {
    for (let a = 0; a < active; a++) {
      const f = r.integer(directions);
      const weight = 2 + r.uniform();
      for (let d = 0; d < width; d++) x_ND[i * width + d]! += weight * truth[f * width + d]!;
    }
    for (let d = 0; d < width; d++) x_ND[i * width + d]! += 1 + 0.01 * r.normal();
  }
  return { x_ND, truth };
}
