/** @file The table of first names in pairs: each woman's name has one man's name, and back. */
import table from './first-names.json' with { type: 'json' };

export interface FirstNames {
  /** Names that are swapped wherever they stand as a first name. */
  readonly anywhere: ReadonlyMap<string, string>;
  /** Names that are also words, places or frequent surnames: swapped as the given name of the person alone. */
  readonly ownNameOnly: ReadonlyMap<string, string>;
  /** Where the names come from, and their licence. */
  readonly source: string;
}

const bothWays = (lines: readonly string[]): ReadonlyMap<string, string> =>
  new Map(
    lines.flatMap((line) =>
      line.split(' ').flatMap((pair) => {
        const [female, male] = pair.split('/') as [string, string];
        return [[female, male] as const, [male, female] as const];
      }),
    ),
  );

export const firstNames: FirstNames = {
  anywhere: bothWays(table.anywhere),
  ownNameOnly: bothWays(table.ownNameOnly),
  source: table.source,
};
