/** @file A toy model as it is asked for, checked at the door, with the usual choices made. */
import { SuperpositionError } from '../core/errors.ts';
import type { FeatureGroup, ToyKind, ToyTask } from './types.ts';

/** A toy model in short. */
export interface ToyOptions {
  /** `relu` unless given. */
  readonly kind?: ToyKind;
  /** n ≥ 1. */
  readonly features: number;
  /** m ≥ 1. */
  readonly neurons: number;
  /** S in [0, 1). */
  readonly sparsity: number;
  /** I_i = decayⁱ for a number (1 unless given), or all of them. */
  readonly importance?: number | readonly number[];
  /** True unless given. */
  readonly bias?: boolean;
  readonly groups?: readonly FeatureGroup[];
}

/** What float32 weights and squares of them can hold. */
const LARGEST_IMPORTANCE = 1e12;

/**
 * The task with every choice made. Fewer features than neurons is allowed: every feature then gets a direction.
 * @throws SuperpositionError `superposition.features`, `superposition.sparsity`, `superposition.importance`,
 * `superposition.groups`.
 */
export function toyTask(options: ToyOptions): ToyTask {
  const { kind = 'relu', features, neurons, sparsity, importance = 1, bias = true, groups = [] } = options;
  for (const [name, value] of Object.entries({ features, neurons })) {
    if (Number.isInteger(value) && value >= 1) continue;
    throw new SuperpositionError('superposition.features', `${name} is ${value}`, {
      where: name,
      hint: 'a toy model has at least one feature and one neuron: give whole numbers from 1',
    });
  }
  if (!(sparsity >= 0 && sparsity < 1))
    throw new SuperpositionError('superposition.sparsity', `the sparsity is ${sparsity}`, {
      where: 'sparsity',
      hint:
        sparsity === 1
          ? 'at sparsity 1 every input is 0 and nothing can be learned: give a number below 1, e.g. 0.999'
          : 'it is the probability that a feature is 0: give a number from 0 to below 1',
    });
  const importance_N =
    typeof importance === 'number'
      ? Array.from({ length: features }, (_, i) => importance ** i)
      : [...importance];
  checkImportance(importance_N, features);
  const task = { kind, features, neurons, sparsity, importance_N, bias, groups };
  checkGroups(task);
  return task;
}

function checkImportance(importance_N: readonly number[], features: number): void {
  const wrong = (what: string, hint: string) =>
    new SuperpositionError('superposition.importance', what, { where: 'importance', hint });
  if (importance_N.length !== features)
    throw wrong(
      `${importance_N.length} importances for ${features} features`,
      'give one for each, or one number whose powers they are',
    );
  const bad = importance_N.findIndex((value) => !(value >= 0 && value <= LARGEST_IMPORTANCE));
  if (bad >= 0)
    throw wrong(
      `the importance of feature ${bad} is ${importance_N[bad]}`,
      `give numbers from 0 to ${LARGEST_IMPORTANCE}: larger ones overflow where losses are squared and summed`,
    );
  if (importance_N.every((value) => value === 0))
    throw wrong('every importance is 0', 'give at least one feature an importance above 0');
}

function checkGroups({ features, sparsity, groups }: ToyTask): void {
  const wrong = (what: string, hint: string) =>
    new SuperpositionError('superposition.groups', what, { where: 'groups', hint });
  const seen = new Set<number>();
  for (const group of groups) {
    if (group.features.length < 2) throw wrong('a group has fewer than two features', 'name two or more');
    for (const feature of group.features) {
      if (!Number.isInteger(feature) || feature < 0 || feature >= features)
        throw wrong(`there is no feature ${feature}`, `features are 0 to ${features - 1}`);
      if (seen.has(feature)) throw wrong(`feature ${feature} is named twice`, 'a feature is in one group');
      seen.add(feature);
    }
    if (group.kind === 'exclusive' && group.features.length * (1 - sparsity) > 1 + 1e-9)
      throw wrong(
        `${group.features.length} features that exclude each other cannot each be active with ${(1 - sparsity).toPrecision(3)}`,
        'raise the sparsity, or make the group smaller',
      );
  }
}
