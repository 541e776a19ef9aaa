/** @file Steps `concept/MODULE/TASK`: what a user's own observable, potential or clock says of a task. */

import { moduleName } from '../../energy/concept/load.ts';
import type { ConceptResult } from '../../energy/concept/types.ts';
import type { StudyStep } from '../plan.ts';
import type { TaskConfig } from '../schema.ts';
import { openTask } from '../tasks.ts';
import { taskKey, trained } from './circuits.ts';
import { fingerprint } from './fingerprint.ts';
import { type StepMaker, work } from './types.ts';

/** Train examples that a concept sees: states at every cut of both sides are held at once. */
const EXAMPLES = 16;

/** The step that runs a user's module on a task. It runs again when the file changes; what the file imports is not watched. */
export async function conceptStep(
  { study, resources }: StepMaker,
  path: string,
  task: TaskConfig,
  model: StudyStep,
  dictionaries: readonly StudyStep[],
): Promise<StudyStep<ConceptResult>> {
  const { seed } = study;
  const module = moduleName(path);
  return {
    name: `concept/${module}/${task.name}`,
    stage: 'energy',
    label: `Measure ${module} of ${task.name}`,
    version: 3,
    config: { concept: await fingerprint(path), task: await taskKey(task), examples: EXAMPLES, seed },
    needs: [model, ...dictionaries],
    cost: { seconds: 10, diskBytes: 5e4, memoryBytes: 2e9 },
    async run(inputs, context) {
      // Before anything is computed: a mistake in the module is told at once.
      const { loadConcept } = await import('../../energy/concept/load.ts');
      const concept = await loadConcept(path);
      const [{ networkOf, dictionariesByDepth }, { pairsOf }, { conceptData }, { applyConcept }, { random }] =
        await Promise.all([
          import('../../circuits/cuts.ts'),
          import('../../circuits/examples.ts'),
          import('../../energy/concept/data.ts'),
          import('../../energy/concept/apply.ts'),
          import('../../core/random.ts'),
        ]);
      const { counted, runOptions } = await import('../energy/runs.ts');
      const opened = await resources.model(work(context));
      const { train, name } = await openTask(task, opened.tokenizer, seed);
      const network = networkOf(opened);
      const byDepth = dictionariesByDepth(opened, network, await trained(dictionaries, inputs));
      const pairs = pairsOf(name, train.slice(0, EXAMPLES));
      const about = {
        task: task.name,
        token: (id: number) => opened.tokenizer.token(id),
        random: random(seed).fork(`concept/${module}/${task.name}`),
      };
      const label = { task: 'concept', label: `${concept.name}: ${task.name}` };
      return counted(work(context), label, runOptions(work(context)), async (run) =>
        applyConcept(concept, module, await conceptData(network, byDepth, pairs, about, run)),
      );
    },
  };
}
