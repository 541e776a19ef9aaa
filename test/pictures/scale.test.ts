/** @file Scales put numbers where they belong; numbers are printed as people write them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fixed, linear, logarithmic, number, percent, plain, roundTicks } from '../../src/pictures/scale.ts';

describe('scales', () => {
  test('ends meet ends, the middle the middle', () => {
    const scale = linear([0, 10], [100, 300]);
    expect([scale(0), scale(5), scale(10)]).toEqual([100, 200, 300]);
    const log = logarithmic([1, 100], [0, 200]);
    expect(log(10)).toBeCloseTo(100);
  });

  test('ticks are round, inside, and few', () => {
    expect(roundTicks(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6000000000000001, 0.8, 1]);
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
        (low, span) => {
          const ticks = roundTicks(low, low + span, 5);
          expect(ticks.length).toBeLessThanOrEqual(7);
          for (const tick of ticks) {
            expect(tick).toBeGreaterThanOrEqual(low - span * 1e-6);
            expect(tick).toBeLessThanOrEqual(low + span * (1 + 1e-6));
          }
        },
      ),
    );
  });
});

describe('numbers', () => {
  test.each([
    [0, '0'],
    [0.1234, '0.12'],
    [-0.1234, '−0.12'],
    [12.34, '12'],
    [1234567, '1,234,567'],
    [2.4e-7, '2.4 × 10⁻⁷'],
    [9.96e-5, '1.0 × 10⁻⁴'],
    [5e-324, '4.9 × 10⁻³²⁴'],
    [-1e300, '−1.0 × 10³⁰⁰'],
    [Number.NaN, '–'],
  ])('%d is printed %s', (value, text) => expect(number(value)).toBe(text));

  test('a rounded zero has no sign', () => {
    expect(fixed(-0.001, 2)).toBe('0.00');
    expect(fixed(-0.01, 2)).toBe('−0.01');
  });

  test('shares and plain numbers', () => {
    expect(percent(0.625)).toBe('63 %');
    expect(percent(-0.0625, 1)).toBe('−6.3 %');
    expect(plain(0.5)).toBe('0.5');
    expect(plain(2)).toBe('2');
  });
});
