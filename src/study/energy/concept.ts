/** @file A concept of one's own outside a study: one module on one task. */
import { pairsOf } from '../../circuits/examples.ts';
import type { WorkContext } from '../../core/progress.ts';
import { random } from '../../core/random.ts';
import { applyConcept } from '../../energy/concept/apply.ts';
import { conceptData } from '../../energy/concept/data.ts';
import { loadConcept, moduleName } from '../../energy/concept/load.ts';
import type { ConceptResult } from '../../energy/concept/types.ts';
import { taskNamed } from '../circuits/find.ts';
import { counted } from './runs.ts';
import { type EnergyRequest, openSetting, type TaskRequest } from './setting.ts';

/**
 * Runs the user's module.
 * @throws EnergyError `energy.concept-file`, `energy.concept-load` and the others of a module, before anything is computed
 */
export async function conceptReport(
  path: string,
  request: EnergyRequest & TaskRequest,
  context: WorkContext,
): Promise<ConceptResult> {
  const concept = await loadConcept(path);
  const module = moduleName(path);
  const { model, network, dictionaries, run } = await openSetting(request, { dictionaries: true }, context);
  const { examples, seed } = request;
  const task = await taskNamed(request.task, model.tokenizer, { train: examples, heldOut: examples, seed });
  const about = {
    task: task.name,
    token: (id: number) => model.tokenizer.token(id),
    random: random(seed).fork(`concept/${module}/${task.name}`),
  };
  const pairs = pairsOf(task.name, task.train.slice(0, examples));
  return counted(context, { task: 'concept', label: `${concept.name}: ${task.name}` }, run, async (run) =>
    applyConcept(concept, module, await conceptData(network, dictionaries, pairs, about, run)),
  );
}
