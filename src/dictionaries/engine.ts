/** @file Which engine trains a plan. */
import { DictionaryError } from '../core/errors.ts';
import { fusedReason } from './fused.ts';
import { openGraphTrainer } from './graph-trainer.ts';
import { openTrainer, type Trainer, type TrainerOptions } from './trainer.ts';

/** What a training is opened with. */
export type EngineOptions = TrainerOptions;

/** What either engine gives. */
export type Engine = Trainer;

/**
 * Opens the fused engine where it can train the plan, else the graph engine, which trains everything, on the processor.
 * @throws DictionaryError `dictionary.config` where another provider is asked for and the fused engine cannot train the plan
 */
export async function openEngine(options: EngineOptions): Promise<Trainer> {
  const { provider, site } = options.plan;
  const reason = fusedReason(options.plan);
  if (reason === undefined) return openTrainer(options);
  if (provider !== 'cpu')
    throw new DictionaryError('dictionary.config', `${provider} cannot train this: ${reason}`, {
      where: site,
      hint: 'leave provider out, or the option that is named',
    });
  return openGraphTrainer(options);
}
