/** @file `untangle energy concept MODULE`: an observable, a potential or a clock of one's own, on one task. */
import type { Command } from 'commander';
import { UsageError } from '../../core/errors.ts';
import type { ConceptResult } from '../../energy/concept/types.ts';
import { cutLabel } from '../../pictures/budget.ts';
import { fixed, number } from '../../pictures/scale.ts';
import { conceptPicture } from '../../study/energy/draw-results.ts';
import type { Io } from '../io.ts';
import { table } from '../table.ts';
import { addTaskOptions, show, type TaskOptions, taskRequestOf } from './energy-options.ts';

export function addConcept(energy: Command, io: Io): void {
  const command = energy
    .command('concept')
    .summary('an observable, a potential or a clock of your own, from a module')
    .description(
      'Runs a module of yours (docs/energy.md, Your own concept) on a task. The module runs with all rights of this program.',
    )
    .argument('<module>', 'a local .ts, .mts, .js or .mjs file')
    .action((path: string, options: TaskOptions) =>
      show(
        options,
        io,
        async (context) => {
          const { conceptReport } = await import('../../study/energy/concept.ts');
          return conceptReport(path, taskRequestOf(options), context);
        },
        { draw: (result) => draw(result), print: (result) => print(result, io) },
      ),
    )
    .addHelpText(
      'after',
      '\nExample:\n  untangle energy concept examples/participation-ratio.ts --task agreement --plot ratio.svg',
    );
  addTaskOptions(command, 16);
}

function draw(result: ConceptResult): string {
  const svg = conceptPicture(result, { width: 800, height: 440 });
  if (svg !== undefined) return svg;
  throw new UsageError('usage.picture', `${result.name} is one number: there is nothing to draw`, {
    hint: 'a concept over depth, sequence or examples, a potential, and a clock have pictures',
  });
}

/** Absent where nothing moves and nothing counts. */
const drift = (value: number | undefined): string => (value === undefined ? '–' : fixed(value, 3));

function print(result: ConceptResult, io: Io): void {
  const { name, meaning, task, unit = '', value, series, features, motion } = result;
  io.out(`${name}, ${task}: ${meaning}\n\n`);
  if (value !== undefined) io.out(`  ${number(value, 4)} ${unit}\n`);
  if (series) {
    io.out(
      table(
        [series.over, name],
        series.values.map((v, i) => [series.labels[i] ?? String(i), number(v, 4)]),
      ),
    );
  }
  if (features) {
    io.out(
      table(
        ['feature', 'at', '⟨T⟩', '⟨V⟩', 'T + V', 'drift', 'under the textbook V'],
        features.map((one) => [
          ...[String(one.feature), cutLabel(one.site), number(one.kinetic), number(one.potential)],
          ...[number(one.energy), drift(one.drift), drift(one.textbookDrift)],
        ]),
      ),
    );
  }
  if (motion) {
    const { times, coordinates, drift } = motion;
    const still =
      drift === undefined ? 'nothing moves' : `drift of H = T + V over its scale: ${number(drift)}`;
    io.out(`  ${times.length} times, coordinates ${coordinates.join(', ')}; ${still}\n`);
  }
}
