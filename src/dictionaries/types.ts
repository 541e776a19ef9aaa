/** @file What a dictionary is: encoder and decoder of sparse features at one site, for raw activations. */
import { DictionaryError } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import type { Architecture } from './kinds/registry.ts';

/** Floats on memory of their own (not shared between threads), as tensors hold them. */
export type Floats = Tensor<'float32'>['data'];

/** How features come from pre-activations a = W_enc·x + b_enc. */
export type Activation =
  /** f = max(a, 0). */
  | { readonly kind: 'relu' }
  /** The k largest of the positive a of a row (Gao et al. 2024); of equal ones the lower index wins. */
  | { readonly kind: 'topk'; readonly k: number }
  /** f = a where a > max(θ, 0), else 0: JumpReLU (Rajamanoharan et al. 2024b), and BatchTopK as it is used. */
  | { readonly kind: 'threshold'; readonly threshold_F: Floats }
  /**
   * Gated (Rajamanoharan et al. 2024a, eq. 6 and 7): open where a > 0 (b_enc is the gate's bias), then
   * f = max(exp(r_mag)·(W_enc·x) + b_mag, 0).
   */
  | { readonly kind: 'gated'; readonly r_mag_F: Floats; readonly b_mag_F: Floats }
  /** Matching pursuit: k times the feature with the largest inner product with what is left. */
  | { readonly kind: 'pursuit'; readonly k: number }
  /** f = x. */
  | { readonly kind: 'identity' };

/** A site and the floats of an activation there. */
export interface SitePart {
  readonly site: string;
  readonly width: number;
}

/**
 * A dictionary: features f of an activation x (`activation` says how), x̂ = Σ f_i W_dec[i] + b_dec (+ W_skip·x).
 * Normalisation of training is folded in: weights apply to raw activations. Our own training gives decoder rows of norm
 * 1, so that f_i is the length of what feature i writes; others need not.
 * Rows (positions) with a norm above `sinkNorm`, and position 0 of a text, are outside its domain and pass by.
 */
export interface Dictionary {
  readonly architecture: Architecture;
  readonly activation: Activation;
  /** What it reads. */
  readonly site: string;
  /** What it predicts where that is not what it reads (transcoders). */
  readonly output?: SitePart;
  /** The sites whose activations, one after another, are x (crosscoders); their widths sum to `width`. */
  readonly sites?: readonly SitePart[];
  readonly modelHash: string;
  /** D, floats of an activation. */
  readonly width: number;
  /** F. */
  readonly features: number;
  /** Row-major [F, D]: row i detects feature i. */
  readonly W_enc_FD: Floats;
  readonly b_enc_F: Floats;
  /** Row-major [F, E], E = outputWidth(d): row i is what feature i writes. */
  readonly W_dec_FD: Floats;
  /** [E]. */
  readonly b_dec_D: Floats;
  /** Row-major [E, D]: what goes past the features (skip transcoders, Paulo et al. 2025). */
  readonly W_skip_ED?: Floats;
  /** Rows are scaled to this norm before they are encoded, and everything that is decoded is scaled back. */
  readonly rowNorm?: number;
  /**
   * Rows lose their mean before they are scaled, and what is decoded gets it back (SAELens' layer_norm). What is encoded
   * is divided by SPREAD_EPSILON more than it is scaled back by.
   */
  readonly rowCentred?: true;
  readonly sinkNorm: number;
}

/** E, floats of what a dictionary predicts. */
export const outputWidth = (d: Dictionary): number => d.output?.width ?? d.width;

/** The most features that can be active at once, where its activation fixes that. */
export const activeLimit = ({ activation }: Dictionary): number | undefined =>
  activation.kind === 'topk' || activation.kind === 'pursuit' ? activation.k : undefined;

/** What stands for ‖x‖/rowNorm of a row of zeros, which must not become NaN. */
export const LEAST_SCALE = 1e-30;

/** What layer_norm of SAELens adds to the standard deviation of a row (saes/sae.py, run_time_activation_ln_in). */
export const SPREAD_EPSILON = 1e-5;

/** A feature code of B rows, `slots` slots a row: features ascending, unused slots are index 0 with value 0. */
export interface SparseCode {
  /** K, at least 1. */
  readonly slots: number;
  readonly indices_BK: Int32Array;
  readonly values_BK: Float32Array;
  /** Of a dictionary with `rowNorm`: what the decoder bias is multiplied by in each row. */
  readonly scale_B?: Float32Array;
  /** Of a dictionary with `rowCentred`: what is added to each float of a reconstruction. */
  readonly mean_B?: Float32Array;
}

/** What evaluation reports of a dictionary, as results and Studio show it. */
export interface DictionaryResult {
  readonly site: string;
  readonly features: number;
  readonly architecture?: Architecture;
  /** Features active at once, at most, where the architecture fixes that; else the mean number. */
  readonly k: number;
  /** Mean number of active features a position. */
  readonly l0: number;
  /** 1 − Σ‖x−x̂‖²/Σ‖x−x̄‖² over the whole held-out set. */
  readonly fve: number;
  /** (CE mean-ablated − CE spliced)/(CE mean-ablated − CE clean), held-out text. */
  readonly ceRecovered: number;
  readonly ce: { readonly clean: number; readonly spliced: number; readonly meanAblated: number };
  /** Share of features that are never active on the held-out set and were not in the last rows of training. */
  readonly dead: number;
  /** Training speed. */
  readonly tokensPerSecond: number;
  readonly tokensSeen: number;
  /** Held-out scores while training. */
  readonly curve: readonly CurvePoint[];
}

/** What a dictionary scored on held-out rows at some time of its training. */
export interface CurvePoint {
  readonly tokens: number;
  readonly fve: number;
  /** Mean number of active features a row. */
  readonly l0: number;
  /** Mean ‖z − ẑ‖²/D of the last step's batch, in normalised units. */
  readonly loss: number;
}

/** The arrays of a dictionary as tensors, by the names its files use: four matrices, then what its activation has. */
export function dictionaryTensors(d: Dictionary): Record<string, Tensor<'float32'>> {
  const E = outputWidth(d);
  const t = (shape: number[], data: Floats): Tensor<'float32'> => ({ dtype: 'float32', shape, data });
  const { activation } = d;
  return {
    W_enc_FD: t([d.features, d.width], d.W_enc_FD),
    b_enc_F: t([d.features], d.b_enc_F),
    W_dec_FD: t([d.features, E], d.W_dec_FD),
    b_dec_D: t([E], d.b_dec_D),
    ...(activation.kind === 'threshold' ? { threshold_F: t([d.features], activation.threshold_F) } : {}),
    ...(activation.kind === 'gated'
      ? { r_mag_F: t([d.features], activation.r_mag_F), b_mag_F: t([d.features], activation.b_mag_F) }
      : {}),
    ...(d.W_skip_ED ? { W_skip_ED: t([E, d.width], d.W_skip_ED) } : {}),
  };
}

/**
 * The dictionary itself, where it can stand in for the site it reads.
 * @throws DictionaryError `dictionary.not-in-place` for transcoders and crosscoders, which predict something else.
 */
export function inPlace(d: Dictionary): Dictionary {
  if (d.output === undefined && d.sites === undefined) return d;
  const what = d.output ? `predicts ${d.output.site} from ${d.site}` : 'reads several sites';
  throw new DictionaryError('dictionary.not-in-place', `the ${d.architecture} ${what}`, {
    where: d.site,
    hint: 'use a dictionary that reconstructs the site that it reads',
  });
}
