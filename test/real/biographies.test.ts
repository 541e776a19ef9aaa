/** @file The people of the Wikipedia leads: counts by field and gender, and counterfactuals that lead back. */
import { describe, expect, test } from 'vitest';
import { silent } from '../../src/core/progress.ts';
import { loadBiographies } from '../../src/data/biographies/load.ts';
import { confoundedSplit } from '../../src/data/biographies/split.ts';
import { swapGender } from '../../src/data/biographies/swap.ts';
import { swapRules } from '../../src/data/biographies/swap-words.ts';

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

  test('what the rules change, as docs/data.md says; 97.6 % of the texts come back when they are swapped twice', () => {
    const { people } = biographies!;
    const changed = { pronoun: 0, noun: 0, title: 0, 'first name': 0 };
    let [back, renamed] = [0, 0];
    for (const person of people) {
      const { biography, changes } = swapGender(person);
      for (const rule of swapRules) changed[rule] += changes[rule];
      if (swapGender(biography).biography.text === person.text) back++;
      if (biography.name !== person.name) renamed++;
    }
    expect(changed).toEqual({ pronoun: 5009, noun: 1008, title: 758, 'first name': 3183 });
    expect(back / people.length).toBeCloseTo(0.976, 3);
    expect(renamed / people.length).toBeCloseTo(0.797, 3);
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
