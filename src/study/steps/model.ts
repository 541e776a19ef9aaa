/** @file Step `model`: opens the model and looks at what it answers to a few prompts. */
import type { ModelSummary } from '../../models/summary.ts';
import type { StudyStep } from '../plan.ts';
import type { Resources } from '../resources.ts';
import { fingerprint } from './fingerprint.ts';
import { work } from './types.ts';

export interface ModelResult {
  readonly summary: ModelSummary;
  /** The model's content hash. */
  readonly hash: string;
}

/** The step that opens `model`. */
export async function modelStep(model: string, resources: Resources): Promise<StudyStep<ModelResult>> {
  return {
    name: 'model',
    stage: 'model',
    label: 'Open the model',
    version: 1,
    config: { model: await fingerprint(model) },
    needs: [],
    cost: { seconds: 10, diskBytes: 5e3, memoryBytes: 1.2e9 },
    async run(_inputs, context) {
      const { summariseModel } = await import('../../models/summary.ts');
      const opened = await resources.model(work(context));
      return { summary: await summariseModel(opened, work(context)), hash: opened.hash };
    },
  };
}
