/** @file Symbolic sizes: the algebra agrees with numbers put in for the names. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  addDims,
  broadcastShapes,
  divideDims,
  multiplyDims,
  neverNegative,
  productDims,
  subtractDims,
} from '../../src/graph/dims.ts';
import type { Dim } from '../../src/graph/types.ts';

const values: Record<string, number> = { batch: 3, position: 5, n: 7 };
/** Value of a size with numbers put in. */
const at = (dim: Dim, numbers: readonly number[] = Object.values(values)): number =>
  typeof dim === 'number' ? dim : Function(...Object.keys(values), `return ${dim}`)(...numbers);

const dim: fc.Arbitrary<Dim> = fc.oneof(
  fc.integer({ min: -3, max: 9 }),
  fc.constantFrom('batch', 'position', 'n'),
);
const expression = fc.array(fc.tuple(dim, fc.constantFrom('add', 'multiply', 'subtract')), {
  minLength: 1,
  maxLength: 5,
});
const fold = (steps: readonly (readonly [Dim, string])[]): Dim =>
  steps.reduce<Dim>(
    (a, [b, how]) =>
      how === 'add' ? addDims(a, b) : how === 'multiply' ? multiplyDims(a, b) : subtractDims(a, b),
    1,
  );

test('sums, differences and products keep their value', () => {
  fc.assert(
    fc.property(expression, expression, (a, b) => {
      const [x, y] = [fold(a), fold(b)];
      expect(at(addDims(x, y)) === at(x) + at(y)).toBe(true);
      expect(at(subtractDims(x, y)) === at(x) - at(y)).toBe(true);
      expect(at(multiplyDims(x, y)) === at(x) * at(y)).toBe(true);
      expect(multiplyDims(x, y) === multiplyDims(y, x)).toBe(true);
      expect(addDims(x, y) === addDims(y, x)).toBe(true);
    }),
  );
});

test('division undoes multiplication by one term, and admits when it cannot tell', () => {
  fc.assert(
    fc.property(expression, fc.constantFrom<Dim>(2, 'batch', 'position'), (a, b) => {
      const x = fold(a);
      fc.pre(x !== 0);
      expect(divideDims(multiplyDims(x, b), b)).toBe(x);
    }),
  );
  expect(divideDims('batch', 'position')).toBeUndefined();
  expect(divideDims('3*batch', 2)).toBeUndefined();
  expect(divideDims('batch', 'batch+1')).toBeUndefined();
});

test('what never falls below 0 does not, whatever the sizes; differences may', () => {
  const sizes = fc.tuple(...Object.keys(values).map(() => fc.integer({ min: 1, max: 6 })));
  fc.assert(
    fc.property(expression, sizes, (steps, numbers) => {
      const x = fold(steps);
      fc.pre(neverNegative(x));
      expect(at(x, numbers)).toBeGreaterThanOrEqual(0);
    }),
  );
  expect(
    [0, 3, 'n', '?rows', 'n-1', 'batch+n-2', '2*batch*n-2'].filter((one) => !neverNegative(one)),
  ).toEqual([]);
  expect([-1, 'n-2', 'n-batch', '2*n-n*n', '-n', '?rows-1'].filter(neverNegative)).toEqual([]);
});

test('broadcasting', () => {
  expect(broadcastShapes(['batch', 1, 3], ['position', 1])).toEqual(['batch', 'position', 3]);
  expect(broadcastShapes([2], [3])).toBeUndefined();
  expect(broadcastShapes(['batch'], [4])).toEqual([4]);
  const unknown = broadcastShapes(['batch'], ['position'])![0];
  expect(unknown).not.toBe('batch');
  expect(unknown).toBe(broadcastShapes(['position'], ['batch'])![0]);
  expect(productDims(['batch', 2, 'position'])).toBe('2*batch*position');
});

test('a size made of unknown sizes, again and again, keeps a short name that tells sizes apart', () => {
  let [a, b]: string[] = ['first', 'second'];
  for (let i = 0; i < 40; i++) {
    const joined = broadcastShapes([`${a}`], [`${b}`])![0] as string;
    expect(joined).toBe(broadcastShapes([`${b}`], [`${a}`])![0]);
    expect(joined.length).toBeLessThan(120);
    expect(joined).not.toBe(broadcastShapes([`${a}`], ['third'])![0]);
    [a, b] = [joined, `${joined}+${b!.length}*other`];
  }
});
