/** @file The sizes that the memory of the fused engine needs for a plan. */
import { blockRows } from './blocks.ts';
import { FREQUENT, type FrequentRule } from './frequent.ts';
import type { Selection, TrainShape } from './layout.ts';
import type { TrainingPlan } from './plan.ts';

/** How the fused engine finds the active features of a plan. */
const selections: Partial<Record<TrainingPlan['activation'], Selection>> = {
  topk: 'rows',
  batchtopk: 'batch',
};

/** Whether active features are found by a product of bytes: where it is asked for, and few are chosen. */
export const screens = ({ encoder, activation }: TrainingPlan): boolean =>
  encoder === 'screened' && selections[activation] !== undefined;

/** Rows of a block of a plan: lists of every feature, which choosing over the batch needs, are short for few rows only. */
export const planRows = (plan: TrainingPlan): number =>
  blockRows(screens(plan) && plan.activation === 'topk');

/** Whether the penalty weighs features by decoder norms that are free to move. */
export const weighsByNorm = ({ penaltyForm, decoderNorm, activation }: TrainingPlan): boolean =>
  penaltyForm === 'decoder-norm' &&
  decoderNorm === 'free' &&
  (activation === 'relu' || activation === 'gated');

/** Sizes of a plan. */
export function trainShape(
  plan: TrainingPlan,
  threads: number,
  frequent: FrequentRule | 'none' = FREQUENT,
): TrainShape {
  const { activation, k, width, features, batch, groups } = plan;
  const pull = weighsByNorm(plan) ? 1 : 0;
  return {
    ...{ width, features, batch, threads, groups },
    k: Math.min(features, Math.max(1, Math.round(k.value * Math.max(1, k.from ?? 0)))),
    selection: selections[activation] ?? 'above',
    extras: (activation === 'gated' || activation === 'jumprelu' ? 2 : 0) + pull,
    vectors: activation === 'gated' ? 2 : activation === 'jumprelu' ? 1 : 0,
    revives: plan.auxiliary > 0 && (activation === 'topk' || activation === 'batchtopk'),
    bands: activation === 'jumprelu',
    remembered: plan.power?.queue ?? 0,
    ...(frequent !== 'none' && selections[activation] === undefined ? { frequent } : {}),
  };
}
