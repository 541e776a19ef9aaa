/** @file Training a dictionary of any kind on rows in memory. */
import { track } from '../core/progress.ts';
import type { DictionaryConfig } from './config-schema.ts';
import type { ActivationRows } from './rows.ts';
import { openRun, type TrainContext, type TrainOutcome } from './run.ts';

export type { ActivationRows } from './rows.ts';
export type { TrainContext, TrainLog, TrainOutcome } from './run.ts';

/**
 * Trains a dictionary as `config` says (docs/dictionaries.md). The same data, config and seed give the same weights to the
 * bit, for any number of threads, also when the run was stopped or killed and resumed.
 * @throws DictionaryError `dictionary.config`, `dictionary.no-rows`, `dictionary.not-finite`, `dictionary.constant`,
 * `dictionary.diverged`; InterruptedError after a stop (a checkpoint is in the folder then).
 */
export async function trainDictionary(
  source: ActivationRows,
  config: DictionaryConfig,
  context: TrainContext,
): Promise<TrainOutcome> {
  const run = await openRun(source, config, context);
  try {
    await track(context.progress, taskOf(config, run.tokens), async (advance) => {
      while (!run.finished) await run.advance(advance);
    });
    return await run.outcome();
  } finally {
    await run.close();
  }
}

/** A training as a task of progress. */
export const taskOf = ({ site, features }: DictionaryConfig, total: number, name = site) => ({
  task: `train/${name}`,
  label: `Learn ${features} features at ${name}`,
  total,
  unit: 'tokens',
});
