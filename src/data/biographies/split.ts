/** @file Confounded training sets and balanced test sets of biographies, split by person. */
import { DataError, nearestNames } from '../../core/errors.ts';
import { type Random, random } from '../../core/random.ts';
import { swapGender } from './swap.ts';
import { type Biographies, type Biography, type Gender, genders } from './types.ts';

export interface SplitOptions {
  /** Two fields: training shows men of the first and women of the second. */
  readonly fields: readonly [string, string];
  /** Rows of each class in training; as many as there are people for by default. */
  readonly perClass?: number;
  /** Share of each cell's people that is kept for the balanced test (0.3 by default). */
  readonly testShare?: number;
  /** Share of the confounded people that goes to `retain` (0.25 by default). */
  readonly retainShare?: number;
  /** False leaves counterfactuals out everywhere; cells are then as small as nature made them. True by default. */
  readonly counterfactuals?: boolean;
  /** People of other fields in `auxiliary` (150 by default), as many of each gender as there are. */
  readonly auxiliaryPeople?: number;
  readonly seed: number;
}

/** How many rows of a cell are natural and how many are counterfactuals. */
export interface SplitCell {
  readonly side: 'train' | 'retain' | 'oracleTrain' | 'balanced' | 'auxiliary';
  readonly field: string;
  readonly gender: Gender;
  readonly natural: number;
  readonly swapped: number;
}

export interface BiographySplit {
  readonly fields: readonly [string, string];
  /** Men of the first field, women of the second: the field tells the gender. */
  readonly train: readonly Biography[];
  /** Confounded as `train`, other people. */
  readonly retain: readonly Biography[];
  /** The people of `train`, all four cells alike; for the oracle and the skyline alone. */
  readonly oracleTrain: readonly Biography[];
  /** People of no other side, each with the natural text and its counterfactual: gender tells nothing of the field. */
  readonly balanced: readonly Biography[];
  /** People of other fields, each natural and as counterfactual: tells of gender without telling of the two fields. */
  readonly auxiliary: readonly Biography[];
  readonly cells: readonly SplitCell[];
}

/** The fewest people of one field on each side that figures make sense for. */
const FEWEST = 8;

/**
 * Splits people of two fields. A class of training that nature fills with too few of its gender is filled with
 * counterfactuals of the others; no person is on two sides, also not as a counterfactual (`oracleTrain` shares its people
 * with `train`).
 * @throws DataError `biographies.unknown-field` (lists those there are), `biographies.one-value` (all of one gender),
 *   `biographies.cell` (a field with too few people, or a cell with too few of one gender without counterfactuals)
 */
export function confoundedSplit(biographies: Biographies, options: SplitOptions): BiographySplit {
  const { fields, testShare = 0.3, retainShare = 0.25, counterfactuals = true, seed } = options;
  for (const field of fields) requireField(biographies, field);
  requireBothGenders(biographies, fields);
  const chance = random(seed).fork('biographies');
  const sides = fields.map((field, i) => {
    const confounded = genders[i]!;
    const people = biographies.people.filter((person) => person.field === field && person.natural);
    const [test, rest] = divided(people, testShare, chance.fork(`${field}/test`));
    const [retain, train] = divided(rest, retainShare, chance.fork(`${field}/retain`));
    for (const side of [test, retain, train])
      if (side.length < FEWEST) throw tooFew(`${field}: ${people.length} people`, people.length);
    const asGender = (from: readonly Biography[], gender: Gender) => cell(from, gender, counterfactuals);
    return { field, confounded, test, train, retain, asGender };
  });
  const evenly = (side: 'train' | 'retain', gendersOf: (i: number) => readonly Gender[], most = Infinity) => {
    const cells = sides.flatMap(({ asGender, [side]: people }, i) =>
      gendersOf(i).map((gender) => asGender(people, gender)),
    );
    const size = Math.min(most, ...cells.map((rows) => rows.length));
    if (size < FEWEST) throw tooFew(`a cell of ${fields.join(' and ')}`, size);
    return cells.flatMap((rows) => rows.slice(0, size));
  };
  const confounded = (i: number) => [sides[i]!.confounded];
  const train = evenly('train', confounded, options.perClass);
  const retain = evenly('retain', confounded);
  const oracleTrain = evenly('train', () => genders, Math.ceil(train.length / 4));
  const balanced = counterfactuals
    ? sides.flatMap(({ test }) => bothWays(test))
    : evenTest(sides.map(({ test }) => test));
  const others = biographies.people.filter((person) => !fields.includes(person.field) && person.natural);
  const [auxiliaryPeople] = divided(
    others,
    Math.min(1, (options.auxiliaryPeople ?? 150) / Math.max(1, others.length)),
    chance.fork('auxiliary'),
  );
  const auxiliary = counterfactuals ? bothWays(auxiliaryPeople) : auxiliaryPeople;
  const all = { train, retain, oracleTrain, balanced, auxiliary };
  return {
    ...{ fields, ...all },
    cells: Object.entries(all).flatMap(([side, rows]) => cellsOf(side as SplitCell['side'], rows)),
  };
}

/** Everybody with the natural text and the counterfactual. */
const bothWays = (people: readonly Biography[]): Biography[] =>
  people.flatMap((person) => [person, swapGender(person).biography]);

/** People of both genders in turn by their share, so that a small cell is in every part: first part, rest. */
function divided(people: readonly Biography[], share: number, chance: Random): [Biography[], Biography[]] {
  const first: Biography[] = [];
  const rest: Biography[] = [];
  for (const gender of genders) {
    const shuffled = chance.fork(gender).shuffle(people.filter((person) => person.gender === gender));
    const count = Math.round(share * shuffled.length);
    first.push(...shuffled.slice(0, count));
    rest.push(...shuffled.slice(count));
  }
  return [chance.fork('first').shuffle(first), chance.fork('rest').shuffle(rest)];
}

/** Everybody as that gender: natural rows first, then counterfactuals of the others. */
function cell(people: readonly Biography[], gender: Gender, counterfactuals: boolean): Biography[] {
  const natural = people.filter((person) => person.gender === gender);
  if (!counterfactuals) return natural;
  return [
    ...natural,
    ...people.filter((person) => person.gender !== gender).map((person) => swapGender(person).biography),
  ];
}

/** Natural test rows, as many of each field and gender. */
function evenTest(tests: readonly (readonly Biography[])[]): Biography[] {
  const cells = tests.flatMap((test) => genders.map((gender) => test.filter((p) => p.gender === gender)));
  const size = Math.min(...cells.map((rows) => rows.length));
  if (size < 2) throw tooFew('a test cell without counterfactuals', size);
  return cells.flatMap((rows) => rows.slice(0, size));
}

function cellsOf(side: SplitCell['side'], rows: readonly Biography[]): SplitCell[] {
  return [...new Set(rows.map((row) => row.field))].flatMap((field) =>
    genders.flatMap((gender): SplitCell[] => {
      const here = rows.filter((row) => row.field === field && row.gender === gender);
      const natural = here.filter((row) => row.natural).length;
      return here.length === 0 ? [] : [{ side, field, gender, natural, swapped: here.length - natural }];
    }),
  );
}

function requireField({ fields, people }: Biographies, field: string): void {
  if (fields.includes(field)) return;
  const counted = fields.map((name) => `${name} (${people.filter((p) => p.field === name).length})`);
  throw new DataError('biographies.unknown-field', `there is no field "${field}"`, {
    where: field,
    hint: `did you mean ${nearestNames(field, fields, 1)[0]}? Fields and their people: ${counted.join(', ')}`,
  });
}

function requireBothGenders({ people }: Biographies, fields: readonly string[]): void {
  const found = new Set(people.filter((p) => fields.includes(p.field)).map((p) => p.gender));
  if (found.size === 2) return;
  throw new DataError(
    'biographies.one-value',
    `all people of ${fields.join(' and ')} are ${[...found][0] ?? 'missing'}`,
    {
      where: 'gender',
      hint: 'a protected attribute needs both values in the data: choose other fields, or another source',
    },
  );
}

const tooFew = (what: string, count: number): DataError =>
  new DataError('biographies.cell', `too few for a study: ${what}`, {
    where: what,
    hint: `there are ${count}, each side needs ${FEWEST}: choose fields with more people, or allow counterfactuals`,
  });
