/** @file What a dictionary is: encoder and decoder of sparse features at one site, for raw activations. */
import type { Tensor } from '../core/tensor.ts';

/** Floats on memory of their own (not shared between threads), as tensors hold them. */
export type Floats = Tensor<'float32'>['data'];

/**
 * A TopK dictionary (Gao et al. 2024). For an activation x: a = W_enc·x + b_enc, the k largest entries of a that are
 * positive are the features f, x̂ = Σ f_i W_dec[i] + b_dec. Normalisation of training is folded in: weights apply to
 * raw activations, decoder rows have norm 1, so f_i is the length of what feature i writes.
 * Rows (positions) with a norm above `sinkNorm`, and position 0 of a text, are outside its domain and pass by.
 */
export interface Dictionary {
  readonly architecture: 'topk' | 'neurons';
  readonly site: string;
  readonly modelHash: string;
  /** D, floats of an activation. */
  readonly width: number;
  /** F. */
  readonly features: number;
  /** Features active at once, at most. */
  readonly k: number;
  /** Row-major [F, D]: row i detects feature i. */
  readonly W_enc_FD: Floats;
  readonly b_enc_F: Floats;
  /** Row-major [F, D]: row i is what feature i writes. */
  readonly W_dec_FD: Floats;
  readonly b_dec_D: Floats;
  readonly sinkNorm: number;
}

/** A feature code of B rows, K slots a row: features ascending, unused slots are index 0 with value 0. */
export interface SparseCode {
  readonly indices_BK: Int32Array;
  readonly values_BK: Float32Array;
}

/** What evaluation reports of a dictionary, as results and Studio show it. */
export interface DictionaryResult {
  readonly site: string;
  readonly features: number;
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
  /** Held-out FVE while training. */
  readonly curve: readonly { readonly tokens: number; readonly fve: number }[];
}

/** The matrices of a dictionary as tensors, by the names its files use. */
export const dictionaryTensors = (d: Dictionary): Record<string, Tensor<'float32'>> => ({
  W_enc_FD: { dtype: 'float32', shape: [d.features, d.width], data: d.W_enc_FD },
  b_enc_F: { dtype: 'float32', shape: [d.features], data: d.b_enc_F },
  W_dec_FD: { dtype: 'float32', shape: [d.features, d.width], data: d.W_dec_FD },
  b_dec_D: { dtype: 'float32', shape: [d.width], data: d.b_dec_D },
});
