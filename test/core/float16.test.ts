/** @file float16: every bit pattern, and rounding against the definition. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { floatsToHalves, HALF_MAX, halves, halvesToFloats } from '../../src/core/float16.ts';

const all = Uint16Array.from({ length: 65_536 }, (_, i) => i);

describe('float16', () => {
  test('known numbers', () => {
    const bits = [0x0000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x0400, 0x3555, 0x7c00, 0xfc00];
    const numbers = [
      0,
      1,
      -2,
      HALF_MAX,
      2 ** -24,
      1023 * 2 ** -24,
      2 ** -14,
      0.333251953125,
      Infinity,
      -Infinity,
    ];
    expect(Array.from(halvesToFloats(Uint16Array.from(bits)))).toEqual(numbers);
    expect(halves[0x7e00]).toBeNaN();
  });

  test('every float16 survives the way to float32 and back', () => {
    const back = floatsToHalves(halvesToFloats(all));
    for (let i = 0; i < 65_536; i++) {
      if (Number.isNaN(halves[i])) expect(Number.isNaN(halves[back[i]!])).toBe(true);
      else if (back[i] !== i) expect.fail(`${i} became ${back[i]}`);
    }
  });

  test('any float32 goes to the nearest, ties to even, overflow to infinity', () => {
    const finite = all.filter((i) => i < 0x7c00);
    const half = (x: number) => floatsToHalves(Float32Array.of(x))[0]!;
    fc.assert(
      fc.property(
        fc.oneof(
          fc.float({ noNaN: true }),
          fc.float({ min: -1, max: 1, noNaN: true }),
          fc.float({ min: Math.fround(2 ** -26), max: Math.fround(2 ** -13), noNaN: true }),
          // Exact ties between neighbours.
          fc.nat(0x7bfe).map((i) => (halves[i]! + halves[i + 1]!) / 2),
        ),
        (x) => {
          const value = Math.abs(x);
          let low = 0;
          let high = finite.length - 1;
          while (low < high) {
            const middle = (low + high + 1) >> 1;
            if (halves[middle]! <= value) low = middle;
            else high = middle - 1;
          }
          const below = halves[low]!;
          const above = low === 0x7bff ? 65_536 : halves[low + 1]!;
          const up = value - below > above - value || (value - below === above - value && (low & 1) === 1);
          const expected = value >= 65_536 ? 0x7c00 : up ? low + 1 : low;
          expect(half(x)).toBe(expected | (x < 0 || Object.is(x, -0) ? 0x8000 : 0));
        },
      ),
      { numRuns: 3000 },
    );
    expect(half(65_519.99)).toBe(0x7bff);
    expect(half(65_520)).toBe(0x7c00);
  });
});
