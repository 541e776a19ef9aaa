import { describe, expect, test } from 'vitest';
import { type Pairs, pairsOf } from '../../src/circuits/examples.ts';
import { random } from '../../src/core/random.ts';
import { bottleneckOf, fitBottleneck } from '../../src/edits/bottleneck.ts';
import { conceptRows } from '../../src/edits/concepts.ts';
import { editRows } from '../../src/edits/rows.ts';
import { run, tinySetting } from '../circuits/support/tiny.ts';
import { planted } from './planted.ts';

const [N, D] = [300, 8];
const stream = random(5);
/** Column 0 says science, 1 says art, 2 says gender; each concept has rows of its own. */
const rowsOf = (column: number, keep: boolean) => {
  const said = Array.from({ length: N }, () => [0, 1, 2].map(() => (stream.uniform() < 0.5 ? 1 : 0)));
  const x_ND = Float64Array.from({ length: N * D }, (_, at) => {
    const [n, d] = [Math.floor(at / D), at % D];
    return (d < 3 ? 3 * said[n]![d]! : 0) + 0.5 * stream.normal();
  });
  return { x_ND, width: D, z_NZ: said.map((of): number => of[column]!), concepts: 1, keep };
};
const concepts = [rowsOf(0, true), rowsOf(1, true), rowsOf(2, false)];
const x_ND = Float64Array.from(concepts.flatMap((concept) => [...concept.x_ND]));
const found = bottleneckOf(concepts);
const [read, write, centre] = [found.read.data, found.write.data, found.centre.data].map((data) =>
  Float64Array.from(data),
) as [Float64Array, Float64Array, Float64Array];
const scores = Array.from({ length: 3 * N }, (_, n) =>
  [0, 1, 2].map((c) =>
    centre.reduce((sum, mean, d) => sum + (x_ND[n * D + d]! - mean) * read[d * 3 + c]!, 0),
  ),
);

describe('a concept bottleneck', () => {
  test('has centred scores of unit variance, one for each concept', () => {
    for (const c of [0, 1, 2]) {
      expect(scores.reduce((sum, of) => sum + of[c]!, 0) / (3 * N)).toBeCloseTo(0, 10);
      expect(scores.reduce((sum, of) => sum + of[c]! ** 2, 0) / (3 * N)).toBeCloseTo(1, 10);
    }
    expect(found.keep).toEqual([1, 1, 0]);
  });
  test('writes back what least squares says of the rows: what is missing is orthogonal to every score', () => {
    for (const c of [0, 1, 2])
      for (const d of [0, 2, 5]) {
        let product = 0;
        scores.forEach((of, n) => {
          const said = of.reduce((sum, score, k) => sum + score * write[k * D + d]!, 0);
          product += (of[c]! * (x_ND[n * D + d]! - centre[d]! - said)) / (3 * N);
        });
        expect(Math.abs(product)).toBeLessThan(1e-7);
      }
  });
  test('leaves the kept concepts in the rows, and of the dropped one nearly nothing', () => {
    const change = { kind: 'bottleneck', site: 'x', strength: 1, residual: 0, ...found } as const;
    /** Share of the difference of means between the rows that say a concept and those that do not. */
    const left = ({ x_ND, z_NZ }: (typeof concepts)[number], column: number) => {
      const edited = editRows(change, { x_ND, width: D });
      const apart = (rows: Float64Array) =>
        z_NZ.reduce((sum, z, n) => sum + (2 * z - 1) * (rows[n * D + column]! - centre[column]!), 0);
      return apart(edited) / apart(x_ND);
    };
    expect(left(concepts[0]!, 0)).toBeGreaterThan(0.85);
    expect(left(concepts[1]!, 1)).toBeGreaterThan(0.85);
    expect(Math.abs(left(concepts[2]!, 2))).toBeLessThan(0.1);
  });
});

describe('fitted to tasks', () => {
  const { task } = tinySetting(11);

  // Where the concepts share an axis, standardised probes read it as much as their own: states x0, x1 have the scores (2, 1) and (1, 2),
  // so that what is written for the kept one is (2 x1 - x0)/3.
  test.each([
    ['apart', 0, 0, 1],
    ['with a shared axis', 0.3, -1 / 3, 4 / 3],
  ])('of concepts %s it leaves what scores and least squares say', async (_, shared, dropped, kept) => {
    const { network, tasks } = planted(task, shared);
    const [one, two] = tasks.map((of) => pairsOf(of.name, of.train)) as [Pairs, Pairs];
    const concepts = [
      { pairs: one, keep: false },
      { pairs: two, keep: true },
    ];
    const change = await fitBottleneck(network, 'x', concepts, run);
    expect(change.positions).toEqual({ skipFirst: true });
    /** Share of the concept's own axis, which its answers read, that is left between the sides of its pairs. */
    const left = async (pairs: Pairs, axis: number) => {
      const rows = await conceptRows(network.graph, 'x', pairs, run);
      const apart = (x_ND: ArrayLike<number>) =>
        Array.from(rows.z_NZ).reduce((sum, z, n) => sum + (2 * z - 1) * x_ND[n * 4 + axis]!, 0);
      return apart(editRows(change, rows)) / apart(rows.x_ND);
    };
    expect(await left(one, 0)).toBeCloseTo(dropped, 4);
    expect(await left(two, 1)).toBeCloseTo(kept, 4);
  });
  test('with no concept that stays it is refused, unless the rest of the state stays', async () => {
    const { network, tasks } = planted(task);
    const dropped = [{ pairs: pairsOf(tasks[0]!.name, tasks[0]!.train), keep: false }];
    await expect(fitBottleneck(network, 'x', dropped, run)).rejects.toMatchObject({
      code: 'edit.no-concept',
    });
    expect((await fitBottleneck(network, 'x', dropped, run, { residual: 1 })).keep).toEqual([0]);
  });
});

describe('what is refused', () => {
  const refuse = (change: object, code: string) =>
    expect(() => bottleneckOf([concepts[1]!, { ...concepts[0]!, ...change }])).toThrowError(
      expect.objectContaining({ code }),
    );
  test('a concept with one value', () => refuse({ z_NZ: new Array(N).fill(1) }, 'edit.one-value'));
  test('labels for other rows', () => refuse({ z_NZ: [0, 1, 0] }, 'edit.shape'));
  test('rows of another site', () =>
    refuse({ width: D / 2, z_NZ: rowsOf(0, true).z_NZ.concat(rowsOf(0, true).z_NZ) }, 'edit.shape'));
});
