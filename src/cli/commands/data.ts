/** @file `untangle data`: what the data of a study hold, before anything is computed. */
import { type Command, Option } from 'commander';
import { DataError, nearestNames } from '../../core/errors.ts';
import { swapGender, withoutGenderedTokens } from '../../data/biographies/swap.ts';
import { notSwapped, type SwapRule } from '../../data/biographies/swap-words.ts';
import { type Biographies, type Biography, genders } from '../../data/biographies/types.ts';
import { openBiographies } from '../../study/bias/biographies.ts';
import { type Io, printJson } from '../io.ts';
import { taskView } from '../live.ts';
import { addGlobalOptions, type GlobalOptions } from '../options.ts';
import { table } from '../table.ts';

interface BiographyOptions extends GlobalOptions {
  readonly person?: string;
}

export function addData(program: Command, io: Io): void {
  const data = program.command('data').summary('what the data of a study hold');
  const command = data
    .command('biographies')
    .summary('people by field and gender; one of them as a man, as a woman, and without gendered words')
    .description(
      'Counts the people of a source by field and gender, as `untangle study bias` sees them. With --person: that text, its ' +
        'counterfactual, the text without gendered words, and how many words each rule changed.',
    )
    .argument(
      '[source]',
      'wikipedia-people, bias-in-bios, a data set of the hub, or a Parquet file',
      'wikipedia-people',
    )
    .addOption(new Option('--person <name>', 'the name of a person, or the id of a row'))
    .action((source: string, options: BiographyOptions) => biographies(source, options, io))
    .addHelpText(
      'after',
      '\nExamples:\n  untangle data biographies\n  untangle data biographies --person "Ada Lovelace"',
    );
  addGlobalOptions(command);
}

async function biographies(source: string, options: BiographyOptions, io: Io): Promise<void> {
  const view = taskView(io, options.quiet === true);
  const opened = await openBiographies(source, { progress: view.progress, signal: io.signal }).finally(() =>
    view.close(),
  );
  const { attribution } = opened;
  if (options.person !== undefined) {
    const shown = counterfactual(personOf(opened, options.person));
    if (options.json) return printJson(io, { ...shown, notSwapped, attribution });
    io.out(sheet(shown));
  } else {
    const counts = countsOf(opened);
    const { source: what, unclear } = opened;
    if (options.json) return printJson(io, { source: what, counts, unclear, attribution });
    io.out(
      `\n  ${what}\n\n${table(
        ['field', 'men', 'women'],
        counts.map(({ field, male, female }) => [field, String(male), String(female)]),
      )}\n  Left out, gender not clear: ${unclear}.\n`,
    );
  }
  io.out(`\n  ${attribution}\n`);
}

const countsOf = ({ people, fields }: Biographies) =>
  fields.map((field) => {
    const [male, female] = genders.map(
      (gender) => people.filter((person) => person.field === field && person.gender === gender).length,
    ) as [number, number];
    return { field, male, female };
  });

/** @throws DataError `biographies.unknown-person` (names those alike) */
function personOf({ people }: Biographies, name: string): Biography {
  const found = people.find((person) => person.name === name) ?? people.find((person) => person.id === name);
  if (found) return found;
  const near = nearestNames(
    name,
    people.map((person) => person.name || person.id),
  );
  throw new DataError('biographies.unknown-person', `there is no person "${name}" whose gender is clear`, {
    where: name,
    hint: `did you mean ${near.join(', ')}?`,
  });
}

interface Sheet {
  readonly person: Biography;
  readonly swapped: Biography;
  readonly changes: Readonly<Record<SwapRule, number>>;
  readonly deleted: string;
}

const counterfactual = (person: Biography): Sheet => {
  const { biography: swapped, changes } = swapGender(person);
  return { person, swapped, changes, deleted: withoutGenderedTokens(person).text };
};

/** One person for people to read. */
function sheet({ person, swapped, changes, deleted }: Sheet): string {
  const counted = Object.entries(changes).map(([rule, count]) => `${rule} ${count}`);
  return [
    `\n  ${person.name || person.id}: ${person.field}, ${person.gender}${person.description ? ` (${person.description})` : ''}\n`,
    `\n  natural\n  ${person.text}\n`,
    `\n  swapped: ${swapped.gender}${swapped.name ? `, ${swapped.name}` : ''}\n  ${swapped.text}\n`,
    `\n  without gendered words\n  ${deleted}\n`,
    `\n  words changed: ${counted.join(', ')}\n  not swapped:\n`,
    ...notSwapped.map((line) => `  - ${line}\n`),
  ].join('');
}
