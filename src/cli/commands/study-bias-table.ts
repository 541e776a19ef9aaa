/** @file `untangle study bias --table`: the options of a table, and what they mean together. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { readChoice } from '../../study/bias/choice.ts';
import { BIAS_TABLE_DEFAULTS, type BiasTableOptions } from '../../study/bias/table.ts';
import { type GlobalOptions, positive, real } from '../options.ts';

/** Options of a study on a table, as commander gives them. */
export interface TableCommandOptions extends GlobalOptions {
  readonly table?: string;
  readonly outcome?: string;
  readonly protected?: string;
  readonly median?: readonly string[];
  readonly drop?: readonly string[];
  readonly blind?: boolean;
  readonly strength?: number;
  readonly hidden?: readonly number[];
  readonly choice?: string;
  readonly seeds?: number;
  readonly probes?: number;
  readonly small?: boolean;
}

/** A share above one half. */
function strength(text: string): number {
  const value = real(text);
  if (value > 0.5 && value <= 1) return value;
  throw new InvalidArgumentError('It must be above 0.5 and at most 1.');
}

function widths(text: string): number[] {
  const all = text.split(',').map((part) => positive(part.trim()));
  if (all.length <= 2) return all;
  throw new InvalidArgumentError('One or two hidden layers, e.g. 64 or 64,32.');
}

/** Adds the options of a table to `study bias`. */
export function addTableOptions(command: Command): void {
  const only = '(with --table)';
  command
    .addOption(
      new Option(
        '--table <file>',
        'a CSV file in place of biographies, or cps-wages-1985: a small network is trained on it',
      ),
    )
    .addOption(new Option('--outcome <column>', `what is told; COLUMN=VALUE for one value of many ${only}`))
    .addOption(new Option('--protected <column>', `what must not be used; COLUMN=VALUE likewise ${only}`))
    .addOption(
      new Option('--median <column...>', `columns of numbers that are split at their median ${only}`),
    )
    .addOption(new Option('--drop <column...>', `columns that the network does not see ${only}`))
    .addOption(new Option('--blind', `hide the protected column from the network too ${only}`))
    .addOption(
      new Option(
        '--strength <share>',
        `training records whose outcome goes with the protected value (1) ${only}`,
      ).argParser(strength),
    )
    .addOption(
      new Option('--hidden <widths>', `one or two hidden layers of ReLU (64) ${only}`).argParser(widths),
    );
}

/** What `--small` changes. */
const small = { dictionarySeeds: 1, probes: 3, resamples: 100 };

/**
 * The study that a command line asks for.
 * @throws UsageError `usage.missing-argument` without outcome or protected column; FileError and EditError of the choice
 */
export async function tableOptions(options: TableCommandOptions): Promise<BiasTableOptions> {
  const { table, outcome, protected: attribute } = options;
  if (table === undefined || outcome === undefined || attribute === undefined) {
    throw new UsageError('usage.missing-argument', 'a table needs --outcome COLUMN and --protected COLUMN', {
      where: table ?? '--table',
      hint: 'the outcome is what a classifier tells, the protected column what it must not use',
    });
  }
  const { median, drop, blind, strength, hidden, choice, seeds, probes, seed } = options;
  return {
    ...BIAS_TABLE_DEFAULTS,
    ...(options.small ? small : {}),
    ...{ table, outcome, protected: attribute },
    ...(median ? { median } : {}),
    ...(drop ? { drop } : {}),
    ...(blind ? { blind } : {}),
    ...(strength === undefined ? {} : { strength }),
    ...(hidden ? { hidden } : {}),
    ...(choice === undefined ? {} : { choice: await readChoice(choice) }),
    ...(seeds === undefined ? {} : { dictionarySeeds: seeds }),
    ...(probes === undefined ? {} : { probes }),
    ...(seed === undefined ? {} : { seed }),
  };
}

/**
 * Throws where an option of tables stands without a table.
 * @throws UsageError `usage.missing-argument`
 */
export function requireTable(options: TableCommandOptions): void {
  const { outcome, protected: attribute, median, drop, blind, strength, hidden } = options;
  const given = { outcome, protected: attribute, median, drop, blind, strength, hidden };
  const [first] = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (options.table !== undefined || first === undefined) return;
  throw new UsageError('usage.missing-argument', `--${first} belongs to --table FILE`, {
    where: `--${first}`,
    hint: 'name a CSV file, or cps-wages-1985; without a table the study reads biographies (--fields A,B)',
  });
}

/** The options again, for the command that is shown to people. */
export function tableWords(options: TableCommandOptions): string {
  const { table, outcome, protected: attribute, median, drop, blind, strength, hidden } = options;
  const { choice, seeds, probes, small: trial } = options;
  return [
    `study bias --table ${table} --outcome ${outcome} --protected ${attribute}`,
    ...(median ? [`--median ${median.join(' ')}`] : []),
    ...(drop ? [`--drop ${drop.join(' ')}`] : []),
    ...(blind ? ['--blind'] : []),
    ...(strength === undefined ? [] : [`--strength ${strength}`]),
    ...(hidden ? [`--hidden ${hidden.join()}`] : []),
    ...(choice === undefined ? [] : [`--choice ${choice}`]),
    ...(seeds === undefined ? [] : [`--seeds ${seeds}`]),
    ...(probes === undefined ? [] : [`--probes ${probes}`]),
    ...(trial ? ['--small'] : []),
  ].join(' ');
}
