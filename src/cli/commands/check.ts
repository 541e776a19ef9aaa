/** @file `untangle check`: the invariants of every room, measured on this machine. */
import type { Command } from 'commander';
import { StudyError } from '../../core/errors.ts';
import { runChecks } from '../../study/checks.ts';
import { type Io, printJson } from '../io.ts';
import { addGlobalOptions, type GlobalOptions } from '../options.ts';
import { table } from '../table.ts';

export function addCheck(program: Command, io: Io): void {
  const command = program
    .command('check')
    .summary('check the mathematics on this machine')
    .description(
      'Measures the invariants that each part promises, each against its bar. Fails if one does not hold.',
    )
    .argument('[area]', 'only this area, e.g. autodiff')
    .action((area: string | undefined, options: GlobalOptions) => checkAction(area, options, io))
    .addHelpText('after', '\nExamples:\n  untangle check\n  untangle check autodiff --json');
  addGlobalOptions(command);
}

/** Measures and prints the rows of an area, or of all; throws `check.broken` when one does not hold. */
export async function checkAction(area: string | undefined, options: GlobalOptions, io: Io): Promise<void> {
  const rows = await runChecks(area, {
    threads: options.threads,
    signal: io.signal,
    progress: (event) => {
      if (event.type === 'start' && !options.quiet) io.err(`▸ ${event.label}\n`);
    },
  });
  if (options.json) printJson(io, rows);
  else {
    io.out(
      table(
        ['area', 'promise', 'value', 'bar', ''],
        rows.map((row) => [
          row.area,
          row.name,
          row.value.toExponential(2),
          row.bar.toExponential(2),
          row.pass ? io.style.good('holds') : io.style.bad('broken'),
        ]),
      ),
    );
  }
  const broken = rows.filter((row) => !row.pass);
  if (broken.length > 0) {
    throw new StudyError('check.broken', `${broken.length} of ${rows.length} checks do not hold`, {
      where: broken.map((row) => `${row.area}: ${row.name}`).join('; '),
      hint: 'please report this with the output of `untangle check --json` and your machine',
    });
  }
}
