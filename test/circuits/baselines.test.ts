import { expect, test } from 'vitest';
import { baselineState } from '../../src/circuits/baselines.ts';
import { featureState } from '../../src/circuits/feature-state.ts';
import { randomDictionary } from '../dictionaries/support.ts';

const shape = { examples: 1, positions: 2, width: 4 };
const x_BTD = Float32Array.of(1, 2, 3, 6, 0, 0, 0, 8);
const zero = (overrides: Parameters<typeof randomDictionary>[1]) => {
  const d = randomDictionary(
    { width: 4, features: 6, k: 1 },
    { b_dec_D: Float32Array.of(1, 0, -1, 2), ...overrides },
  );
  const code = { slots: 1, indices_BK: Int32Array.of(3, 4), values_BK: Float32Array.of(5, 6) };
  return baselineState('zero', featureState(d, x_BTD, code, shape), d);
};

test.each([
  ['without a row norm', {}, [1, 0, -1, 2, 1, 0, -1, 2]],
  // Scales are √50 / √2 and 8 / √2.
  [
    'with a row norm',
    { rowNorm: Math.SQRT2 },
    [5, 0, -5, 10, 4 * Math.SQRT2, 0, -4 * Math.SQRT2, 8 * Math.SQRT2],
  ],
  // Means are 3 and 2, scales √14 / 1 and √48 / 1.
  [
    'with a row norm without the mean',
    { rowNorm: 1, rowCentred: true as const },
    [3 + Math.sqrt(14), 3, 3 - Math.sqrt(14), 3 + 2 * Math.sqrt(14)].concat([
      2 + Math.sqrt(48),
      2,
      2 - Math.sqrt(48),
      2 + 2 * Math.sqrt(48),
    ]),
  ],
])('zero is what the dictionary gives without any feature: %s', (_name, overrides, expected) => {
  const state = zero(overrides);
  expect([...state.values_BTK]).toEqual([0, 0]);
  state.x_BTD.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, 5);
  });
});
