/** @file What commands that run a study share: the options of the Studio, the seed, the command to copy. */
import { type Command, Option } from 'commander';
import type { Study } from '../study/schema.ts';
import type { Io } from './io.ts';
import { type GlobalOptions, integer } from './options.ts';

export interface ShowOptions extends GlobalOptions {
  readonly open: boolean;
  readonly port?: number;
  readonly view?: string;
}

/** Options of commands that show the Studio. */
export const addStudioOptions = (command: Command): Command =>
  command
    .addOption(new Option('--no-open', 'do not open the browser'))
    .addOption(new Option('--port <number>', 'port of the Studio (any free one)').argParser(integer))
    .addOption(new Option('--view <path>', 'page of the Studio to open'));

/** The study with the seed of the command line, if one was given. */
export const seeded = (study: Study, { seed }: Pick<GlobalOptions, 'seed'>): Study =>
  seed === undefined ? study : { ...study, seed };

/** The command that does this again, for people to copy. */
export function commandLine(io: Io, words: string, { workspace, seed }: GlobalOptions): string {
  const quote = (text: string) => (/^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
  return [
    `${io.self} ${words}`,
    ...(workspace === '.untangle' ? [] : [`--workspace ${quote(workspace)}`]),
    ...(seed === undefined ? [] : [`--seed ${seed}`]),
  ].join(' ');
}
