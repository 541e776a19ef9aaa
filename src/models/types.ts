/** @file What a model is to the rest of the house: a graph, a tokenizer, its sites, and where it came from. */
import type { Dim, Graph } from '../graph/types.ts';

/** Architectures that are built from weights, by the names of Hugging Face. */
export const families = [
  'llama',
  'mistral',
  'qwen2',
  'qwen3',
  'gemma2',
  'gemma3',
  'phi3',
  'gpt2',
  'gpt_neox',
  'bert',
  'roberta',
  'vit',
] as const;
export type Family = (typeof families)[number];

/** Nonlinearities of the feed-forward part; `gelu_tanh` is GPT-2's approximation. */
export type Activation = 'silu' | 'gelu' | 'gelu_tanh' | 'quick_gelu' | 'relu';

/**
 * Sizes and constants of a transformer: all that its graph depends on besides the weights. What is absent is as
 * in Llama: causal, norms by root mean square before each part, gated SiLU, no biases, rotary embedding of whole heads.
 */
export interface ModelShape {
  readonly family: Family;
  readonly layers: number;
  /** Width D of the residual stream. */
  readonly width: number;
  readonly heads: number;
  /** Heads of keys and values; each serves heads / kvHeads query heads (grouped-query attention). */
  readonly kvHeads: number;
  readonly headWidth: number;
  readonly mlpWidth: number;
  /** Numbers of logits: tokens, or classes of a classifier of images. */
  readonly vocabulary: number;
  /** Longest text the model was made for, in tokens. */
  readonly context: number;
  /** Base of the rotary frequencies; 0 without rotary embedding. */
  readonly ropeBase: number;
  /** Divisors of the rotary frequencies (ropeWidth / 2 of them), for models with a stretched context. */
  readonly ropeFactors?: readonly number[];
  readonly normEpsilon: number;
  /** Whether the unembedding is the embedding. */
  readonly tied: boolean;

  /** `encoder`: every token sees every other that is no padding; `vision`: the same for patches of an image. */
  readonly kind?: 'encoder' | 'vision';
  readonly norm?: 'layer';
  /** `after`: x = norm(x + part(x)) (BERT); `around`: x = x + norm(part(norm(x))) (Gemma). */
  readonly normPlace?: 'after' | 'around';
  /** Attention and feed-forward both read the block's input and are added together (GPT-NeoX). */
  readonly parallel?: boolean;
  readonly activation?: Activation;
  readonly gated?: boolean;
  readonly biases?: readonly ('qkv' | 'out' | 'mlp')[];
  /** Queries and keys are normed per head before they are rotated (Qwen 3, Gemma 3). */
  readonly headNorm?: boolean;
  /** Factor of the products of queries and keys; 1/√headWidth when absent. */
  readonly attentionScale?: number;
  /** Scores s become cap·tanh(s / cap) (Gemma 2). */
  readonly attentionCap?: number;
  readonly logitCap?: number;
  /** A query sees this many keys, itself included, in the layers of localLayers (all layers when absent). */
  readonly window?: number;
  readonly localLayers?: readonly number[];
  /** How many numbers of a head are rotated, from the first on; headWidth when absent. */
  readonly ropeWidth?: number;
  /** Factor of cosines and sines (YaRN, LongRoPE). */
  readonly ropeScale?: number;
  /** Divisors for texts longer than `after` tokens (LongRoPE). */
  readonly ropeLong?: { readonly after: number; readonly factors: readonly number[] };
  /** Base of the rotary frequencies in localLayers, without divisors (Gemma 3). */
  readonly ropeLocalBase?: number;
  readonly embedScale?: number;
  /** Rows of a learned table of positions, and the row of position 0. */
  readonly positionTable?: { readonly rows: number; readonly first: number };
  /** Kinds of segments (BERT), and the token that ends one. */
  readonly tokenTypes?: { readonly kinds: number; readonly separator?: number };
  /** Encoders: tokens that are no text. */
  readonly padding?: number;
  /** What an encoder says in the end; `hidden` is the last state alone. */
  readonly head?: 'hidden' | 'pooler' | 'masked' | 'classes';
  /** Images: pixels along a side, of a patch, and colours. */
  readonly image?: { readonly size: number; readonly patch: number; readonly channels: number };
}

/** A named place in the network; the name is also the name of the value in the graph. */
export interface SiteInfo {
  readonly name: string;
  /** Numbers per position (heads × headWidth for per-head sites); 0 for attention scores and patterns. */
  readonly width: number;
  readonly block?: number;
  readonly shape: readonly Dim[];
}

/** A tokenizer as data: what lies in the cache beside the weights. */
export interface TokenizerFiles {
  readonly tokenizer: unknown;
  readonly config: unknown;
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
  /** The token that the model expects behind every text, if it does (encoders). */
  readonly end?: number;
  /** The token that stands for a word to be guessed (encoders). */
  readonly mask?: number;
  /** The data it was opened from; chat templates are in `config`. Absent for toys. */
  readonly files?: TokenizerFiles;
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
  /**
   * Of text: input `tokens` int64 [batch, position]; output `logits` [batch, position, vocabulary], for encoders
   * also or instead `last_hidden_state` [batch, position, width] and `pooler_output` [batch, width].
   * Of images: input `pixels` [batch, channels, size, size]; output `logits` [batch, classes].
   */
  readonly graph: Graph;
  /** For models of images every call throws `model.no-tokenizer`. */
  readonly tokenizer: Tokenizer;
  readonly sites: readonly SiteInfo[];
}
