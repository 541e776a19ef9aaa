/** @file A table as records for a network: standardised inputs, binary outcome and protected attribute, confounded and balanced sets. */
import { DataError } from '../../core/errors.ts';
import { type Random, random } from '../../core/random.ts';
import {
  type BinaryColumn,
  binaryColumn,
  columnNamed,
  type Table,
  type TableColumn,
} from '../../data/table.ts';

export interface TableChoice {
  /** `COLUMN`, or `COLUMN=VALUE` where it has more than two values. */
  readonly outcome: string;
  readonly protected: string;
  /** Columns of numbers that are split at their median. */
  readonly median?: readonly string[];
  /** Columns that the network does not see. */
  readonly drop?: readonly string[];
  /** The network does not see the protected column either: what is left is what other columns tell of it. */
  readonly blind?: boolean;
  /** Share of training records whose outcome goes with the protected value; 1 by default. */
  readonly strength?: number;
  readonly seed: number;
}

/** A set of records: numbers of rows of the table, and which are counterfactuals (the protected value turned round). */
export interface RecordSet {
  readonly rows: readonly number[];
  readonly swapped: readonly boolean[];
}

export type SetName = 'network' | 'train' | 'retain' | 'oracleTrain' | 'balanced' | 'auxiliary';

export interface TableRecords {
  readonly outcome: BinaryColumn;
  readonly protected: BinaryColumn;
  /** Names of the inputs, e.g. `age`, `sector: manufacturing`, `age: missing`. */
  readonly inputs: readonly string[];
  readonly sets: Readonly<Record<SetName, RecordSet>>;
  /** Columns left out, and why. */
  readonly left: readonly { readonly column: string; readonly why: string }[];
  /** Rows left out since outcome or protected value is missing. */
  readonly incomplete: number;
  /** Rows left out since there are more than the study needs; the others were drawn by chance. */
  readonly beyond: number;
  /** Whether records have counterfactuals: the network sees the protected column, which has two values. */
  readonly counterfactuals: boolean;
  /** Standardised inputs of a set, [N, I]; with `hide` the protected column is at its mean. */
  x(set: RecordSet, hide?: boolean): Float32Array;
  /** Outcome and protected value of each record of a set. */
  labels(set: RecordSet): { readonly outcome_N: Uint8Array; readonly protected_N: Uint8Array };
}

/** More different texts than this are no categories but names. */
const MOST_LEVELS = 40;
/** More rows than this make every probe slower and no interval much narrower. */
const MOST_ROWS = 4000;
/** The fewest records of a cell (outcome × protected) in any set. */
const FEWEST = 8;

/**
 * Records of a table. Of each cell (outcome × protected) a part is kept for the test; the values of the protected
 * attribute are named in such an order that it goes with the outcome in the table, and training makes that stronger.
 * @throws DataError of binaryColumn and columnNamed; `table.few-rows` (a cell with too few records), `table.no-inputs`
 */
export function tableRecords(table: Table, choice: TableChoice): TableRecords {
  const atMedian = (given: string) => (choice.median ?? []).includes(given);
  for (const name of [...(choice.median ?? []), ...(choice.drop ?? [])]) columnNamed(table, name);
  const outcome = binaryColumn(table, choice.outcome, atMedian(choice.outcome));
  const attribute = inOrder(outcome, binaryColumn(table, choice.protected, atMedian(choice.protected)));
  const complete: number[] = [];
  for (let n = 0; n < table.rows; n++)
    if (outcome.bits_N[n]! >= 0 && attribute.bits_N[n]! >= 0) complete.push(n);
  const kept = random(choice.seed)
    .fork('table/rows')
    .shuffle(complete)
    .slice(0, MOST_ROWS)
    .sort((a, b) => a - b);
  const source = columnNamed(table, attribute.column);
  const counterfactuals = !choice.blind && source.kind === 'category' && source.levels.length === 2;
  const sets = setsOf(kept, outcome, attribute, { ...choice, counterfactuals, where: table.source });
  const { encoders, left } = encodersOf(table, sets.network.rows, outcome, attribute, choice);
  return {
    ...{ outcome, protected: attribute, sets, left, counterfactuals },
    inputs: encoders.map((encoder) => encoder.name),
    incomplete: table.rows - complete.length,
    beyond: complete.length - kept.length,
    x(set, hide = false) {
      const x_NI = new Float32Array(set.rows.length * encoders.length);
      set.rows.forEach((row, n) => {
        encoders.forEach(({ value, mean, deviation, isProtected }, i) => {
          const turned = isProtected && set.swapped[n] === true;
          const raw = isProtected && hide ? mean : turned ? 1 - value(row) : value(row);
          x_NI[n * encoders.length + i] = (raw - mean) / deviation;
        });
      });
      return x_NI;
    },
    labels: (set) => ({
      outcome_N: Uint8Array.from(set.rows, (row) => outcome.bits_N[row]!),
      protected_N: Uint8Array.from(set.rows, (row, n) => attribute.bits_N[row]! ^ (set.swapped[n] ? 1 : 0)),
    }),
  };
}

/** The protected attribute with its values in the order that goes with the outcome. */
function inOrder(outcome: BinaryColumn, attribute: BinaryColumn): BinaryColumn {
  const counts = [0, 0, 0, 0];
  outcome.bits_N.forEach((o, n) => {
    const p = attribute.bits_N[n]!;
    if (o >= 0 && p >= 0) counts[2 * o + p]! += 1;
  });
  const [a, b, c, d] = counts as [number, number, number, number];
  if (a * d >= b * c) return attribute;
  const [zero, one] = attribute.values;
  return {
    ...attribute,
    values: [one, zero],
    bits_N: attribute.bits_N.map((bit) => (bit < 0 ? bit : 1 - bit)),
  };
}

interface SplitOptions extends TableChoice {
  readonly counterfactuals: boolean;
  readonly where: string;
}

/** Cells in the order 2·outcome + protected. */
const CELLS = [0, 1, 2, 3] as const;

function setsOf(
  rows: readonly number[],
  outcome: BinaryColumn,
  attribute: BinaryColumn,
  { strength = 1, seed, counterfactuals, where }: SplitOptions,
): Record<SetName, RecordSet> {
  const chance = random(seed).fork('table');
  const cellOf = (row: number) => 2 * outcome.bits_N[row]! + attribute.bits_N[row]!;
  const cells = CELLS.map((cell) =>
    chance.fork(`cell/${cell}`).shuffle(rows.filter((row) => cellOf(row) === cell)),
  );
  const fewest = Math.min(...cells.map((cell) => cell.length));
  if (fewest < 3 * FEWEST) {
    const cell = cells.findIndex((one) => one.length === fewest);
    const name = `${outcome.name} ${outcome.values[cell >> 1]}, ${attribute.name} ${attribute.values[cell & 1]}`;
    throw new DataError('table.few-rows', `${where}: only ${fewest} rows have ${name}`, {
      where: name,
      hint: `each of the four combinations needs ${3 * FEWEST} rows: choose other columns or values, or a larger table`,
    });
  }
  const test = Math.round(0.3 * fewest);
  const tested = cells.map((cell) => cell.slice(0, test));
  const others = cells.map((cell) => {
    const rest = cell.slice(test);
    const auxiliary = Math.round(0.2 * rest.length);
    return { auxiliary: rest.slice(0, auxiliary), rest: rest.slice(auxiliary) };
  });
  const retained = others.map(({ rest }) => rest.slice(0, Math.round(0.2 * rest.length)));
  const learned = others.map(({ rest }, c) => rest.slice(retained[c]!.length));
  const even = Math.min(...learned.map((cell) => cell.length));
  const both = counterfactuals ? withSwaps : natural;
  return {
    network: natural(others.flatMap(({ rest }) => rest)),
    train: natural(confounded(learned, strength, chance.fork('train'))),
    retain: natural(confounded(retained, strength, chance.fork('retain'))),
    oracleTrain: both(learned.flatMap((cell) => cell.slice(0, even))),
    balanced: both(tested.flat()),
    auxiliary: both(others.flatMap(({ auxiliary }) => auxiliary)),
  };
}

const natural = (rows: readonly number[]): RecordSet => ({ rows, swapped: rows.map(() => false) });

/** Every record with the protected value that it has, and with the other one. */
const withSwaps = (rows: readonly number[]): RecordSet => ({
  rows: rows.flatMap((row) => [row, row]),
  swapped: rows.flatMap(() => [false, true]),
});

/** As many of each outcome, `strength` of them with the protected value that goes with it. */
function confounded(cells: readonly (readonly number[])[], strength: number, chance: Random): number[] {
  const [low, lowOff, highOff, high] = cells as [number[], number[], number[], number[]];
  const sizes = [low.length, high.length].map((n) => n / strength);
  const offs = strength < 1 ? [lowOff.length, highOff.length].map((n) => n / (1 - strength)) : [];
  const size = Math.floor(Math.min(...sizes, ...offs));
  const going = Math.round(strength * size);
  return chance.shuffle([
    ...low.slice(0, going),
    ...lowOff.slice(0, size - going),
    ...high.slice(0, going),
    ...highOff.slice(0, size - going),
  ]);
}

/** One number of a record. */
interface Encoder {
  readonly name: string;
  readonly isProtected: boolean;
  value(row: number): number;
  readonly mean: number;
  readonly deviation: number;
}

function encodersOf(
  table: Table,
  rows: readonly number[],
  outcome: BinaryColumn,
  attribute: BinaryColumn,
  { drop = [], blind = false }: TableChoice,
): Pick<TableRecords, 'left'> & { readonly encoders: readonly Encoder[] } {
  const left: { column: string; why: string }[] = [];
  const encoders: Encoder[] = [];
  for (const column of table.columns) {
    const { name } = column;
    if (name === outcome.column) continue;
    if (drop.includes(name) || (blind && name === attribute.column)) {
      left.push({
        column: name,
        why: drop.includes(name) ? 'left out as asked' : 'the protected attribute, hidden',
      });
      continue;
    }
    if (column.kind === 'category' && column.levels.length > MOST_LEVELS) {
      left.push({ column: name, why: `${column.levels.length} different values: names, not categories` });
      continue;
    }
    const made = numbersOf(column).map((number) => standardised(number, name === attribute.column, rows));
    const kept = made.filter(({ deviation }) => deviation > 0);
    if (kept.length === 0) left.push({ column: name, why: 'the same value in every row of training' });
    encoders.push(...kept);
  }
  if (encoders.some((encoder) => !encoder.isProtected)) return { encoders, left };
  throw new DataError('table.no-inputs', `${table.source}: no column is left for the network to read`, {
    where: table.source,
    hint: 'leave out fewer columns, or give a table with more of them',
  });
}

type Raw = Pick<Encoder, 'name' | 'value'>;

/** A column of numbers as it is, one of two values as 0 and 1, any other one-hot; missing cells get an input of their own. */
function numbersOf(column: TableColumn): Raw[] {
  const { name, values_N } = column;
  const isMissing = column.kind === 'number' ? (v: number) => Number.isNaN(v) : (v: number) => v < 0;
  const some = [...values_N].some(isMissing);
  const missing: Raw[] = some
    ? [{ name: `${name}: missing`, value: (row) => (isMissing(values_N[row]!) ? 1 : 0) }]
    : [];
  // NaN stands for "at the mean".
  const known = (row: number, value: number) => (isMissing(values_N[row]!) ? Number.NaN : value);
  if (column.kind === 'number') return [{ name, value: (row) => values_N[row]! }, ...missing];
  if (column.levels.length === 2) {
    return [{ name: `${name}: ${column.levels[1]}`, value: (row) => known(row, values_N[row]!) }, ...missing];
  }
  return [
    ...column.levels.map((level, l) => ({
      name: `${name}: ${level}`,
      value: (row: number) => known(row, values_N[row] === l ? 1 : 0),
    })),
    ...missing,
  ];
}

/** Mean and deviation over the rows that the network learns from; what is missing is at the mean. */
function standardised({ name, value }: Raw, isProtected: boolean, rows: readonly number[]): Encoder {
  const known = rows.map(value).filter((v) => !Number.isNaN(v));
  const mean = known.reduce((sum, v) => sum + v, 0) / Math.max(1, known.length);
  const variance = known.reduce((sum, v) => sum + (v - mean) ** 2, 0) / Math.max(1, known.length);
  const filled = (row: number) => {
    const v = value(row);
    return Number.isNaN(v) ? mean : v;
  };
  return { name, isProtected, value: filled, mean, deviation: Math.sqrt(variance) };
}
