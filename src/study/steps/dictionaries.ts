/** @file Steps `train/SITE`, `evaluate/SITE` and `features/SITE`: one dictionary, its scores, its features' passages. */
import type { TrainLog } from '../../dictionaries/train.ts';
import type { DictionaryResult } from '../../dictionaries/types.ts';
import type { StudyStep } from '../plan.ts';
import type { DictionaryConfig } from '../schema.ts';
import { type HarvestResult, harvestFolder } from './harvest.ts';
import type { ModelResult } from './model.ts';
import { textWindows } from './text.ts';
import { FLOAT, type StepMaker, work } from './types.ts';

export interface FeaturesResult {
  readonly features: number;
  readonly passages: number;
}

/** The steps that one dictionary's steps need. */
export interface DictionaryNeeds {
  readonly model: StudyStep<ModelResult>;
  readonly text: StudyStep;
  readonly harvest: StudyStep<HarvestResult>;
  readonly train: StudyStep<TrainLog>;
}

/** Held-out rows that the curve of a training is measured on. */
const CURVE_ROWS = 2048;

/** The step that trains a dictionary. */
export function trainStep(
  { study }: StepMaker,
  config: DictionaryConfig,
  { model, harvest }: Pick<DictionaryNeeds, 'model' | 'harvest'>,
): StudyStep<TrainLog> {
  const { seed } = study;
  const { site, features, k, batch, learningRate } = config;
  const tokens = config.tokens ?? Math.round(config.passes * study.text.trainTokens);
  return {
    name: `train/${site}`,
    stage: 'features',
    label: `Learn ${features} features at ${site}`,
    version: 1,
    config: { ...config, tokens, passes: null, seed },
    needs: [model, harvest],
    resumable: true,
    cost: {
      seconds: 4 + (tokens * features) / 1e8,
      diskBytes: 2 * features * 576 * FLOAT,
      memoryBytes: 2e8 + study.text.trainTokens * 576 * FLOAT + 8 * features * 576 * FLOAT,
    },
    async run(inputs, context) {
      const { trainTopK } = await import('../../dictionaries/train.ts');
      const { saveDictionary } = await import('../../dictionaries/files.ts');
      const { openActivations } = await import('../../activations/open.ts');
      const folder = inputs.folder(harvest);
      const heldOut = await openActivations(harvestFolder(folder, 'heldOut'), site);
      const heldOut_MD = heldOut.load(CURVE_ROWS);
      heldOut.close();
      const source = await openActivations(harvestFolder(folder, 'train'), site);
      const x_ND = source.load();
      source.close();
      const { dictionary, log } = await trainTopK(
        { x_ND, width: source.width, heldOut_MD },
        {
          site,
          modelHash: inputs.result(model).hash,
          sinkNorm: source.leftOut.threshold,
          ...{ features, k, batch, learningRate, tokens, seed },
        },
        { ...work(context), folder: context.folder },
      );
      await saveDictionary(context.folder, dictionary);
      return log;
    },
  };
}

/** The step that scores a dictionary on held-out text. */
export function evaluateStep(
  { resources }: StepMaker,
  { site }: DictionaryConfig,
  needs: DictionaryNeeds,
): StudyStep<DictionaryResult> {
  return {
    name: `evaluate/${site}`,
    stage: 'features',
    label: `Score the features of ${site}`,
    version: 1,
    config: {},
    needs: [needs.model, needs.text, needs.harvest, needs.train],
    cost: { seconds: 15, diskBytes: 5e3, memoryBytes: 1.8e9 },
    async run(inputs, context) {
      const { evaluate, dictionaryResult } = await import('../../dictionaries/evaluate.ts');
      const { loadDictionary } = await import('../../dictionaries/files.ts');
      const { openActivations } = await import('../../activations/open.ts');
      const opened = await resources.model(work(context));
      const dictionary = await loadDictionary(inputs.folder(needs.train));
      const windows = await textWindows(inputs.folder(needs.text));
      const folder = inputs.folder(needs.harvest);
      const training = await openActivations(harvestFolder(folder, 'train'), site);
      training.close();
      const heldOut = await openActivations(harvestFolder(folder, 'heldOut'), site);
      const heldOut_MD = heldOut.load();
      heldOut.close();
      const scores = await evaluate(
        { graph: opened.graph, dictionary, heldOut_MD, mean_D: training.mean_D, windows: windows.heldOut },
        work(context),
      );
      return dictionaryResult(dictionary, scores, inputs.result(needs.train));
    },
  };
}

/** The step that collects the passages on which each feature is most active. */
export function featuresStep(
  { study, resources }: StepMaker,
  { site, features }: DictionaryConfig,
  needs: DictionaryNeeds,
): StudyStep<FeaturesResult> {
  return {
    name: `features/${site}`,
    stage: 'features',
    label: `Collect passages for the features of ${site}`,
    version: 1,
    config: {},
    needs: [needs.model, needs.text, needs.harvest, needs.train],
    cost: { seconds: study.text.trainTokens / 15_000, diskBytes: features * 10_000, memoryBytes: 1.2e9 },
    async run(inputs, context) {
      const { buildFeatureDatabase } = await import('../../dictionaries/database.ts');
      const { loadDictionary } = await import('../../dictionaries/files.ts');
      const { openActivations } = await import('../../activations/open.ts');
      const opened = await resources.model(work(context));
      const windows = await textWindows(inputs.folder(needs.text));
      const source = await openActivations(harvestFolder(inputs.folder(needs.harvest), 'train'), site);
      const x_ND = source.load();
      source.close();
      return buildFeatureDatabase(
        context.folder,
        {
          dictionary: await loadDictionary(inputs.folder(needs.train)),
          graph: opened.graph,
          tokenizer: opened.tokenizer,
          windows: windows.train,
          titles: windows.titles,
          x_ND,
          places: source.index,
        },
        work(context),
      );
    },
  };
}
