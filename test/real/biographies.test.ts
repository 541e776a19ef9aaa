/** @file The people of the Wikipedia leads: counts by field and gender, and counterfactuals that lead back. */
import { describe, expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { loadBiographies } from '../../src/data/biographies/load.ts';
import { confoundedSplit } from '../../src/data/biographies/split.ts';
import { swapGender } from '../../src/data/biographies/swap.ts';

const biographies = await loadBiographies({ kind: 'wikipedia-people' }, { progress: silent }).catch(
  () => undefined,
);

describe.runIf(biographies !== undefined)('people of the Wikipedia leads', () => {
  test('1,469 men and 164 women, 195 unclear; fields as docs/data.md lists them', () => {
    const { people, unclear, fields } = biographies!;
    const count = (field: string | undefined, gender: string) =>
      people.filter((p) => (field === undefined || p.field === field) && p.gender === gender).length;
    expect([count(undefined, 'male'), count(undefined, 'female'), unclear]).toEqual([1469, 164, 195]);
    expect(Object.fromEntries(fields.map((f) => [f, [count(f, 'male'), count(f, 'female')]]))).toEqual({
      ...{ arts: [298, 53], writing: [202, 24], science: [233, 15], rule: [417, 31] },
      ...{ sport: [46, 14], thought: [93, 4], other: [180, 23] },
    });
  });

  test('97 % of the texts come back when they are swapped twice, 80 % of the people change their name', () => {
    const { people } = biographies!;
    const swaps = people.map((person) => ({ person, other: swapGender(person).biography }));
    const back = swaps.filter(({ person, other }) => swapGender(other).biography.text === person.text);
    expect(back.length / people.length).toBeGreaterThan(0.97);
    expect(
      swaps.filter(({ person, other }) => person.name !== other.name).length / people.length,
    ).toBeGreaterThan(0.79);
  });

  test('scientists and artists give a split with every cell filled', () => {
    const { cells } = confoundedSplit(biographies!, { fields: ['science', 'arts'], seed: 0 });
    const test = cells.filter(({ side }) => side === 'balanced');
    expect(test.map(({ natural, swapped }) => natural + swapped)).toEqual([75, 75, 105, 105]);
    expect(cells.filter(({ side }) => side === 'train').map((c) => c.natural + c.swapped)).toEqual([
      129, 129,
    ]);
  });
});
