/** @file Which engine trains a plan. */
import { random } from '../core/random.ts';
import { courseAt } from './courses.ts';
import { openGraphTrainer } from './graph-trainer.ts';
import { fold, normalisation } from './normalise.ts';
import type { TrainingPlan } from './plan.ts';
import type { ActivationRows } from './rows.ts';
import { openTrainer, type Trainer } from './trainer.ts';
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
export async function openEngine({ plan, source, order, threads }: EngineOptions): Promise<Trainer> {
  if (plan.architecture !== 'topk' || plan.optimiser.name !== 'adam' || plan.interference > 0)
    return openGraphTrainer({ plan, source, order, threads });
  const { width, features, kFinal: k, batch, site, modelHash, sinkNorm } = plan;
  const normal = normalisation(source.x_ND, width, site);
  const trainer = await openTrainer({
    shape: { width, features, k, batch, threads },
    config: {
      schedule: {
        rate: courseAt({ ...plan.rate, warmUp: 0, decay: 0 }, 0, 1),
        warmUp: plan.rate.warmUp,
        decay: plan.rate.decay,
      },
      ...{ beta1: 0.9, beta2: 0.999, epsilon: 1e-8, clip: plan.clip, auxiliary: plan.auxiliary },
      ...{
        deadAfter: plan.deadAfter,
        steps: plan.steps,
        scale: normal.scale,
        screened: plan.encoder === 'screened',
      },
    },
    ...{ source: source.x_ND, order, centre: normal.centre, random: random(plan.seed).fork('weights') },
  });
  const dictionary = () => fold(trainer.weights, normal, { site, modelHash, sinkNorm, features, k, width });
  return Object.assign(trainer, { dictionary });
}
