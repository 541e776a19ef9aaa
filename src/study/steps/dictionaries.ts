/** @file Steps `train/SITE`, `evaluate/SITE`, `sweep/SITE` and `features/SITE`: one dictionary, its scores, others beside it, its features' passages. */
import type { StepInputs } from '../../core/step.ts';
import type { TrainLog } from '../../dictionaries/train.ts';
import type { DictionaryResult } from '../../dictionaries/types.ts';
import { type DictionaryEntry, type EntryConfig, mainName } from '../dictionary-schema.ts';
import type { StudyStep } from '../plan.ts';
import type { SweepResult } from '../results.ts';
import type { Study } from '../schema.ts';
import { fingerprint } from './fingerprint.ts';
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
  readonly train: StudyStep<Learned>;
}

/** What is known of how a dictionary was learned; nothing of one that others trained. */
type Learned = Pick<TrainLog, 'tokensPerSecond' | 'tokensSeen' | 'curve'>;

/** Held-out rows that the curve of a training is measured on. */
const CURVE_ROWS = 2048;

/** Tokens that a training sees, as far as the study file says. */
const tokensOf = ({ tokens, passes }: EntryConfig, trainTokens: number): number =>
  tokens ?? Math.max(1, Math.round((passes ?? PASSES) * trainTokens));

/** Of our preset (src/dictionaries/presets.ts); for estimates only. */
const PASSES = 6;

/** The options of a training, the study's seed and, where the file says either, tokens in place of passes. */
const options = (config: EntryConfig, { seed, text }: Study): EntryConfig => {
  const { passes, tokens, ...others } = config;
  const said = passes !== undefined || tokens !== undefined;
  return { seed, ...others, ...(said ? { tokens: tokensOf(config, text.trainTokens) } : {}) };
};

/** What training costs, roughly. */
const trainingCost = (config: EntryConfig, trainTokens: number) => {
  const tokens = tokensOf(config, trainTokens);
  const { features } = config;
  return {
    seconds: 4 + (tokens * features) / 1e8,
    diskBytes: 2 * features * 576 * FLOAT,
    memoryBytes: 2e8 + trainTokens * 576 * FLOAT + 8 * features * 576 * FLOAT,
  };
};

/** Rows of a harvest that training reads, and what a training of them is told beside its options. */
async function trainingData(folder: string, site: string, modelHash: string) {
  const { openActivations } = await import('../../activations/open.ts');
  const heldOut = await openActivations(harvestFolder(folder, 'heldOut'), site);
  const heldOut_MD = heldOut.load(CURVE_ROWS);
  heldOut.close();
  const source = await openActivations(harvestFolder(folder, 'train'), site);
  const x_ND = source.load();
  source.close();
  return {
    rows: { x_ND, width: source.width, heldOut_MD },
    about: { site, modelHash, sinkNorm: source.leftOut.threshold },
  };
}

/** The step that trains a dictionary. */
export function trainStep(
  { study }: StepMaker,
  { site, config }: DictionaryEntry,
  { model, harvest }: Pick<DictionaryNeeds, 'model' | 'harvest'>,
): StudyStep<TrainLog> {
  const full = options(config, study);
  return {
    name: `train/${site}`,
    stage: 'features',
    label: `Learn ${config.features} features at ${site}`,
    version: 3,
    config: full,
    needs: [model, harvest],
    resumable: true,
    cost: trainingCost(config, study.text.trainTokens),
    async run(inputs, context) {
      const { trainDictionary } = await import('../../dictionaries/train.ts');
      const { saveDictionary } = await import('../../dictionaries/files.ts');
      const data = await trainingData(inputs.folder(harvest), site, inputs.result(model).hash);
      const { log } = await trainDictionary(
        data.rows,
        { ...full, ...data.about },
        {
          ...work(context),
          folder: context.folder,
          keep: ({ dictionary }) => saveDictionary(context.folder, dictionary),
        },
      );
      return log;
    },
  };
}

/** The step that takes a dictionary which others trained, in the place of one that is trained here. */
export async function importStep(
  { resources }: StepMaker,
  { site, from = '' }: DictionaryEntry,
  { model, harvest }: Pick<DictionaryNeeds, 'model' | 'harvest'>,
): Promise<StudyStep<Learned>> {
  return {
    name: `import/${site}`,
    stage: 'features',
    label: `Take the dictionary of ${site} from ${from}`,
    version: 1,
    config: { from: await fingerprint(from) },
    needs: [model, harvest],
    cost: { seconds: 20, diskBytes: 1e8, memoryBytes: 5e8 },
    async run(inputs, context) {
      const { openDictionary, forModel } = await import('../../dictionaries/formats/open.ts');
      const { saveImported } = await import('../../dictionaries/formats/provenance.ts');
      const { openActivations } = await import('../../activations/open.ts');
      const opened = await resources.model(work(context));
      const { dictionary, provenance } = await openDictionary(from, { site }, work(context));
      const source = await openActivations(harvestFolder(inputs.folder(harvest), 'train'), site);
      source.close();
      // What passes by is what the harvest left out: others train without sinks, or say nothing of them.
      const own = { ...forModel(dictionary, opened), sinkNorm: source.leftOut.threshold };
      await saveImported(context.folder, own, provenance);
      return { tokensPerSecond: 0, tokensSeen: 0, curve: [] };
    },
  };
}

/** The step that learns the other dictionaries of a site's lists from the same activations, and scores them. */
export function sweepStep(
  { study, resources }: StepMaker,
  entry: DictionaryEntry,
  needs: DictionaryNeeds & { readonly evaluate: StudyStep<DictionaryResult> },
): StudyStep<SweepResult> {
  const { site, sweep } = entry;
  const { model, text, harvest } = needs;
  const others = sweep.map(({ name, config }) => ({ name, config: options(config, study) }));
  const costs = sweep.map(({ config }) => trainingCost(config, study.text.trainTokens));
  const sum = (pick: (cost: (typeof costs)[number]) => number) =>
    costs.reduce((total, cost) => total + pick(cost), 0);
  return {
    name: `sweep/${site}`,
    stage: 'features',
    label: `Compare ${sweep.length + 1} dictionaries at ${site}`,
    version: 2,
    config: others,
    needs: [model, text, harvest, needs.evaluate],
    resumable: true,
    cost: {
      seconds: sum((cost) => cost.seconds + 15),
      diskBytes: sum((cost) => cost.diskBytes),
      memoryBytes: Math.max(
        1.8e9,
        sum((cost) => cost.memoryBytes),
      ),
    },
    async run(inputs, context) {
      const { trainSweep } = await import('../../dictionaries/sweep.ts');
      const data = await trainingData(inputs.folder(harvest), site, inputs.result(model).hash);
      const outcomes = await trainSweep(
        data.rows,
        others.map(({ name, config }) => ({ name, config: { ...config, ...data.about } })),
        { ...work(context), folder: context.folder },
      );
      const { evaluate, dictionaryResult } = await import('../../dictionaries/evaluate.ts');
      const held = await heldOutText({ text, harvest }, site, inputs);
      const { graph } = await resources.model(work(context));
      const chosen = inputs.result(needs.evaluate);
      const rows: SweepResult['rows'][number][] = [{ ...chosen, name: mainName(entry), chosen: true }];
      for (const [i, { dictionary, log }] of outcomes.entries()) {
        const scores = await evaluate({ graph, dictionary, ...held }, work(context));
        rows.push({ ...dictionaryResult(dictionary, scores, log), name: others[i]!.name, chosen: false });
      }
      return { site, rows };
    },
  };
}

/** What every dictionary of a site is scored on. */
async function heldOutText(
  { text, harvest }: Pick<DictionaryNeeds, 'text' | 'harvest'>,
  site: string,
  inputs: StepInputs,
) {
  const { openActivations } = await import('../../activations/open.ts');
  const windows = await textWindows(inputs.folder(text));
  const folder = inputs.folder(harvest);
  const training = await openActivations(harvestFolder(folder, 'train'), site);
  training.close();
  const heldOut = await openActivations(harvestFolder(folder, 'heldOut'), site);
  const heldOut_MD = heldOut.load();
  heldOut.close();
  return { heldOut_MD, mean_D: training.mean_D, windows: windows.heldOut };
}

/** The step that scores a dictionary on held-out text. */
export function evaluateStep(
  { resources }: StepMaker,
  { site }: DictionaryEntry,
  needs: DictionaryNeeds,
): StudyStep<DictionaryResult> {
  return {
    name: `evaluate/${site}`,
    stage: 'features',
    label: `Score the features of ${site}`,
    version: 2,
    config: {},
    needs: [needs.model, needs.text, needs.harvest, needs.train],
    cost: { seconds: 15, diskBytes: 5e3, memoryBytes: 1.8e9 },
    async run(inputs, context) {
      const { evaluate, dictionaryResult } = await import('../../dictionaries/evaluate.ts');
      const { loadDictionary } = await import('../../dictionaries/files.ts');
      const { graph } = await resources.model(work(context));
      const dictionary = await loadDictionary(inputs.folder(needs.train));
      const held = await heldOutText(needs, site, inputs);
      const scores = await evaluate({ graph, dictionary, ...held }, work(context));
      return dictionaryResult(dictionary, scores, inputs.result(needs.train));
    },
  };
}

/** The step that collects the passages on which each feature is most active. */
export function featuresStep(
  { study, resources }: StepMaker,
  { site, config: { features } }: DictionaryEntry,
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
