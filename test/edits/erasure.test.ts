import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fitProbe, probeAccuracy } from '../../src/activations/probe.ts';
import { random } from '../../src/core/random.ts';
import { f32 } from '../../src/core/tensor.ts';
import { type Eraser, erase, eraseAt, type LabelledRows } from '../../src/edits/erasure/eraser.ts';
import { inlp } from '../../src/edits/erasure/inlp.ts';
import { leace } from '../../src/edits/erasure/leace.ts';
import { meanDifference } from '../../src/edits/erasure/mean-difference.ts';
import { largestCorrelation } from '../../src/edits/erasure/moments.ts';
import { graphBuilder } from '../../src/graph/build.ts';
import { runOnce } from '../../src/runtime/session.ts';

/** Rows of two groups: correlated noise, and a shift of the second group along two directions. */
function groups(seed: number, rows = 400, width = 8): LabelledRows {
  const chance = random(seed);
  const mix = Array.from({ length: width * width }, () => chance.normal());
  const x_ND = new Float64Array(rows * width);
  const z_NZ = new Float64Array(rows);
  for (let n = 0; n < rows; n++) {
    const noise = Array.from({ length: width }, () => chance.normal());
    z_NZ[n] = chance.uniform() < 0.4 ? 1 : 0;
    for (let d = 0; d < width; d++) {
      x_ND[n * width + d] = 3 + noise.reduce((sum, v, j) => sum + v * mix[d * width + j]!, 0);
    }
    x_ND[n * width]! += 2.5 * z_NZ[n]!;
    x_ND[n * width + 1]! -= 1.5 * z_NZ[n]!;
  }
  return { x_ND, width, z_NZ, concepts: 1 };
}

const erasedRows = (eraser: Eraser, source: LabelledRows): LabelledRows => ({
  ...source,
  x_ND: erase(eraser, source.x_ND),
});
const moved = (eraser: Eraser, { x_ND }: LabelledRows) =>
  erase(eraser, x_ND).reduce((sum, value, i) => sum + (value - x_ND[i]!) ** 2, 0);

describe('LEACE', () => {
  test('leaves no correlation, and no linear probe beats the constant', () => {
    const source = groups(1);
    expect(largestCorrelation(source)).toBeGreaterThan(0.1);
    const before = fitProbe(source.x_ND, source.z_NZ, source.width, 0);
    const erased = erasedRows(leace(source), source);
    expect(largestCorrelation(erased)).toBeLessThan(1e-10);
    const probe = fitProbe(erased.x_ND, erased.z_NZ, erased.width, 0);
    const p = Array.from(source.z_NZ).reduce((sum, z) => sum + z, 0) / source.z_NZ.length;
    const constant = -p * Math.log(p) - (1 - p) * Math.log(1 - p);
    expect(constant - probe.loss).toBeLessThan(1e-12);
    expect(constant - before.loss).toBeGreaterThan(0.02);
    expect(probeAccuracy(probe, erased.x_ND, erased.z_NZ)).toBe(1 - p);
  });

  test('keeps the mean, takes one direction for one concept, and is a projection', () => {
    const source = groups(2);
    const eraser = leace(source);
    expect(eraser.rank).toBe(1);
    const once = erase(eraser, source.x_ND);
    const twice = erase(eraser, once);
    const drift = [0, 0];
    for (let i = 0; i < once.length; i++) {
      drift[0]! += once[i]! - source.x_ND[i]!;
      drift[1] = Math.max(drift[1]!, Math.abs(twice[i]! - once[i]!));
    }
    expect(Math.abs(drift[0]!)).toBeLessThan(1e-8);
    expect(drift[1]).toBeLessThan(1e-10);
  });

  test('moves the rows less than the difference in means, which guards as well', () => {
    for (const seed of [3, 4, 5]) {
      const source = groups(seed);
      const plain = meanDifference(source);
      expect(largestCorrelation(erasedRows(plain, source))).toBeLessThan(1e-10);
      expect(moved(leace(source), source)).toBeLessThan(moved(plain, source));
    }
  });

  test('erased rows of three classes are those of the concept-erasure package', () => {
    const oracle = JSON.parse(readFileSync(new URL('../oracles/leace.json', import.meta.url), 'utf8'));
    const z_NZ = (oracle.labels_N as number[]).flatMap((label) =>
      [0, 1, 2].map((z) => (z === label ? 1 : 0)),
    );
    const eraser = leace({ x_ND: oracle.x_ND, width: oracle.width, z_NZ, concepts: 3 });
    expect(eraser.rank).toBe(2);
    const erased = erase(eraser, oracle.x_ND);
    let worst = 0;
    for (let i = 0; i < erased.length; i++)
      worst = Math.max(worst, Math.abs(erased[i]! - oracle.erased_ND[i]));
    expect(worst).toBeLessThan(1e-9);
  });

  test('a column that never varies stays; activations that do not vary at all are refused', () => {
    const { x_ND, z_NZ } = groups(6);
    const wide = Float64Array.from({ length: z_NZ.length * 9 }, (_, i) =>
      i % 9 === 8 ? 7 : x_ND[Math.floor(i / 9) * 8 + (i % 9)]!,
    );
    const source = { x_ND: wide, width: 9, z_NZ, concepts: 1 };
    const erased = erasedRows(leace(source), source);
    expect(largestCorrelation(erased)).toBeLessThan(1e-10);
    expect(erased.x_ND[8]).toBeCloseTo(7, 10);
    expect(() =>
      leace({ x_ND: new Float64Array(16).fill(2), width: 2, z_NZ: [0, 1, 0, 1, 0, 1, 0, 1], concepts: 1 }),
    ).toThrow(expect.objectContaining({ code: 'edit.no-carrier' }));
  });
});

test('INLP goes on until the probe knows nothing, and takes more than one direction', async () => {
  const source = groups(7);
  const eraser = await inlp(source);
  expect(eraser.rank).toBeGreaterThan(0);
  const erased = erasedRows(eraser, source);
  const probe = fitProbe(erased.x_ND, erased.z_NZ, erased.width);
  const p = Array.from(source.z_NZ).reduce((sum, z) => sum + z, 0) / source.z_NZ.length;
  expect(-p * Math.log(p) - (1 - p) * Math.log(1 - p) - probe.loss).toBeLessThan(1e-3);
  // Its directions are orthonormal.
  const { U_DK, rank, width } = eraser;
  for (let a = 0; a < rank; a++) {
    for (let b = 0; b <= a; b++) {
      let dot = 0;
      for (let d = 0; d < width; d++) dot += U_DK[d * rank + a]! * U_DK[d * rank + b]!;
      expect(dot).toBeCloseTo(a === b ? 1 : 0, 12);
    }
  }
});

test('a logistic probe finds the weights that made the labels', () => {
  const chance = random(8);
  const rows = 20000;
  const x = Float64Array.from({ length: rows * 2 }, () => chance.normal());
  const labels = Float64Array.from({ length: rows }, (_, n) =>
    chance.uniform() < 1 / (1 + Math.exp(-(1.5 * x[2 * n]! - 0.5 * x[2 * n + 1]! + 0.3))) ? 1 : 0,
  );
  const { w_D, b } = fitProbe(x, labels, 2, 0);
  expect(w_D[0]).toBeCloseTo(1.5, 1);
  expect(w_D[1]).toBeCloseTo(-0.5, 1);
  expect(b).toBeCloseTo(0.3, 1);
});

test('in a graph it does to every position what it does to rows', async () => {
  const source = groups(9);
  const eraser = leace(source);
  const b = graphBuilder();
  const x = b.input('x', 'float32', ['batch', 'position', 8]);
  b.site('residual', b.op('Identity', [x]));
  b.site('out', b.op('Identity', ['residual']));
  const graph = eraseAt(b.finish(['out']), 'residual', eraser);
  const rows = source.x_ND as Float64Array;
  const { out } = await runOnce(graph, { x: f32([2, 3, 8], rows.slice(0, 48)) }, { threads: 1 });
  const expected = erase(eraser, rows.slice(0, 48));
  for (let i = 0; i < 48; i++) expect(out!.data[i] as number).toBeCloseTo(expected[i]!, 4);
});

test('a concept with one value and lengths that do not fit are refused', () => {
  const { x_ND, width, z_NZ } = groups(10);
  const code = (run: () => unknown) => {
    try {
      run();
      return 'nothing thrown';
    } catch (error) {
      return (error as { code?: string }).code;
    }
  };
  expect(code(() => leace({ x_ND, width, z_NZ: z_NZ as Float64Array, concepts: 2 }))).toBe('edit.shape');
  const same = new Float64Array(z_NZ.length).fill(1);
  expect(code(() => meanDifference({ x_ND, width, z_NZ: same, concepts: 1 }))).toBe('edit.one-value');
});
