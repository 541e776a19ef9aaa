/** @file What a model is to the rest of the house: a graph, a tokenizer, its sites, and where it came from. */
import type { Dim, Graph } from '../graph/types.ts';

/** Sizes and constants of a Llama: all that its graph depends on besides the weights. */
export interface ModelShape {
  readonly family: 'llama';
  readonly layers: number;
  /** Width D of the residual stream. */
  readonly width: number;
  readonly heads: number;
  /** Heads of keys and values; each serves heads / kvHeads query heads (grouped-query attention). */
  readonly kvHeads: number;
  readonly headWidth: number;
  readonly mlpWidth: number;
  readonly vocabulary: number;
  /** Longest text the model was made for, in tokens. */
  readonly context: number;
  readonly ropeBase: number;
  /** Divisors of the rotary frequencies (headWidth / 2 of them), for models with a stretched context. */
  readonly ropeFactors?: readonly number[];
  readonly normEpsilon: number;
  /** Whether the unembedding is the embedding. */
  readonly tied: boolean;
}

/** A named place in the network; the name is also the name of the value in the graph. */
export interface SiteInfo {
  readonly name: string;
  /** Numbers per position (heads × headWidth for per-head sites); 0 for attention scores and patterns. */
  readonly width: number;
  readonly block?: number;
  readonly shape: readonly Dim[];
}

export interface Tokenizer {
  /** Token ids of `text`, with nothing added in front or behind. */
  encode(text: string): number[];
  /** Text of `ids`, special tokens included, nothing tidied. */
  decode(ids: readonly number[]): string;
  /** One token as text for the eye; bytes that are no whole character are shown as `<0xE2>`. */
  token(id: number): string;
  readonly size: number;
  /** The token that the model expects in front of every text, if it does. */
  readonly bos?: number;
}

export interface Model {
  readonly name: string;
  /** Where the weights came from, for people. */
  readonly source: string;
  /** What has to be said wherever results are shown, e.g. that the weights are 4-bit; '' when nothing. */
  readonly note: string;
  readonly parameters: number;
  /** Of weights, shape and tokenizer: equal models have equal hashes wherever they came from. */
  readonly hash: string;
  readonly shape: ModelShape;
  /** Input `tokens` int64 [batch, position]; output `logits` [batch, position, vocabulary]. */
  readonly graph: Graph;
  readonly tokenizer: Tokenizer;
  readonly sites: readonly SiteInfo[];
}
