/** @file Step `harvest`: activations at the sites of all dictionaries, in one pass over the text. */
import { join } from 'node:path';
import type { HarvestSite } from '../../activations/harvest.ts';
import type { StudyStep } from '../plan.ts';
import type { LeftOut } from '../results.ts';
import { textWindows } from './text.ts';
import { type StepMaker, work } from './types.ts';

export interface HarvestResult {
  readonly tokensPerSecond: number;
  /** Positions of training and held-out text that are kept out of everything. */
  readonly leftOut: readonly LeftOut[];
}

/** Where training and held-out activations lie in the step's folder. */
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
    cost: { seconds: tokens / 700, diskBytes: tokens * 576 * 2 * sites.length, memoryBytes: 1.5e9 },
    async run(inputs, context) {
      const { harvest } = await import('../../activations/harvest.ts');
      const { checkSites } = await import('../../models/run.ts');
      const opened = await resources.model(work(context));
      checkSites(opened, sites);
      const windows = await textWindows(inputs.folder(text));
      const common = { model: opened, sites, ...work(context) };
      const folderOf = (part: 'train' | 'heldOut') => harvestFolder(context.folder, part);
      const train = await harvest({ ...common, windows: windows.train, folder: folderOf('train') });
      // Held-out positions are left out by the thresholds of training: nothing is fitted on them.
      const heldOut = await harvest({
        ...common,
        windows: windows.heldOut,
        folder: folderOf('heldOut'),
        thresholds: Object.fromEntries(train.sites.map((site) => [site.site, site.leftOut.threshold])),
      });
      const leftOut = train.sites.map((site) =>
        together(
          site,
          heldOut.sites.find((other) => other.site === site.site),
        ),
      );
      return { tokensPerSecond: train.tokensPerSecond, leftOut };
    },
  };
}

function together({ site, rows, leftOut }: HarvestSite, heldOut: HarvestSite | undefined): LeftOut {
  const byNorm = leftOut.byNorm + (heldOut?.leftOut.byNorm ?? 0);
  const positions = rows + (heldOut?.rows ?? 0) + byNorm;
  return {
    site,
    first: leftOut.first + (heldOut?.leftOut.first ?? 0),
    byNorm,
    share: positions > 0 ? byNorm / positions : 0,
  };
}
