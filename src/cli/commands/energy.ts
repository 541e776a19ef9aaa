/** @file `untangle energy …`: energy of features on the depth, sequence and learning clock; the study's own stage stays. */
import type { Command } from 'commander';
import type { Io } from '../io.ts';
import { addSequence } from './energy-clocks.ts';
import { addConcept } from './energy-concept.ts';
import { addBlocks, addBrackets, addBudget, addFlow } from './energy-depth.ts';
import { addImportance } from './energy-importance.ts';
import { addEnsemble, addLearning } from './energy-learning.ts';
import { addMasks } from './energy-masks.ts';

/** Adds the subcommands to `untangle energy`, which by itself runs a study as far as its energy. */
export function addEnergy(program: Command, io: Io): void {
  const energy = program.commands.find((command) => command.name() === 'energy');
  if (!energy) throw new Error('the stages come before the subcommands of energy');
  const names = [
    'budget',
    'flow',
    'blocks',
    'brackets',
    'sequence',
    'importance',
    'circuit',
    'learning',
    'ensemble',
    'concept',
  ];
  energy.usage(`[options] [FILE | ${names.join(' | ')}]`);
  addBudget(energy, io);
  addFlow(energy, io);
  addBlocks(energy, io);
  addBrackets(energy, io);
  addSequence(energy, io);
  addImportance(energy, io);
  addMasks(energy, io);
  addLearning(energy, io);
  addEnsemble(energy, io);
  addConcept(energy, io);
}
