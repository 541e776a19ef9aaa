/** @file Which engine trains a plan. */
import { openGraphTrainer } from './graph-trainer.ts';
import { fusedReason } from './plan.ts';
import { openTrainer, type Trainer, type TrainerOptions } from './trainer.ts';

/** What a training is opened with. */
export type EngineOptions = TrainerOptions;

/** What either engine gives. */
export type Engine = Trainer;

/** Opens the fused engine where it can train the plan, else the graph engine, which trains everything, on the processor. */
export const openEngine = (options: EngineOptions): Promise<Trainer> =>
  fusedReason(options.plan) === undefined ? openTrainer(options) : openGraphTrainer(options);
