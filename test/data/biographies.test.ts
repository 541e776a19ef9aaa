/** @file Biographies: fields and gender by rules, counterfactuals that lead back, splits that share no person. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { professions, readBiasInBios } from '../../src/data/biographies/bias-in-bios.ts';
import { fieldOf, fields } from '../../src/data/biographies/fields.ts';
import { firstNames } from '../../src/data/biographies/first-names.ts';
import { genderOf } from '../../src/data/biographies/gender.ts';
import { confoundedSplit, type SplitOptions } from '../../src/data/biographies/split.ts';
import { swapGender, withoutGenderedTokens } from '../../src/data/biographies/swap.ts';
import { wordPairs } from '../../src/data/biographies/swap-words.ts';
import type { Biographies, Biography } from '../../src/data/biographies/types.ts';

const biography = (text: string, given: Partial<Biography> = {}): Biography => ({
  ...{ id: '1', name: '', description: '', field: 'arts', gender: 'male', natural: true },
  ...given,
  text,
});
const swapped = (text: string, name = '') => swapGender(biography(text, { name })).biography.text;

describe('what a person is', () => {
  test.each([
    ['French painter (1839–1906)', 'arts'],
    ['French philosopher and writer (1913–1960)', 'thought'],
    ['American singer-songwriter', 'arts'],
    ['Dutch-American physical chemist (1884–1966)', 'science'],
    ['Khan of the Golden Horde from 1380 to 1395', 'rule'],
    ['American tennis player', 'sport'],
    ['Norwegian polar explorer (a king among them)', 'other'],
    ['', 'other'],
  ])('%s: %s', (description, field) => expect(fieldOf(description)).toBe(field));

  test('gender is the majority of pronouns', () => {
    expect(genderOf('She met him and her sister.')).toBe('female');
    expect(genderOf('HE did it himself; she saw.')).toBe('male');
    expect(genderOf('He and she.')).toBeUndefined();
    expect(genderOf('The theory of heroes.')).toBeUndefined();
  });
});

describe('the other gender', () => {
  test.each([
    ['He gave her his book.', 'She gave him her book.'],
    ['She saw him; it was hers.', 'He saw her; it was his.'],
    ['The book was his. They thanked her.', 'The book was hers. They thanked him.'],
    ['Her 1905 paper made her a star.', 'His 1905 paper made him a star.'],
    ['HIS wife, the Queen', 'HER husband, the King'],
    ['Sir X counts; Count Dracula, a lord', 'Dame X counts; Countess Dracula, a lady'],
    ['a lady, the Lady', 'a gentleman, the Lord'],
    ['the Isle of Man in the kingdom', 'the Isle of Man in the kingdom'],
  ])('%s', (text, expected) => expect(swapped(text)).toBe(expected));

  test('first names follow the table, surnames and names of places stay', () => {
    const { anywhere, ownNameOnly } = firstNames;
    const [henry, paul] = [anywhere.get('Henry')!, anywhere.get('Paul')!];
    expect(swapped('Paul admired Henry James.')).toBe(`${paul} admired ${henry} James.`);
    expect(swapped('born in Florence')).toBe('born in Florence');
    expect(swapped('Florence Price was born in Rome. Florence', 'Florence Price')).toBe(
      `${ownNameOnly.get('Florence')} Price was born in Rome. ${ownNameOnly.get('Florence')}`,
    );
    expect(swapped('Stephen King wrote. The King read.')).toBe(
      `${anywhere.get('Stephen')} King wrote. The Queen read.`,
    );
  });

  test('the person keeps the id, name and description follow, and every rule counts its words', () => {
    const { biography: other, changes } = swapGender(
      biography('Sir Paul was a king. He and his wife ruled.', { name: 'Paul Smith', description: 'king' }),
    );
    expect(other).toMatchObject({ id: '1', gender: 'female', natural: false, description: 'queen' });
    expect(other.name).toBe(`${firstNames.anywhere.get('Paul')} Smith`);
    expect(changes).toEqual({ pronoun: 2, noun: 1, title: 2, 'first name': 1 });
  });

  test('one-to-one words lead back: swapping twice is nothing', () => {
    const names = [...firstNames.anywhere.keys()];
    const oneToOne = wordPairs
      .filter((pair) => !pair.capitalOnly && !['lady', 'ladies', 'gentleman'].includes(pair.female))
      .flatMap(({ female, male }) => [female, male, female.toUpperCase()]);
    const word = fc.oneof(
      fc.constantFrom(...oneToOne),
      fc.constantFrom(...names),
      fc.constantFrom('the', 'wrote', 'Rome', 'in', 'very', 'kingdom', 'Vermeer'),
    );
    const mark = fc.constantFrom(' ', ', ', '. ', ' (', ') ', '-', '’s ');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(word, mark), { maxLength: 20 }),
        fc.constantFrom(...names),
        (pieces, name) => {
          const text = pieces.flat().join('');
          const one = swapGender(biography(text, { name: `${name} Vermeer` })).biography;
          const two = swapGender(one).biography;
          expect(two).toEqual(biography(text, { name: `${name} Vermeer` }));
        },
      ),
      { numRuns: 400 },
    );
  });

  test('each name of the table has one partner, and none is a gendered word or a pronoun', () => {
    const { anywhere, ownNameOnly } = firstNames;
    for (const table of [anywhere, ownNameOnly])
      for (const [name, other] of table) expect(table.get(other)).toBe(name);
    expect([...anywhere.keys()].filter((name) => ownNameOnly.has(name))).toEqual([]);
    const gendered = new Set(wordPairs.flatMap(({ female, male }) => [female, male]));
    expect([...anywhere.keys(), ...ownNameOnly.keys()].filter((n) => gendered.has(n.toLowerCase()))).toEqual(
      [],
    );
    expect(anywhere.size).toBeGreaterThan(6000);
  });

  test('deletion leaves no word that could be swapped', () => {
    const { text, changes } = withoutGenderedTokens(
      biography('Marie Curie was a chemist. She and her husband, Pierre (a man), worked.', {
        name: 'Marie Curie',
      }),
    );
    expect(text).toBe('Curie was a chemist. and, (a), worked.');
    expect(Object.values(swapGender(biography(text)).changes)).toEqual([0, 0, 0, 0]);
    expect(changes.pronoun).toBe(2);
  });
});

/** `counts` people by field and gender; the texts say who they are. */
function peopleOf(counts: Readonly<Record<string, readonly [men: number, women: number]>>): Biographies {
  const people = Object.entries(counts).flatMap(([field, numbers]) =>
    numbers.flatMap((count, woman) =>
      Array.from({ length: count }, (_, i) =>
        biography(`${woman ? 'She' : 'He'} was ${i}.`, {
          ...{ id: `${field}-${woman}-${i}`, field, gender: woman ? 'female' : 'male' },
        }),
      ),
    ),
  );
  return { people, fields: Object.keys(counts), unclear: 0, source: 'test', attribution: '' };
}

describe('a confounded split', () => {
  const people = peopleOf({ science: [60, 12], arts: [80, 30], sport: [20, 20] });
  const options: SplitOptions = { fields: ['science', 'arts'], seed: 3 };
  const split = confoundedSplit(people, options);
  const ids = (rows: readonly Biography[]) => new Set(rows.map((row) => row.id));

  test('training tells the gender by the field; the test does not', () => {
    for (const rows of [split.train, split.retain])
      for (const row of rows) expect(row.gender).toBe(row.field === 'science' ? 'male' : 'female');
    for (const rows of [split.train, split.retain, split.oracleTrain]) {
      const science = rows.filter((row) => row.field === 'science').length;
      expect(science * 2).toBe(rows.length);
    }
    const share = (field: string) => {
      const rows = split.balanced.filter((row) => row.field === field);
      return rows.filter((row) => row.gender === 'female').length / rows.length;
    };
    expect([share('science'), share('arts')]).toEqual([0.5, 0.5]);
    expect(new Set(split.auxiliary.map((row) => row.field))).toEqual(new Set(['sport']));
  });

  test('no person is on two sides, and each test person is there naturally and swapped', () => {
    const sides = [split.train, split.retain, split.balanced, split.auxiliary].map(ids);
    sides.forEach((a, i) => {
      for (const b of sides.slice(i + 1)) expect([...a].filter((id) => b.has(id))).toEqual([]);
    });
    expect(split.balanced).toHaveLength(2 * ids(split.balanced).size);
    expect(split.balanced.filter((row) => row.natural)).toHaveLength(ids(split.balanced).size);
    expect([...ids(split.oracleTrain)].filter((id) => sides[2]!.has(id) || sides[1]!.has(id))).toEqual([]);
    expect(split.train.length).toBe(ids(split.train).size);
  });

  test('counterfactuals look like their gender, natural rows come first', () => {
    for (const row of [...split.train, ...split.balanced])
      expect(row.text.startsWith('She')).toBe(row.gender === 'female');
    const women = split.cells.find(({ side, gender }) => side === 'train' && gender === 'female')!;
    expect(women.natural).toBe(Math.round(0.75 * 21));
  });

  test('the seed decides, and nothing else', () => {
    expect(confoundedSplit(people, options)).toEqual(split);
    expect(ids(confoundedSplit(people, { ...options, seed: 4 }).balanced)).not.toEqual(ids(split.balanced));
  });

  test('without counterfactuals all rows are natural, and the test has four cells alike', () => {
    const natural = confoundedSplit(peopleOf({ a: [90, 90], b: [90, 90] }), {
      ...{ fields: ['a', 'b'], seed: 1, counterfactuals: false },
    });
    expect([...natural.train, ...natural.balanced, ...natural.oracleTrain].every((row) => row.natural)).toBe(
      true,
    );
    expect(natural.cells.filter(({ side }) => side === 'balanced').map((c) => c.natural)).toEqual([
      27, 27, 27, 27,
    ]);
  });

  test('what cannot be split is refused', () => {
    const refused = (from: Biographies, given: Partial<SplitOptions>) => () =>
      confoundedSplit(from, { ...options, ...given });
    expect(refused(people, { fields: ['sience', 'arts'] })).toThrow(
      expect.objectContaining({
        code: 'biographies.unknown-field',
        hint: expect.stringContaining('science (72)'),
      }),
    );
    expect(refused(peopleOf({ science: [40, 0], arts: [40, 0] }), {})).toThrow(
      expect.objectContaining({ code: 'biographies.one-value' }),
    );
    expect(refused(peopleOf({ science: [10, 3], arts: [80, 30] }), {})).toThrow(
      expect.objectContaining({ code: 'biographies.cell' }),
    );
    expect(refused(people, { counterfactuals: false })).toThrow(
      expect.objectContaining({ code: 'biographies.cell' }),
    );
  });
});

describe('Bias in Bios', () => {
  const folder = mkdtempSync(join(tmpdir(), 'untangle-bios-'));
  const table = async (name: string, select: string): Promise<string> => {
    const path = join(folder, name);
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    await connection.run(`copy (${select}) to '${path}' (format parquet)`);
    return path;
  };
  const read = (path: string) => readBiasInBios([path], { progress: silent });

  test('rows by the names of professions and genders', async () => {
    const path = await table(
      'bios.parquet',
      `select * from (values ('She cares.', 13::bigint, 1::bigint), ('He cuts.', 25, 0)) t(hard_text, profession, gender)`,
    );
    const { people, fields: names } = await read(path);
    expect(people.map(({ field, gender, text, natural }) => [field, gender, text, natural])).toEqual([
      ['nurse', 'female', 'She cares.', true],
      ['surgeon', 'male', 'He cuts.', true],
    ]);
    expect(names).toBe(professions);
    expect(professions).toHaveLength(28);
  });

  test('another table, and numbers that stand for nothing, are refused', async () => {
    const other = await table('other.parquet', 'select 1 as hard_text, 2 as job');
    await expect(read(other)).rejects.toMatchObject({ code: 'biographies.columns', hint: /job/ });
    const wrong = await table('wrong.parquet', `select 'x' as hard_text, 28 as profession, 0 as gender`);
    await expect(read(wrong)).rejects.toMatchObject({ code: 'biographies.row', message: /row 1/ });
  });
});

test('every field has words, and none belongs to two', async () => {
  const { fieldWords } = await import('../../src/data/biographies/fields.ts');
  const words = Object.values(fieldWords).flatMap((list) => list.split(/\s+/));
  expect(new Set(words).size).toBe(words.length);
  expect(fields).toEqual([...Object.keys(fieldWords), 'other']);
});
