/** @file The cases of the benchmark: kinds, sizes, and the settings that bring a dense kind to few active features in a short run. */
import type { Settings } from './settings.ts';

export const kinds = ['topk', 'batchtopk', 'relu', 'jumprelu', 'gated'] as const;
export type Kind = (typeof kinds)[number];

/** `width x features`. */
export const sizes = { '512x8192': [512, 8192], '576x4608': [576, 4608] } as const;
export type Size = keyof typeof sizes;

/** Kinds whose activation alone makes them sparse: their number of active features falls as training goes. */
export const dense: ReadonlySet<Kind> = new Set(['relu', 'jumprelu', 'gated']);

/** A dense kind counts as sparse once no more than this share of its features is active on a row. */
export const SPARSE = 0.05;

/** Settings of a case but for its stream and length. */
export function caseSettings(
  kind: Kind,
  size: Size,
): Omit<Settings, 'train' | 'heldOut' | 'steps' | 'decayStart'> {
  const [width, features] = sizes[size];
  return {
    ...{
      kind,
      width,
      features,
      k: 32,
      batch: 4096,
      threads: 2,
      seed: 0,
      warmUp: 5,
      sparsityWarmUp: 5,
      sparse: false,
    },
    // Dense kinds pass from half of all features to a few within tens of steps at this rate.
    rate: dense.has(kind) ? 6e-3 : 1e-3,
    // Ours finds its λ (sparsityTarget); the peers' steps cost the same whatever theirs is.
    coefficient: kind === 'jumprelu' ? 0.3 : 3,
    bandwidth: 0.5,
    ...(dense.has(kind) ? { sparsityTarget: 0.03 * features } : {}),
  };
}

/** Ours with the product in float32 alone. */
export const EXACT = 'exact encoder';

/** Trainings of ours beside the one that is compared, in the same rounds, and what is other in their settings. */
export function variantsOf(
  kind: Kind,
  size: Size,
): { readonly name: string; readonly settings: Partial<Settings> }[] {
  if (!dense.has(kind)) return [{ name: EXACT, settings: { screened: false } }];
  const active = (share: number) => ({
    name: `L0 ${100 * share} % of the features`,
    settings: { sparsityTarget: share * sizes[size][1] },
  });
  return [{ name: 'every entry gathered', settings: { gathered: true } }, active(SPARSE), active(0.01)];
}
