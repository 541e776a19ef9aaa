/** @file What a TopK training run is asked for, with our defaults, checked before anything is allocated. */
import { DictionaryError } from '../core/errors.ts';

export interface TopKConfig {
  readonly site: string;
  readonly modelHash: string;
  /** Rows with a norm above it were left out and pass the dictionary by. */
  readonly sinkNorm: number;
  readonly features: number;
  readonly k: number;
  /** Rows seen in all; `passes` over the rows otherwise. */
  readonly tokens?: number;
  readonly passes?: number;
  readonly batch?: number;
  readonly learningRate?: number;
  /** Steps of linear warm-up. */
  readonly warmUp?: number;
  /** Share of all steps over which the rate falls to 0 at the end. */
  readonly decay?: number;
  /** Weight of the auxiliary loss on dead features; 0 switches it off. */
  readonly auxiliary?: number;
  /** Rows without being active after which a feature counts as dead. */
  readonly deadAfter?: number;
  /** Global norm that gradients are clipped to. */
  readonly clip?: number;
  readonly seed?: number;
  /** How the active features are found: by a product of bytes that screens candidates, or by one in float32. */
  readonly encoder?: 'exact' | 'screened';
}

/** A configuration with every choice made, for N rows. */
export type FullConfig = Required<Omit<TopKConfig, 'passes'>> & { readonly steps: number };

/** Settings that reached the best held-out FVE in docs/performance.md. */
export const defaults = {
  passes: 10,
  batch: 2048,
  learningRate: 1e-3,
  warmUp: 20,
  decay: 0.2,
  auxiliary: 1 / 32,
  clip: 1,
  seed: 0,
  encoder: 'exact',
} as const;

/**
 * The full configuration for `rows` rows of width `width`. A batch larger than the data becomes all of it.
 * @throws DictionaryError `dictionary.config`, `dictionary.no-rows`.
 */
export function fullConfig(config: TopKConfig, rows: number, width: number): FullConfig {
  const { features, k, site } = config;
  const wrong = (what: string, hint: string) =>
    new DictionaryError('dictionary.config', what, { where: site, hint });
  if (rows < 1) {
    throw new DictionaryError('dictionary.no-rows', 'there are no activations to train on', {
      where: site,
      hint: 'give more text, or harvest this site again',
    });
  }
  if (!Number.isInteger(width) || width < 1)
    throw wrong(`the width is ${width}`, 'rows hold at least one number');
  if (!Number.isInteger(features) || features < 1)
    throw wrong(`features is ${features}`, 'ask for at least one feature');
  if (!Number.isInteger(k) || k < 1 || k > features) {
    throw wrong(`k is ${k} with ${features} features`, `k must be from 1 to ${features}`);
  }
  const batch = Math.min(config.batch ?? defaults.batch, rows);
  const tokens = config.tokens ?? Math.round((config.passes ?? defaults.passes) * rows);
  if (!(batch >= 1) || !(tokens >= 1))
    throw wrong(`batch ${batch}, tokens ${tokens}`, 'both must be at least 1');
  const full = {
    ...defaults,
    ...Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)),
  } as typeof defaults & TopKConfig;
  return {
    ...full,
    batch,
    tokens,
    steps: Math.max(1, Math.floor(tokens / batch)),
    deadAfter: config.deadAfter ?? Math.min(rows, 100_000),
  };
}
