/** @file Reading a place's activations in a dictionary: the encoder's sparse code as a FeatureState, and its derivative. */

import { CircuitError } from '../core/errors.ts';
import { encoder } from '../dictionaries/encoder.ts';
import type { Dictionary, Floats } from '../dictionaries/types.ts';
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

/**
 * ∂f_i/∂x of a feature that is active: `scale` · `row_D`, while the set of active features stays as it is.
 * @throws CircuitError `circuit.no-derivative` for dictionaries whose features are no functions of one row of weights
 */
export function encoderRow(
  { site, activation, architecture, rowNorm, W_enc_FD, width }: Dictionary,
  feature: number,
): { readonly row_D: Floats; readonly scale: number } {
  const row_D = W_enc_FD.subarray(feature * width, (feature + 1) * width) as Floats;
  if (activation.kind === 'pursuit' || rowNorm !== undefined) {
    throw new CircuitError(
      'circuit.no-derivative',
      `the ${architecture} dictionary of ${site} has no encoder that edges could pass through`,
      { where: site, hint: 'take node effects, which need no encoder, or a dictionary of another kind' },
    );
  }
  return { row_D, scale: activation.kind === 'gated' ? Math.exp(activation.r_mag_F[feature]!) : 1 };
}
