/** @file Which plans the fused engine trains, and the sizes that its memory needs. */
import { blockRows } from './blocks.ts';
import { FREQUENT, type FrequentRule } from './frequent.ts';
import type { Selection, TrainShape } from './layout.ts';
import type { TrainingPlan } from './plan.ts';

/** Why the fused engine cannot train a plan; undefined when it can. */
export function fusedReason(plan: TrainingPlan): string | undefined {
  const { activation, architecture, optimiser, power } = plan;
  if (activation === 'pursuit') return 'matching pursuit has no encoder product';
  if (architecture === 'transcoder' || architecture === 'skip-transcoder' || architecture === 'crosscoder')
    return `a ${architecture} predicts other rows than it reads, or weighs its sites`;
  if (optimiser.name !== 'adam') return `its optimiser is ${optimiser.name}`;
  if (plan.interference > 0) return 'it has an interference potential';
  if (plan.resample) return 'it resamples dead features';
  if (plan.byDecoderNorm) return 'features compete by their decoder norm';
  if (plan.normalise === 'constant-norm') return 'every row is scaled by itself';
  if (plan.auxiliary > 0 && plan.auxiliaryForm === 'plain') return 'its auxiliary loss is SAELens’';
  if (power && power.form === 'lp') return 'its penalty is (Σ f^p)^(1/p)';
  if (plan.groups.length > 1 && !(plan.groupWeights.at(-1)! > 0)) return 'its last group has no weight';
  return undefined;
}

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
