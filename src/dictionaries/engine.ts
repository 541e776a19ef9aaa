/** @file Which engine trains a plan. */
import { openGraphTrainer } from './graph-trainer.ts';
import type { TrainingPlan } from './plan.ts';
import type { ActivationRows } from './rows.ts';
import type { Trainer } from './trainer.ts';
import type { Dictionary } from './types.ts';

export interface EngineOptions {
  readonly plan: TrainingPlan;
  /** On shared memory. */
  readonly source: ActivationRows;
  /** Row of each slot of each batch, [steps · batch], on shared memory. */
  readonly order: Uint32Array;
  readonly threads: number;
}

/** A trainer that can tell its dictionary at any time. */
export type Engine = Trainer & { dictionary(): Dictionary };

/** Opens the engine that can train `plan`. */
export const openEngine = (options: EngineOptions): Promise<Engine> =>
  openGraphTrainer(options) as Promise<Engine>;
