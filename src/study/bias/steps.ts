/** @file The steps of a bias study on text: those of any study as far as the dictionaries, then rows, then the study. */
import { join } from 'node:path';
import { stringify } from 'yaml';
import { contentHash } from '../../core/hash.ts';
import type { BiasResult } from '../../edits/bias/types.ts';
import type { StepCache } from '../cache.ts';
import { demoStudy } from '../demo.ts';
import { parseStudy } from '../parse.ts';
import { hashSteps, type StudyStep } from '../plan.ts';
import type { Resources } from '../resources.ts';
import type { Study } from '../schema.ts';
import { importStep, trainStep } from '../steps/dictionaries.ts';
import { fingerprint } from '../steps/fingerprint.ts';
import { harvestStep } from '../steps/harvest.ts';
import { modelStep } from '../steps/model.ts';
import { textStep } from '../steps/text.ts';
import { type StepMaker, work } from '../steps/types.ts';
import type { PoolResult } from './texts.ts';
import type { BiasTextOptions } from './types.ts';

/** The steps in order; the last one's result is the study's. */
export interface BiasSteps {
  readonly steps: readonly StudyStep[];
  readonly last: StudyStep<BiasResult>;
}

/** What a study of features at one site would say. */
function ownStudy(options: BiasTextOptions): Study {
  const { model, site, text, trainTokens, heldOutTokens, features, seed } = options;
  const study = {
    name: 'bias',
    ...{ model, seed },
    text: { source: text, trainTokens, heldOutTokens },
    dictionaries: [{ site, features }],
  };
  return parseStudy(stringify(study), 'the command line', process.cwd());
}

/**
 * The steps of a study. A workspace that holds the demo's activations lends them, and the demo's dictionary of this site is
 * then the first; others are learned from the same activations.
 */
export async function biasSteps(
  options: BiasTextOptions,
  resources: Resources,
  cache: StepCache,
): Promise<BiasSteps> {
  const own = await dictionarySteps(ownStudy(options), options, resources);
  const demo = await demoStudy();
  const lent =
    demo.model === options.model && demo.text.source === options.text && demo.seed === options.seed;
  const borrowed = lent ? await dictionarySteps(demo, options, resources) : undefined;
  const has = async ({ all, harvest }: BaseSteps) =>
    (await cache.manifest(hashSteps(all).get(harvest.name)!)) !== undefined;
  const base =
    borrowed && options.dictionaries.length === 0 && (await has(borrowed)) && !(await has(own))
      ? borrowed
      : own;
  const pool = await poolStep(options, base, resources);
  const study = studyStep(options, base, pool, resources);
  return { steps: [...base.all, pool, study], last: study };
}

interface BaseSteps {
  readonly all: readonly StudyStep[];
  readonly model: StudyStep<{ readonly hash: string }>;
  readonly text: StudyStep;
  readonly harvest: StudyStep;
  readonly dictionaries: readonly StudyStep[];
}

async function dictionarySteps(
  study: Study,
  options: BiasTextOptions,
  resources: Resources,
): Promise<BaseSteps> {
  const maker: StepMaker = { study, resources };
  const model = await modelStep(study.model, resources);
  const text = await textStep(maker, study.text, model);
  const harvest = harvestStep(maker, model, text);
  const entry = study.dictionaries.find((one) => one.site === options.site);
  const dictionaries: StudyStep[] = [];
  if (options.dictionaries.length > 0) {
    for (const [i, from] of options.dictionaries.entries()) {
      const step = await importStep(maker, { ...entry!, from }, { model, harvest });
      dictionaries.push(i === 0 ? step : { ...step, name: `${step.name}/${i}` });
    }
  } else if (entry) {
    for (let seed = 0; seed < options.dictionarySeeds; seed++) {
      // The first is the study's own, to the hash; the others differ in their seed alone.
      const config = seed === 0 ? entry.config : { ...entry.config, seed: study.seed + seed };
      const step = trainStep(maker, { ...entry, config }, { model, harvest });
      dictionaries.push(
        seed === 0
          ? step
          : { ...step, name: `${step.name}/seed-${seed}`, label: `${step.label}, seed ${seed}` },
      );
    }
  }
  return { all: [model, text, harvest, ...dictionaries], model, text, harvest, dictionaries };
}

/** Where the pooled rows lie in their step's folder. */
export const rowsFolder = (folder: string): string => join(folder, 'rows');

/** How much of the work of all rows a trial does; for estimates. */
const rowShare = ({ perClass }: BiasTextOptions): number => (perClass === undefined ? 1 : 0.2);

/** Tokens of a biography, on average; for estimates. */
const TOKENS = 70;

async function poolStep(
  options: BiasTextOptions,
  { model, dictionaries }: BaseSteps,
  resources: Resources,
): Promise<StudyStep<PoolResult>> {
  const { site, fields, data, length, auxiliaryPeople, peoplePerCell, perClass, testShare, seed } = options;
  const { counterfactuals } = options;
  const rows = Math.round(1300 + 2 * auxiliaryPeople) * rowShare(options);
  return {
    name: 'bias/pool',
    stage: 'features',
    label: 'Read the biographies',
    version: 2,
    config: {
      ...{
        site,
        fields,
        data: await fingerprint(data),
        length,
        auxiliaryPeople,
        peoplePerCell,
        testShare,
        seed,
      },
      ...(perClass === undefined ? {} : { perClass }),
      ...(counterfactuals ? {} : { counterfactuals }),
    },
    needs: [model, ...dictionaries],
    resumable: true,
    cost: {
      seconds: (rows * Math.min(length, TOKENS)) / 900,
      diskBytes: rows * 4 * (576 + dictionaries.length * options.features),
      memoryBytes: 1.8e9,
    },
    async run(inputs, context) {
      const { poolBiographies } = await import('./rows.ts');
      const opened = await resources.model(work(context));
      return poolBiographies(
        {
          options,
          model: opened,
          folders: dictionaries.map((step) => inputs.folder(step)),
          folder: rowsFolder(context.folder),
          threads: context.threads,
        },
        work(context),
      );
    },
  };
}

function studyStep(
  options: BiasTextOptions,
  { model, text, dictionaries }: BaseSteps,
  pool: StudyStep<PoolResult>,
  resources: Resources,
): StudyStep<BiasResult> {
  const { probes, textWindows, taskPairs, resamples, paths, choice, seed, model: name } = options;
  return {
    name: 'bias/study',
    stage: 'edit',
    label: 'Edit the classifier and measure',
    version: 4,
    config: {
      ...{ probes, textWindows, taskPairs, resamples, seed },
      ...(paths ? { paths } : {}),
      ...(choice ? { choice: contentHash(choice) } : {}),
    },
    needs: [model, text, pool, ...dictionaries],
    cost: {
      // Measured on two cores: probes after every edit, the network above the cut for every point of a curve and every other task.
      seconds:
        20 + rowShare(options) * (options.dictionarySeeds * probes * 15 + textWindows * 20 + taskPairs * 4),
      diskBytes: 1e6,
      memoryBytes: 3e9,
    },
    async run(inputs, context) {
      const { runBiasStudy } = await import('./run-study.ts');
      return runBiasStudy(
        {
          options,
          model: await resources.model(work(context)),
          modelName: name,
          textFolder: inputs.folder(text),
          poolFolder: rowsFolder(inputs.folder(pool)),
          pool: inputs.result(pool),
          folders: dictionaries.map((step) => inputs.folder(step)),
          threads: context.threads,
        },
        work(context),
      );
    },
  };
}
