/** @file Whose defaults a training starts from: ours, SAELens' or dictionary_learning's, by kind. Each number with its source. */
import type { DictionaryOptions, TrainedArchitecture } from './config-schema.ts';

type Chosen = 'kStart' | 'kSteps' | 'deadAfter' | 'pStart' | 'resampleEvery' | 'resampleUntil' | 'targetL0';
type Free = Chosen | 'groups' | 'groupWeights' | 'patience' | 'tokens' | 'passes' | 'preset';

/** Every option with its value, and those that may stay open. */
export type Preset = {
  readonly [K in Exclude<keyof DictionaryOptions, Free>]-?: DictionaryOptions[K] & {};
} & {
  readonly [K in Free]?: DictionaryOptions[K];
} & {
  /** Weights of Matryoshka's losses: all 1, 1/G (their mean) or 1/G² (dictionary_learning weighs the mean again). */
  readonly groupForm: 'sum' | 'mean' | 'mean-of-weighted';
};

/** What a preset's numbers depend on. */
export interface PresetSizes {
  readonly architecture: TrainedArchitecture;
  readonly features: number;
  readonly width: number;
  /** Steps of the run, as far as they are known. */
  readonly steps: number;
}

/** Names of presets. */
export type PresetName = DictionaryOptions['preset'] & string;

const adam = (beta1: number) => ({ name: 'adam', beta1, beta2: 0.999, epsilon: 1e-8 }) as const;

/** Options that no trainer but ours has; both others leave them off. */
const off = {
  clip: Number.POSITIVE_INFINITY,
  decay: 0,
  decayShape: 'linear',
  decayFloor: 0,
  penaltyDecay: 0,
  penaltyFloor: 0,
  gain: 0.02,
  l0Form: 'linear',
  interference: 0,
  startFrom: 'random',
  encoder: 'exact',
  provider: 'cpu',
  activation: 'relu',
  pFrom: 1,
  pTo: 0,
  pUpdates: 10,
  pQueue: 10,
  pForm: 'lp',
} as const;

/**
 * dictionary_learning 0.1 (saprmarks), module `trainers/`: numbers of `standard.py`, `p_anneal.py`, `gdm.py`, `top_k.py`,
 * `batch_top_k.py`, `jumprelu.py`, `matryoshka_batch_top_k.py`; batch of `buffer.py` (out_batch_size 8192). Rows are used
 * as they are (`normalize_activations=False`). Its warm-up starts at rate 0, ours at rate/n: one step's difference.
 * Not taken over: its resampling of p-anneal, which changes nothing, and its L0 step on activations after the jump.
 */
function dictionaryLearning({ architecture, features }: PresetSizes): Preset {
  const base = {
    ...off,
    batch: 8192,
    seed: 0,
    learningRate: 1e-3,
    warmUp: 1000,
    optimiser: adam(0.9),
    k: 32,
    byDecoderNorm: false,
    groupForm: 'mean-of-weighted',
    penalty: 0.1,
    penaltyWarmUp: 2000,
    penaltyForm: 'unit',
    decoderNorm: 'unit',
    preBias: true,
    normalise: 'none',
    startBias: 'zero',
    decoderStartNorm: 1,
    encoderStartNorm: 1,
    auxiliary: 0,
    auxiliaryForm: 'scaled',
    deadAfter: 10_000_000,
    threshold: 0.001,
    bandwidth: 0.001,
    thresholdKept: 0.999,
    thresholdFrom: 1000,
  } as const;
  /** 2e-4/√(F/2¹⁴): Gao et al. 2024, figure 3. */
  const topk = {
    learningRate: 2e-4 / Math.sqrt(features / 2 ** 14),
    clip: 1,
    auxiliary: 1 / 32,
    startBias: 'geometric-median',
  } as const;
  switch (architecture) {
    case 'gated':
      return { ...base, learningRate: 5e-5, optimiser: adam(0), auxiliary: 1 };
    case 'topk':
    case 'batchtopk':
    case 'matryoshka':
    case 'matching-pursuit':
      return { ...base, ...topk };
    case 'jumprelu':
      return {
        ...base,
        ...{ learningRate: 7e-5, optimiser: adam(0), clip: 1, penalty: 1, l0Form: 'quadratic', targetL0: 20 },
        preBias: false,
      };
    case 'p-anneal':
      return { ...base, encoderStartNorm: 0.1, pStart: 15_000 };
    case 'transcoder':
    case 'skip-transcoder':
    case 'crosscoder':
    case 'relu':
      return { ...base, encoderStartNorm: 0.1 };
  }
}

/**
 * SAELens 6 (`config.py`, `saes/*_sae.py`): rate 3e-4 throughout, Adam (0.9, 0.999), gradients clipped to 1 always, batch
 * of 4096 tokens, decoder rows start at norm 0.1 and stay free, dead after 1000 steps. No p-annealing: its numbers with our p.
 */
function saelens({ architecture }: PresetSizes): Preset {
  const batch = 4096;
  const base = {
    ...off,
    batch,
    seed: 42,
    learningRate: 3e-4,
    warmUp: 0,
    optimiser: adam(0.9),
    clip: 1,
    k: 100,
    byDecoderNorm: true,
    groupForm: 'sum',
    penalty: 1,
    penaltyWarmUp: 0,
    penaltyForm: 'decoder-norm',
    decoderNorm: 'free',
    preBias: true,
    normalise: 'none',
    startBias: 'zero',
    decoderStartNorm: 0.1,
    encoderStartNorm: 0.1,
    auxiliary: 1,
    auxiliaryForm: 'plain',
    deadAfter: 1000 * batch,
    threshold: 0.01,
    bandwidth: 0.05,
    thresholdKept: 0.99,
    thresholdFrom: 0,
    tokens: 2_000_000,
  } as const;
  return architecture === 'matching-pursuit' ? { ...base, decoderStartNorm: 1 } : base;
}

/**
 * Ours, chosen on synthetic data and on SmolLM2 activations (docs/dictionaries.md). Rows are centred and have RMS 1, so that
 * λ, thresholds and bandwidths mean the same at every site: a random unit direction reads numbers of variance 1.
 */
function untangle({ architecture, steps }: PresetSizes): Preset {
  // Short runs want a higher rate; more than this leaves features dead (docs/performance.md).
  const rateOf = (at400: number, least: number, most: number, growth = Math.sqrt(400 / steps)) =>
    Math.min(most, Math.max(least, at400 * growth));
  const base = {
    ...off,
    batch: 2048,
    seed: 0,
    learningRate: rateOf(4e-3, 1e-3, 7e-3),
    passes: 6,
    warmUp: Math.min(20, Math.ceil(steps / 15)),
    decay: 0.2,
    optimiser: adam(0.9),
    clip: 1,
    k: 32,
    byDecoderNorm: false,
    groupForm: 'mean',
    penalty: 1,
    penaltyWarmUp: Math.floor(steps / 10),
    penaltyForm: 'unit',
    decoderNorm: 'unit',
    preBias: false,
    normalise: 'centre-rms',
    startBias: 'zero',
    decoderStartNorm: 1,
    encoderStartNorm: 1,
    auxiliary: 1 / 32,
    auxiliaryForm: 'scaled',
    threshold: 0.5,
    bandwidth: 0.5,
    // The mean over about a twentieth of the run: weights move, and an old threshold lets too few features through.
    thresholdKept: 1 - 1 / Math.max(10, steps / 20),
    thresholdFrom: 0,
    encoder: 'screened',
  } as const;
  // Without the shared bias and a short start a penalty on values needs twice the λ for the same L0 and explains less (docs/performance.md).
  const short = { preBias: true, encoderStartNorm: 0.1 } as const;
  const fast = { learningRate: rateOf(7.2e-3, 1.8e-3, 1.2e-2) };
  switch (architecture) {
    case 'batchtopk':
      // More variance explained at every site and length that was tried (docs/performance.md).
      return {
        ...base,
        learningRate: rateOf(5.2e-3, 1.3e-3, 1.2e-2, (400 / steps) ** (steps < 400 ? 0.75 : 0.5)),
        warmUp: Math.min(100, Math.ceil(steps / 7)),
        decay: 0.4,
      };
    case 'gated':
      return { ...base, ...short, auxiliary: 1 };
    case 'transcoder':
    case 'skip-transcoder':
      return { ...base, activation: 'topk' };
    case 'crosscoder':
      // As published: a feature's lengths at the sites are what is penalised, so they must be free to differ.
      return { ...base, decoderNorm: 'free', penaltyForm: 'decoder-norm' };
    case 'relu':
      return { ...base, ...short, ...fast };
    case 'p-anneal':
      return { ...base, ...short, ...fast, pTo: 0.5, pForm: 'lp^p' };
    case 'matching-pursuit':
      return { ...base, batch: 1024, learningRate: 3e-3 };
    default:
      return base;
  }
}

const presets: Record<PresetName, (sizes: PresetSizes) => Preset> = {
  untangle,
  saelens,
  dictionary_learning: dictionaryLearning,
};

/** Values of a preset for a kind and sizes. */
export const presetOf = (name: PresetName, sizes: PresetSizes): Preset => presets[name](sizes);
