/** @file A study written on the command line: model, sites and options of training in place of a file. */
import { type Command, Option } from 'commander';
import { stringify } from 'yaml';
import { UsageError } from '../../core/errors.ts';
import { parseStudy } from '../../study/parse.ts';
import type { Study } from '../../study/schema.ts';
import { positive } from '../options.ts';

/** Options that stand for a study file. */
export interface InlineOptions {
  readonly model?: string;
  readonly site: readonly string[];
  readonly text?: string;
  readonly tokens?: number;
  readonly heldOut?: number;
  readonly window?: number;
  readonly set: readonly string[];
}

/** Adds the options of a study without a file. */
export const addInlineOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--model <name>', 'in place of a study file: the model, as `untangle run` takes it'),
    )
    .addOption(new Option('--site <site...>', 'with --model: where dictionaries are learned').default([]))
    .addOption(new Option('--text <source>', 'with --model: a text source or a path (docs/study-file.md)'))
    .addOption(new Option('--tokens <number>', 'with --model: tokens of training text').argParser(positive))
    .addOption(new Option('--held-out <number>', 'with --model: tokens of held-out text').argParser(positive))
    .addOption(
      new Option('--window <number>', 'with --model: tokens of one window of text').argParser(positive),
    )
    .addOption(
      new Option(
        '--set <option=value...>',
        'with --model: options of every dictionary, e.g. architecture=batchtopk k=16,32 features=4096',
      ).default([]),
    );

/**
 * The study that the options describe, or undefined when they describe none.
 * @throws UsageError `usage.options` (a file as well, or no site); StudyError as a study file's
 */
export function inlineStudy(options: InlineOptions, file: string | undefined): Study | undefined {
  const { model, site, set, text, tokens, heldOut, window } = options;
  const wrong = (message: string, hint: string) => new UsageError('usage.options', message, { hint });
  if (model === undefined) {
    const others = [text, tokens, heldOut, window];
    if (site.length > 0 || set.length > 0 || others.some((option) => option !== undefined))
      throw wrong(
        '--site, --text, --tokens, --held-out, --window and --set belong to --model',
        'give --model NAME, too',
      );
    return undefined;
  }
  if (file !== undefined)
    throw wrong(`both ${file} and --model were given`, 'a study is a file, or is written with --model');
  if (site.length === 0)
    throw wrong('there is no site', 'give --site, e.g. --site blocks.11; `untangle sites MODEL` lists them');
  const source = {
    ...(text === undefined ? {} : { source: text }),
    ...(tokens === undefined ? {} : { trainTokens: tokens }),
    ...(heldOut === undefined ? {} : { heldOutTokens: heldOut }),
    ...(window === undefined ? {} : { windowLength: window }),
  };
  const study = { model, text: source, dictionaries: site.map((at) => ({ site: at, ...choices(set) })) };
  return parseStudy(stringify(study), 'the command line', process.cwd());
}

/** Options of `--set`. @throws UsageError `usage.options` for what is no OPTION=VALUE */
export const choices = (set: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(set.map(choice));

/** Options that are a list by themselves. */
const LISTS: ReadonlySet<string> = new Set(['groups', 'groupWeights']);

/** `k=16,32` → ['k', [16, 32]]; numbers and true/false as such, everything else as text. */
function choice(written: string): [string, unknown] {
  const at = written.indexOf('=');
  if (at <= 0)
    throw new UsageError('usage.options', `--set ${written} is no OPTION=VALUE`, {
      hint: 'e.g. --set k=32, or several: --set k=16,32 architecture=batchtopk',
    });
  const values = written
    .slice(at + 1)
    .split(',')
    .map((value) => (value === 'true' ? true : value === 'false' ? false : numberOrText(value)));
  const name = written.slice(0, at);
  return [name, values.length === 1 && !LISTS.has(name) ? values[0] : values];
}

const numberOrText = (value: string): number | string =>
  value.trim() !== '' && Number.isFinite(Number(value)) ? Number(value) : value;

/** The same options again, for the command that is shown to people. */
export const inlineWords = ({ model, site, text, tokens, heldOut, window, set }: InlineOptions): string =>
  [
    `--model ${model}`,
    `--site ${site.join(' ')}`,
    ...(text === undefined ? [] : [`--text ${text}`]),
    ...(tokens === undefined ? [] : [`--tokens ${tokens}`]),
    ...(heldOut === undefined ? [] : [`--held-out ${heldOut}`]),
    ...(window === undefined ? [] : [`--window ${window}`]),
    ...(set.length === 0 ? [] : [`--set ${set.join(' ')}`]),
  ].join(' ');
