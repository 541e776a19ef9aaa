/** @file Options that mean nothing without another: refused where it is missing, in place of being ignored. */
import type { Command } from 'commander';
import { UsageError } from '../core/errors.ts';

/**
 * Says what options of a command belong to: where they are given and it does not hold, the command is refused before
 * anything runs, with UsageError `usage.options`.
 * @param options as written, e.g. `--source-set`
 * @param to what they belong to, e.g. `--format neuronpedia`
 * @param holds whether it is there, by the values of all options and the arguments
 */
export function belong<Options>(
  command: Command,
  options: readonly string[],
  to: string,
  holds: (values: Options, args: readonly string[]) => boolean,
): void {
  command.hook('preAction', (self, acting) => {
    if (self !== acting || holds(self.opts() as Options, self.args)) return;
    const given = self.options.find(
      (option) =>
        options.includes(option.long ?? '') && self.getOptionValueSource(option.attributeName()) === 'cli',
    );
    if (given === undefined) return;
    throw new UsageError('usage.options', `${given.long} belongs to ${to}`, {
      where: given.long,
      hint: `with these options it would change nothing: give ${to}, or leave ${given.long} out`,
    });
  });
}

/** `--picture` says what `--plot` draws: in every command of `root` that has both. */
export function pictureBelongsToPlot(root: Command): void {
  for (const command of root.commands) {
    pictureBelongsToPlot(command);
    if (['--picture', '--plot'].every((long) => command.options.some((option) => option.long === long)))
      belong(command, ['--picture'], '--plot FILE', ({ plot }: { plot?: string }) => plot !== undefined);
  }
}
