/** @file The step `bias/study`: problems from pooled rows, the study, and what has to be said beside its figures. */
import type { WorkContext } from '../../core/progress.ts';
import { biasStudy } from '../../edits/bias/study.ts';
import type { BiasResult } from '../../edits/bias/types.ts';
import { dictionaryHash, requireChoice } from './choice.ts';
import { type Opened, openProblems, type ProblemInput } from './problems.ts';
import { published } from './published.ts';
import { pooledRows } from './rows.ts';
import type { PoolResult } from './texts.ts';

export interface StudyInput extends ProblemInput {
  /** As it was asked for. */
  readonly modelName: string;
  readonly poolFolder: string;
  readonly pool: PoolResult;
  /** Of the dictionaries. */
  readonly folders: readonly string[];
}

/** Runs the study on what the steps before have left. @throws EditError; CircuitError; InterruptedError */
export async function runBiasStudy(input: StudyInput, context: WorkContext): Promise<BiasResult> {
  const begun = performance.now();
  const { options, model, folders, poolFolder, threads, pool } = input;
  const all = await pooledRows({ options, model, folders, folder: poolFolder, threads }, context);
  if (options.choice) requireChoice(options.choice, options.site, model, all[0]!.dictionary);
  const opened: Opened[] = [];
  try {
    const { problems, otherTasks } = await openProblems(input, all, opened, context);
    const study = await biasStudy(
      problems,
      {
        probes: options.probes,
        resamples: options.resamples,
        seed: options.seed,
        ...(options.paths ? { paths: options.paths } : {}),
        ...(options.choice ? { choice: options.choice.features } : {}),
      },
      context,
    );
    const { outcome, protected: attribute, name } = problems[0]!;
    return {
      format: 'untangle-bias',
      version: 1,
      ...{ name, outcome, protected: attribute },
      model: { name: model.name, hash: model.hash },
      site: options.site,
      dictionaries: all.map(({ dictionary }, seed) => ({
        name: options.dictionaries[seed] ?? `seed ${seed}`,
        seed,
        features: dictionary.features,
        hash: dictionaryHash(dictionary),
      })),
      counts: pool.cells.map(({ side, field, gender, natural, swapped }) => ({
        set: side,
        outcome: field,
        protected: gender,
        ...{ natural, swapped },
      })),
      ...study,
      otherTasks,
      published,
      attribution: pool.attribution,
      seconds: (performance.now() - begun) / 1000,
      command: '',
    };
  } finally {
    for (const one of opened) await one.release();
  }
}
