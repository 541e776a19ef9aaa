import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { random } from '../../src/core/random.ts';
import { describePolytopes, polytopes } from '../../src/superposition/geometry.ts';
import { measureToy, stickyFraction } from '../../src/superposition/measures.ts';
import type { ToyWeights } from '../../src/superposition/types.ts';

const model = (rows: readonly (readonly number[])[]): ToyWeights => ({
  features: rows.length,
  neurons: rows[0]!.length,
  W_NM: Float64Array.from(rows.flat()),
  b_N: new Float64Array(rows.length),
});
const polygon = (n: number) =>
  Array.from({ length: n }, (_, k) => [Math.cos((2 * Math.PI * k) / n), Math.sin((2 * Math.PI * k) / n)]);
const antiprism = Array.from({ length: 8 }, (_, k) => {
  const [z, r] = [Math.sqrt(1 / 3), Math.sqrt(2 / 3)];
  const angle = (Math.PI / 2) * k + (k < 4 ? 0 : Math.PI / 4);
  return [r * Math.cos(angle), r * Math.sin(angle), k < 4 ? z : -z];
});
const tetrahedron = [
  [1, 1, 1],
  [1, -1, -1],
  [-1, 1, -1],
  [-1, -1, 1],
].map((row) => row.map((x) => x / Math.sqrt(3)));

/** Unit vectors of a polytope, its name and its dimensionality m/n. */
const solids: readonly [string, readonly (readonly number[])[], number][] = [
  ['digon', [[1], [-1]], 1 / 2],
  ['triangle', polygon(3), 2 / 3],
  ['tetrahedron', tetrahedron, 3 / 4],
  ['pentagon', polygon(5), 2 / 5],
  ['hexagon', polygon(6), 1 / 3],
  ['square antiprism', antiprism, 3 / 8],
];

/** A random orthogonal matrix [m, m] by Gram–Schmidt. */
function rotation(m: number, seed: number): number[][] {
  const r = random(seed);
  const rows: number[][] = [];
  while (rows.length < m) {
    let v = Array.from({ length: m }, () => r.normal());
    for (const u of rows) {
      const along = u.reduce((sum, x, k) => sum + x * v[k]!, 0);
      v = v.map((x, k) => x - along * u[k]!);
    }
    const size = Math.hypot(...v);
    rows.push(v.map((x) => x / size));
  }
  return rows;
}

describe('geometry', () => {
  test.each(solids)('a %s has its name and its dimensionality', (name, rows, value) => {
    const weights = model(rows);
    expect(polytopes(weights)).toMatchObject([{ name, dimensions: rows[0]!.length }]);
    for (const d of measureToy(weights).dimensionality_N) expect(d).toBeCloseTo(value, 12);
    expect(stickyFraction(value)?.name).toBe(name);
  });

  test('names survive rotation, reordering, small changes, and another polytope in dimensions of its own', () => {
    fc.assert(
      fc.property(fc.nat(5), fc.nat(5), fc.nat(1000), (a, b, seed) => {
        const [first, second] = [solids[a]!, solids[b]!];
        const [m1, m2] = [first[1][0]!.length, second[1][0]!.length];
        const turn = rotation(m1 + m2, seed);
        const r = random(seed);
        const padded = [
          ...first[1].map((row) => [...row, ...new Array<number>(m2).fill(0)]),
          ...second[1].map((row) => [...new Array<number>(m1).fill(0), ...row]),
        ];
        const rows = r
          .shuffle(padded)
          .map((row) =>
            turn.map((u) => 1.1 * u.reduce((sum, x, k) => sum + x * row[k]!, 0) + 0.01 * r.normal()),
          );
        const names = polytopes(model(rows)).map(({ name }) => name);
        expect(names.sort()).toEqual([first[0], second[0]].sort());
      }),
      { numRuns: 60 },
    );
  });

  test('what has no name gets its numbers, and features that are not there are left out', () => {
    const rows = [...polygon(7), [0.1, 0.2]];
    expect(describePolytopes(polytopes(model(rows)))).toBe('heptagon');
    const bent = [
      [1, 0],
      [0.6, 0.8],
      [0.8, -0.6],
    ];
    expect(describePolytopes(polytopes(model(bent)))).toBe('3 in 2');
    expect(describePolytopes(polytopes(model([[0.1, 0]])))).toBe('nothing is represented');
  });

  test('measures of a neuron with four equal features, and of one with a single one', () => {
    const { meanings_M, interference_N, featuresPerDimension, represented } = measureToy(
      model([
        [1, 0],
        [1, 0],
        [-1, 0],
        [1, 0],
        [0, 2],
      ]),
    );
    expect([...meanings_M]).toEqual([4, 1]);
    expect([...interference_N]).toEqual([3, 3, 3, 3, 0]);
    expect(featuresPerDimension).toBe(4);
    expect(represented).toEqual([0, 1, 2, 3, 4]);
  });
});
