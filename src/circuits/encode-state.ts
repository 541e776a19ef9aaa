/** @file Reading a cut's activations in a dictionary: the encoder's sparse code as a FeatureState. */

import { encoder } from '../dictionaries/encoder.ts';
import type { Dictionary } from '../dictionaries/types.ts';
import { type FeatureState, featureState } from './feature-state.ts';

/** Encodes [B, T, D] activations with the dictionary's own encoder. */
export async function encodeState(
  dictionary: Dictionary,
  x_BTD: Float32Array,
  shape: { readonly examples: number; readonly positions: number; readonly width: number },
  threads: number,
): Promise<FeatureState> {
  const opened = await encoder(dictionary, threads);
  try {
    return featureState(dictionary, x_BTD, await opened.encode(x_BTD), shape);
  } finally {
    await opened.release();
  }
}
