/** @file The sink rule: its threshold and its mask, by properties. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keepMask, medianOf, rowNorms, sinkThreshold } from '../../src/activations/sinks.ts';

const norms = fc.float32Array({ minLength: 1, maxLength: 300, min: 0, max: 1e5, noNaN: true });

describe('the threshold', () => {
  test('never leaves out more than the share, and never anything below ratio × median', () => {
    fc.assert(
      fc.property(
        norms,
        fc.constantFrom(0, 0.001, 0.05, 0.5, 1),
        fc.constantFrom(1, 7),
        (values, share, ratio) => {
          const threshold = sinkThreshold(values, { ratio, share });
          expect(values.filter((n) => n > threshold).length).toBeLessThanOrEqual(share * values.length);
          expect(threshold).toBeGreaterThanOrEqual(ratio * medianOf(values));
          // It is not higher than it needs to be: lowered below it, the share or the ratio is broken.
          const lower = values.filter((n) => n >= threshold).length;
          expect(
            threshold === ratio * medianOf(values) ||
              lower > share * values.length ||
              threshold === Math.min(...values),
          ).toBe(true);
        },
      ),
    );
  });
  test('does not depend on the order', () => {
    fc.assert(
      fc.property(norms, (values) => {
        const rule = { ratio: 7, share: 0.01 };
        expect(sinkThreshold(values.slice().reverse(), rule)).toBe(sinkThreshold(values, rule));
      }),
    );
  });
  test('a thousand ordinary norms and one of a sink', () => {
    const values = Float32Array.from({ length: 1001 }, (_, i) => (i === 500 ? 26_000 : 130 + (i % 20)));
    expect(sinkThreshold(values, { ratio: 7, share: 0.001 })).toBe(7 * 140);
  });
});

test('norms and mask of rows', () => {
  const rows = Float32Array.of(3, 4, 0, 0, 6, 8, 30, 40);
  expect(Array.from(rowNorms(rows, 2))).toEqual([5, 0, 10, 50]);
  expect(Array.from(keepMask(rows, 2, [0, 1, 2, 3], 10))).toEqual([0, 1, 1, 0]);
});
