/** @file What the benchmark of effects compares, and the messages that its processes speak. */

/** `ig`: integrated gradients with 10 points, one site at a time (the published default); `attrib`: attribution patching. */
export type Method = 'attrib' | 'ig';

export interface Settings {
  /** Made by peer.py: the model, dictionaries.json with the sites, one safetensors file a dictionary, pairs.json. */
  readonly folder: string;
  readonly threads: number;
  /** Pairs that the peers run at once (the published scripts take 10). */
  readonly batch: number;
}

/** Pythia-70M's shape (its config.json) and that of its published dictionaries. */
export const pythia = {
  layers: 6,
  width: 512,
  heads: 8,
  mlpWidth: 2048,
  vocabulary: 50_304,
  features: 32_768,
  /** Features that are active in a row, on average. */
  active: 50,
  /** Tokens of a prompt, as in agreement across a prepositional phrase; the second differs between clean and patch. */
  tokens: 5,
  pairs: 100,
  seed: 0,
} as const;

export type Command =
  | { readonly setup: Settings }
  | { readonly run: Method; readonly from: number; readonly to: number };

export interface Answer {
  readonly seconds?: number;
  readonly cpuSeconds?: number;
  readonly peakBytes?: number;
  /** Per site: Σ over nodes and examples of feature effects and of error effects, for agreement between the sides. */
  readonly sums?: readonly (readonly [site: string, features: number, errors: number])[];
}
