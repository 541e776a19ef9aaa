/** @file All commands together. */
import { Command } from 'commander';
import { checkFolder } from '../files/folders.ts';
import { untangleVersion } from '../study/versions.ts';
import { pictureBelongsToPlot } from './belongs.ts';
import { addCheck } from './commands/check.ts';
import { addCircuit } from './commands/circuit.ts';
import { addData } from './commands/data.ts';
import { addDemo } from './commands/demo.ts';
import { addDictionaries } from './commands/dictionaries.ts';
import { addEdit } from './commands/edit.ts';
import { addEnergy } from './commands/energy.ts';
import { addMechanics } from './commands/mechanics.ts';
import { addModels } from './commands/models.ts';
import { addRun } from './commands/run.ts';
import { addSites } from './commands/sites.ts';
import { addStages } from './commands/stages.ts';
import { addStudio } from './commands/studio.ts';
import { addStudy } from './commands/study.ts';
import { addSuperposition } from './commands/superposition.ts';
import type { Io } from './io.ts';

/** The program, ready to parse. Commander's own complaints are thrown as CommanderError, never printed by it. */
export function program(io: Io): Command {
  const root = new Command('untangle')
    .description(
      'Open a neural network: learn its features, find the circuit behind a behaviour, see the energy ' +
        'that flows through it, change a feature, count what else moved.',
    )
    .version(untangleVersion(), '-V, --version', 'print the version')
    .helpCommand(false)
    // An option belongs to the command it stands behind: `study plan FILE --json` is plan's.
    .enablePositionalOptions()
    .configureOutput({ writeOut: io.out, writeErr: io.err, outputError: () => {} })
    .exitOverride()
    .addHelpText(
      'after',
      '\nExamples:\n  untangle demo\n  untangle study init my.yaml\n  untangle run smollm2-135m --prompt "The capital of France is"\n' +
        '\nEvery command takes --json, --seed, --threads, --workspace and --quiet.\n' +
        'Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.',
    );
  // Before any work, and also where a command would come to write only at its end, or only reads.
  root.hook('preAction', async (_, command) => {
    if (command.getOptionValueSource('workspace') === 'cli') await checkFolder(command.opts().workspace);
  });
  addDemo(root, io);
  addStudy(root, io);
  addRun(root, io);
  addSites(root, io);
  addModels(root, io);
  addData(root, io);
  addDictionaries(root, io);
  addCheck(root, io);
  addMechanics(root, io);
  addSuperposition(root, io);
  addStages(root, io);
  addCircuit(root, io);
  addEdit(root, io);
  addEnergy(root, io);
  addStudio(root, io);
  pictureBelongsToPlot(root);
  return root;
}
