/** @file Step `harvest`: activations at the sites of all dictionaries, in one pass over the text. */
import { join } from 'node:path';
import type { StudyStep } from '../plan.ts';
import type { LeftOut } from '../results.ts';
import { textWindows } from './text.ts';
import { FLOAT, type StepMaker, work } from './types.ts';

export interface HarvestResult {
  readonly leftOut: readonly LeftOut[];
}

/** Where the two parts lie in the step's folder. */
export const harvestFolder = (folder: string, part: 'train' | 'heldOut'): string => join(folder, part);

/** The step that records activations at the sites of the study's dictionaries. */
export function harvestStep(
  { study, resources }: StepMaker,
  model: StudyStep,
  text: StudyStep,
): StudyStep<HarvestResult> {
  const sites = study.dictionaries.map((dictionary) => dictionary.site).sort();
  const tokens = study.text.trainTokens + study.text.heldOutTokens;
  return {
    name: 'harvest',
    stage: 'features',
    label: `Record activations at ${sites.length} sites`,
    version: 1,
    config: { sites },
    needs: [model, text],
    resumable: true,
    cost: { seconds: tokens / 700, diskBytes: tokens * 576 * FLOAT * sites.length, memoryBytes: 1.5e9 },
    async run(inputs, context) {
      const { harvest } = await import('../../activations/harvest.ts');
      const opened = await resources.model(work(context));
      const { checkSites } = await import('../../models/run.ts');
      checkSites(opened, sites);
      const windows = await textWindows(inputs.folder(text));
      throw new Error(`not wired: ${harvest} ${windows}`);
    },
  };
}
