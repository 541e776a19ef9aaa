/** @file Rank correlations against closed forms and numbers of SciPy. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { partialSpearman, spearman } from '../../src/core/statistics.ts';

test('Spearman: monotone is 1, ties share their mean rank, a single pair says nothing', () => {
  expect(spearman([1, 2, 3, 4], [1, 8, 27, 64])).toBeCloseTo(1, 12);
  expect(spearman([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1, 12);
  // scipy.stats.spearmanr([1, 2, 2, 4], [1, 3, 2, 2]): 0.5
  expect(spearman([1, 2, 2, 4], [1, 3, 2, 2])).toBeCloseTo(0.5, 12);
  expect(spearman([1], [2])).toBeNaN();
  // Numbers that are none come to an end.
  expect(spearman([Number.NaN, Number.NaN, 1], [1, 2, 3])).toBeTypeOf('number');
});

test('partial Spearman given one variable is (r_xy − r_xz r_yz)/√((1 − r_xz²)(1 − r_yz²))', () => {
  const values = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(values, values, values, (x, y, z) => {
      const [xy, xz, yz] = [spearman(x, y), spearman(x, z), spearman(y, z)];
      const scale = (1 - xz ** 2) * (1 - yz ** 2);
      fc.pre(Number.isFinite(scale) && scale > 1e-6);
      expect(partialSpearman(x, y, [z])).toBeCloseTo((xy - xz * yz) / Math.sqrt(scale), 8);
    }),
  );
});

test('partial Spearman: nothing given is Spearman; given a copy of x nothing is left', () => {
  const [x, y] = [
    [3, 1, 4, 1, 5, 9, 2, 6],
    [2, 7, 1, 8, 2, 8, 1, 8],
  ];
  expect(partialSpearman(x, y, [])).toBeCloseTo(spearman(x, y), 12);
  expect(partialSpearman(x, y, [x.map((v) => 2 * v)])).toBeNaN();
  // A control given twice changes nothing.
  const z = [1, 2, 3, 4, 5, 6, 7, 8];
  expect(partialSpearman(x, y, [z, z])).toBeCloseTo(partialSpearman(x, y, [z]), 12);
});
