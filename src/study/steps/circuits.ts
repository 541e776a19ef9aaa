/** @file Steps `circuit/TASK` and `energy/TASK`: which nodes carry a behaviour, and the energy that flows through. */
import type { CircuitResult } from '../../circuits/types.ts';
import type { StepInputs } from '../../core/step.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import type { EnergyResult } from '../../energy/types.ts';
import type { StudyStep } from '../plan.ts';
import type { CircuitConfig, EnergyConfig, TaskConfig } from '../schema.ts';
import { openTask } from '../tasks.ts';
import { fingerprint } from './fingerprint.ts';
import { type StepMaker, work } from './types.ts';

/** The name of the method of effects, as effectMethod() reads it. */
const ruleName = ({ rule, points, tolerance }: CircuitConfig): string => {
  if (rule === 'attribution') return 'attribution-patching';
  if (rule === 'adaptive') return `adaptive-${tolerance}`;
  return rule === 'relp' || rule === 'exact' ? rule : `${rule}-${points}`;
};

/** What a task's results depend on. */
export const taskKey = async (task: TaskConfig) =>
  task.file === undefined
    ? { name: task.name, train: task.train, heldOut: task.heldOut }
    : { name: task.name, file: await fingerprint(task.file) };

/** Trained dictionaries from the folders of their steps. */
export async function trained(steps: readonly StudyStep[], inputs: StepInputs): Promise<Dictionary[]> {
  const { loadDictionary } = await import('../../dictionaries/files.ts');
  return Promise.all(steps.map((step) => loadDictionary(inputs.folder(step))));
}

/** The step that finds the circuit of `task` in the features of `dictionaries`. */
export async function circuitStep(
  { study, resources }: StepMaker,
  config: CircuitConfig,
  task: TaskConfig,
  model: StudyStep,
  dictionaries: readonly StudyStep[],
): Promise<StudyStep<CircuitResult>> {
  const { seed } = study;
  const { maxNodes, baseline, aggregation, select, neurons } = config;
  const options = { rule: ruleName(config), maxNodes, baseline, aggregation, select, neurons };
  return {
    name: `circuit/${task.name}`,
    stage: 'circuit',
    label: `Find the circuit of ${task.name}`,
    version: 2,
    config: { task: await taskKey(task), ...options, seed },
    needs: [model, ...dictionaries],
    cost: {
      seconds: 0.8 * (task.train + task.heldOut) * (dictionaries.length / 4),
      diskBytes: 5e6 * dictionaries.length,
      memoryBytes: 1.8e9,
    },
    async run(inputs, context) {
      const { findCircuit } = await import('../../circuits/circuit.ts');
      const opened = await resources.model(work(context));
      return findCircuit(
        {
          model: opened,
          task: await openTask(task, opened.tokenizer, seed),
          dictionaries: await trained(dictionaries, inputs),
          folder: context.folder,
          threads: context.threads,
          seed,
          options,
        },
        work(context),
      );
    },
  };
}

/** The step that measures the energy of the behaviour whose circuit was found. */
export async function energyStep(
  { study, resources }: StepMaker,
  config: EnergyConfig,
  task: TaskConfig,
  model: StudyStep,
  circuit: StudyStep<CircuitResult>,
): Promise<StudyStep<EnergyResult>> {
  const { seed } = study;
  return {
    name: `energy/${task.name}`,
    stage: 'energy',
    label: `Measure the energy of ${task.name}`,
    version: 1,
    config: { task: await taskKey(task), examples: config.examples, seed },
    needs: [model, circuit],
    cost: { seconds: 1.5 * config.examples, diskBytes: 5e4, memoryBytes: 1.8e9 },
    async run(inputs, context) {
      const { measureEnergy } = await import('../../energy/energy.ts');
      const opened = await resources.model(work(context));
      return measureEnergy(
        {
          model: opened,
          task: await openTask(task, opened.tokenizer, seed),
          effectsFolder: inputs.folder(circuit),
          threads: context.threads,
          seed,
          options: { ruleExamples: config.examples },
        },
        work(context),
      );
    },
  };
}
