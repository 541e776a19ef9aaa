/** @file Step `edit`: switches features of a task off and counts what else moves. */
import type { CircuitResult } from '../../circuits/types.ts';
import type { EditResult } from '../../edits/types.ts';
import type { StudyStep } from '../plan.ts';
import type { EditConfig, Study, TaskConfig } from '../schema.ts';
import { openTask } from '../tasks.ts';
import { taskKey, trained } from './circuits.ts';
import { textWindows } from './text.ts';
import { type StepMaker, work } from './types.ts';

/** Tokens of a window that plain text is judged on. */
const textLength = 64;

/** The behaviour that should stay: another task of the study, agreement first; agreement itself beside the gender task. */
function otherTask({ tasks }: Study, edited: TaskConfig): TaskConfig | undefined {
  const others = tasks.filter((task) => task.name !== edited.name);
  const agreement = others.find((task) => task.name === 'agreement') ?? others[0];
  if (agreement || edited.file !== undefined || edited.name === 'agreement') return agreement;
  return { name: 'agreement', train: edited.train, heldOut: edited.heldOut };
}

/** The step that edits the features of the task whose circuit was found. */
export async function editStep(
  { study, resources }: StepMaker,
  config: EditConfig,
  task: TaskConfig,
  text: StudyStep,
  dictionaries: readonly StudyStep[],
  circuit: StudyStep<CircuitResult>,
): Promise<StudyStep<EditResult>> {
  const { seed } = study;
  const other = otherTask(study, task);
  return {
    name: 'edit',
    stage: 'edit',
    label: `Switch off the features of ${task.name}`,
    version: 3,
    config: {
      features: config.features,
      strengths: config.strengths,
      task: await taskKey(task),
      other: other ? await taskKey(other) : null,
      seed,
    },
    needs: [text, ...dictionaries, circuit],
    cost: { seconds: 30 + 20 * config.strengths.length, diskBytes: 5e4, memoryBytes: 1.8e9 },
    async run(inputs, context) {
      const { measureEdit } = await import('../../edits/edit.ts');
      const model = await resources.model(work(context));
      const opened = await openTask(task, model.tokenizer, seed);
      const windows = await textWindows(inputs.folder(text));
      return measureEdit(
        {
          model,
          task: opened,
          ...(other ? { other: await openTask(other, model.tokenizer, seed) } : {}),
          dictionaries: await trained(dictionaries, inputs),
          effectsFolder: inputs.folder(circuit),
          text: windows,
          threads: context.threads,
          seed,
          options: {
            features: config.features,
            strengths: config.strengths,
            textLength: Math.min(textLength, study.text.windowLength),
          },
        },
        work(context),
      );
    },
  };
}
