/** @file Steps `flow/TASK` and `sequence`: the energy flow of a behaviour, and the main features over the tokens of real texts. */

import type { CircuitResult } from '../../circuits/types.ts';
import { CircuitError, DictionaryError, EnergyError } from '../../core/errors.ts';
import type { Dictionary } from '../../dictionaries/types.ts';
import type { StudySequence, TaskFlow } from '../energy/types.ts';
import type { StudyStep } from '../plan.ts';
import type { EnergyConfig, TaskConfig } from '../schema.ts';
import { openTask } from '../tasks.ts';
import { taskKey, trained } from './circuits.ts';
import { textWindows } from './text.ts';
import { type StepMaker, work } from './types.ts';

/** Quadrature and shown features of the flow: what a few seconds allow. */
const FLOW = { rule: 'midpoint-10', perCut: 5, paths: 12 };
/** Tokens of a text, features and texts that are followed, rows of a table. */
const SEQUENCE = { length: 48, shown: 10, texts: 6, rows: 40 };

/** A dictionary that cannot be read this way is no failure of the study: the result says why. */
const orMissing = <T>(work: Promise<T>): Promise<T | { missing: string }> =>
  work.catch((error: unknown) => {
    const expected =
      error instanceof CircuitError || error instanceof DictionaryError || error instanceof EnergyError;
    if (expected) return { missing: error.message };
    throw error;
  });

/** The step that follows the energy of a task from its words through the dictionaries to the answer. */
export async function flowStep(
  { study, resources }: StepMaker,
  { flow: examples }: EnergyConfig,
  task: TaskConfig,
  needs: {
    readonly model: StudyStep;
    readonly dictionaries: readonly StudyStep[];
    /** Its effects say which features are shown. */
    readonly circuit: StudyStep<CircuitResult>;
  },
): Promise<StudyStep<TaskFlow>> {
  const { model, dictionaries, circuit } = needs;
  const { seed } = study;
  return {
    name: `flow/${task.name}`,
    stage: 'energy',
    label: `Follow the energy of ${task.name}`,
    version: 1,
    config: { task: await taskKey(task), examples, ...FLOW, seed },
    needs: [model, ...dictionaries, circuit],
    cost: { seconds: 6 * examples, diskBytes: 5e4, memoryBytes: 1.8e9 },
    async run(inputs, context) {
      const opened = await resources.model(work(context));
      const { title, positions, train, name } = await openTask(task, opened.tokenizer, seed);
      const [
        { networkOf, dictionariesByDepth },
        { pairsOf },
        { loadEffects },
        { energyFlow, largest },
        { counted, runOptions },
      ] = await Promise.all([
        import('../../circuits/cuts.ts'),
        import('../../circuits/examples.ts'),
        import('../../circuits/effects-file.ts'),
        import('../../energy/depth/flow.ts'),
        import('../energy/runs.ts'),
      ]);
      const network = networkOf(opened);
      const byDepth = dictionariesByDepth(opened, network, await trained(dictionaries, inputs));
      const pairs = pairsOf(name, train.slice(0, examples));
      const { places } = await loadEffects(inputs.folder(circuit));
      const chosen = new Map(places.map(({ effects }) => [effects.site, [...largest(effects, FLOW.perCut)]]));
      const about = { task: 'flow', label: `Energy flow: ${title}` };
      const found = await orMissing(
        counted(work(context), about, runOptions(work(context)), async (run) => ({
          flow: await energyFlow(network, byDepth, pairs, { ...FLOW, chosen }, run),
        })),
      );
      return { task: name, title, labels: positions, ...found };
    },
  };
}

/** The step that follows features of one dictionary over held-out text. */
export function sequenceStep(
  { study, resources }: StepMaker,
  { sequence: texts }: EnergyConfig,
  text: StudyStep,
  dictionary: StudyStep,
): StudyStep<StudySequence> {
  const { seed } = study;
  const length = Math.min(SEQUENCE.length, study.text.windowLength - 1);
  const choice = {
    ...SEQUENCE,
    length,
    texts: Math.min(texts, SEQUENCE.texts),
    seed,
    ...{ features: [], exact: false },
  };
  return {
    name: 'sequence',
    stage: 'energy',
    label: 'Follow features over tokens',
    version: 1,
    config: { windows: texts, ...choice },
    needs: [text, dictionary],
    cost: { seconds: 1.5 * texts, diskBytes: 2e5, memoryBytes: 1.8e9 },
    async run(inputs, context) {
      const opened = await resources.model(work(context));
      const [only] = (await trained([dictionary], inputs)) as [Dictionary];
      const { heldOut } = await textWindows(inputs.folder(text));
      const windows = heldOut.filter(({ tokens }) => tokens.length > length).slice(0, texts);
      const [{ sequenceOf }, { counted, runOptions }] = await Promise.all([
        import('../energy/sequence.ts'),
        import('../energy/runs.ts'),
      ]);
      const about = { task: 'sequence', label: `Sequence clock at ${only.site}` };
      return orMissing(
        counted(work(context), about, runOptions(work(context)), async (run) => ({
          report: await sequenceOf(opened, only, { source: study.text.source, windows }, choice, run),
        })),
      );
    },
  };
}
