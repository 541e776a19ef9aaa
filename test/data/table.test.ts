/** @file Tables from CSV: types inferred, missing cells known, faults named by row and column, two values of a column. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { binaryColumn, readTable, type TableColumn } from '../../src/data/table.ts';
import { temporaryFolder } from '../support/temporary.ts';

const folder = temporaryFolder();
beforeAll(() => mkdirSync(folder, { recursive: true }));
let count = 0;
const read = (text: string) => {
  const path = join(folder, `${count++}.csv`);
  writeFileSync(path, text);
  return readTable(path, { progress: silent });
};
const shown = (column: TableColumn) =>
  column.kind === 'number'
    ? [...column.values_N].map((v) => (Number.isNaN(v) ? undefined : v))
    : [...column.values_N].map((v) => column.levels[v]);

describe('reading', () => {
  test('numbers, categories, two numbers as categories, missing cells', async () => {
    const { columns, rows } = await read(
      'age, job ,union\n30,clerk,0\nNA,"sales, retail",1\n1e2,?,0\n-4,clerk,\n',
    );
    expect(rows).toBe(4);
    expect(columns.map(({ name, kind }) => [name, kind])).toEqual([
      ['age', 'number'],
      ['job', 'category'],
      ['union', 'category'],
    ]);
    expect(columns.map(shown)).toEqual([
      [30, undefined, 100, -4],
      ['clerk', 'sales, retail', undefined, 'clerk'],
      ['0', '1', '0', undefined],
    ]);
  });

  test.each([
    [';', 'a;b\n1;2\n3;4\n5;6\n'],
    ['tab', 'a\tb\n1\t2\n3\t4\n5\t6\n'],
    ['a byte order mark and CRLF', '\uFEFFa,b\r\n1,2\r\n3,4\r\n5,6\r\n'],
  ])('%s', async (_, text) => {
    expect((await read(text)).columns.map(shown)).toEqual([
      [1, 3, 5],
      [2, 4, 6],
    ]);
  });

  test('what was written comes back', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.tuple(
            fc.double({ noNaN: true, noDefaultInfinity: true }),
            fc.stringMatching(/^[xyz, "]{0,4}w$/),
          ),
          {
            minLength: 3,
            maxLength: 20,
          },
        ),
        async (cells) => {
          const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
          const text = `n,t\n${cells.map(([n, t]) => `${n},${quoted(t)}`).join('\n')}\n`;
          const { columns } = await read(text);
          const expected = [cells.map(([n]) => n), cells.map(([, t]) => t)];
          expect(columns.map(shown).map((column) => column.map(String))).toEqual(
            expected.map((column) => column.map(String)),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  test.each([
    ['table.cell', 'age\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n1o\n12\n', /row 12, column "age": "1o" is no number/],
    ['table.form', 'a,b\n1,2\n3\n', /line 3/],
    ['table.form', 'a,b\n1,"2\n', /[Qq]uote/],
    ['table.columns', 'a,a\n1,2\n', /"a"/],
    ['table.columns', 'a,\n1,2\n', /no name/],
    ['table.empty', 'a,b\n', /no rows/],
  ])('%s', async (code, text, message) => {
    await expect(read(text)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test('a file that is not there', async () => {
    await expect(readTable(join(folder, 'none.csv'), { progress: silent })).rejects.toMatchObject({
      code: 'file.missing',
    });
  });
});

describe('two values', () => {
  const table = read('pay,job,sex,same\n1,a,f,x\n2,b,m,x\n2,c,m,x\n9,a,f,x\nNA,?,f,x\n');
  const two = async (name: string, atMedian = false) => {
    const { values, bits_N } = binaryColumn(await table, name, atMedian);
    return [values, [...bits_N]];
  };
  test('as they are, one against the others, numbers at their median', async () => {
    expect(await two('sex')).toEqual([
      ['f', 'm'],
      [0, 1, 1, 0, 0],
    ]);
    expect(await two('sex=f')).toEqual([
      ['m', 'f'],
      [1, 0, 0, 1, 1],
    ]);
    expect(await two('job=a')).toEqual([
      ['not a', 'a'],
      [1, 0, 0, 1, -1],
    ]);
    expect(await two('pay', true)).toEqual([
      ['below 2', 'at least 2'],
      [0, 1, 1, 1, -1],
    ]);
  });

  test.each([
    ['table.not-two-values', 'pay', /numbers/, /--median pay/],
    ['table.not-two-values', 'job', /3 values/, /job=a/],
    ['table.no-such-value', 'job=z', /never "z"/, /a, b, c/],
    ['table.one-value', 'same', /same value/, /another column/],
    ['table.unknown-column', 'gender', /no column "gender"/, /sex/],
  ])('%s', async (code, name, message, hint) => {
    const loaded = await table;
    expect(() => binaryColumn(loaded, name, false)).toThrow(
      expect.objectContaining({
        code,
        message: expect.stringMatching(message),
        hint: expect.stringMatching(hint),
      }),
    );
  });

  test('a split at the median has both sides, whatever the numbers', () =>
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 3, maxLength: 30 }), (numbers) => {
        fc.pre(new Set(numbers).size > 1);
        const { bits_N } = binaryColumn(
          {
            ...{ source: '', attribution: '', rows: numbers.length },
            columns: [{ kind: 'number', name: 'n', values_N: Float64Array.from(numbers) }],
          },
          'n',
          true,
        );
        expect(new Set(bits_N).size).toBe(2);
      }),
    ));
});
