/** @file Steps `train/SITE`, `evaluate/SITE` and `features/SITE`: one dictionary, its scores, its features' passages. */
import type { DictionaryResult } from '../../dictionaries/types.ts';
import type { StudyStep } from '../plan.ts';
import type { DictionaryConfig } from '../schema.ts';
import type { HarvestResult } from './harvest.ts';
import { FLOAT, type StepMaker } from './types.ts';

export interface TrainResult {
  readonly tokensPerSecond: number;
  readonly tokensSeen: number;
  readonly curve: readonly { readonly tokens: number; readonly fve: number }[];
}

export interface FeaturesResult {
  readonly features: number;
  readonly passages: number;
}

/** The steps that one dictionary's steps need. */
export interface DictionaryNeeds {
  readonly model: StudyStep;
  readonly text: StudyStep;
  readonly harvest: StudyStep<HarvestResult>;
  readonly train: StudyStep<TrainResult>;
}

/** The step that trains a dictionary. */
export function trainStep(
  { study }: StepMaker,
  config: DictionaryConfig,
  { model, harvest }: Pick<DictionaryNeeds, 'model' | 'harvest'>,
): StudyStep<TrainResult> {
  const { seed } = study;
  const tokens = config.tokens ?? Math.round(config.passes * study.text.trainTokens);
  return {
    name: `train/${config.site}`,
    stage: 'features',
    label: `Learn ${config.features} features at ${config.site}`,
    version: 1,
    config: { ...config, tokens, passes: null, seed },
    needs: [model, harvest],
    resumable: true,
    cost: {
      seconds: (tokens * config.features) / 4e7,
      diskBytes: 2 * config.features * 576 * FLOAT,
      memoryBytes: study.text.trainTokens * 576 * FLOAT + 8 * config.features * 576 * FLOAT,
    },
    run: () => Promise.reject(new Error('not wired')),
  };
}

/** The step that scores a dictionary on held-out text. */
export function evaluateStep(
  { study }: StepMaker,
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
    cost: { seconds: study.text.heldOutTokens / 250, diskBytes: 5e3, memoryBytes: 1.8e9 },
    run: () => Promise.reject(new Error('not wired')),
  };
}

/** The step that collects the passages on which each feature is most active. */
export function featuresStep(
  { study }: StepMaker,
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
    run: () => Promise.reject(new Error('not wired')),
  };
}
