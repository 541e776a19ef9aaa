/** @file Reading a place's activations in a dictionary: the encoder's sparse code as a FeatureState, and its derivative. */

import { CircuitError } from '../core/errors.ts';
import { encoder } from '../dictionaries/encoder.ts';
import type { Dictionary, Floats, SparseCode } from '../dictionaries/types.ts';
import { type FeatureState, featureState } from './feature-state.ts';

type StateShape = { readonly examples: number; readonly positions: number; readonly width: number };

/** Encodes [B, T, D] activations with the dictionary's own encoder. */
export async function encodeState(
  dictionary: Dictionary,
  x_BTD: Float32Array,
  shape: StateShape,
  threads: number,
): Promise<FeatureState> {
  const [state] = await encodeStates(dictionary, [x_BTD], shape, threads);
  return state!;
}

/**
 * Encodes several states of one shape. Rows that are the same to the bit are encoded once: clean and patched prompts have
 * the same states before the token they differ in, and so have examples that begin alike.
 */
export async function encodeStates(
  dictionary: Dictionary,
  states: readonly Float32Array[],
  shape: StateShape,
  threads: number,
): Promise<FeatureState[]> {
  const { examples, positions, width } = shape;
  const rows = examples * positions;
  const known = new Map<string, number>();
  const unique: Float32Array[] = [];
  const places = states.map((x_BTD) =>
    Int32Array.from({ length: rows }, (_, row) => {
      const x_D = x_BTD.subarray(row * width, (row + 1) * width);
      const key = Buffer.from(x_D.buffer, x_D.byteOffset, x_D.byteLength).toString('latin1');
      const at = known.get(key) ?? unique.push(x_D) - 1;
      known.set(key, at);
      return at;
    }),
  );
  const x_UD = new Float32Array(unique.length * width);
  unique.forEach((x_D, u) => {
    x_UD.set(x_D, u * width);
  });
  const opened = await encoder(dictionary, threads);
  try {
    const code = await opened.encode(x_UD);
    return states.map((x_BTD, s) => featureState(dictionary, x_BTD, pickCode(code, places[s]!), shape));
  } finally {
    await opened.release();
  }
}

/** Rows of a code, in that order. */
function pickCode(code: SparseCode, rows: Int32Array): SparseCode {
  const { slots, indices_BK, values_BK, scale_B, mean_B } = code;
  const indices = new Int32Array(rows.length * slots);
  const values = new Float32Array(rows.length * slots);
  rows.forEach((from, row) => {
    indices.set(indices_BK.subarray(from * slots, (from + 1) * slots), row * slots);
    values.set(values_BK.subarray(from * slots, (from + 1) * slots), row * slots);
  });
  return {
    slots,
    indices_BK: indices,
    values_BK: values,
    ...(scale_B ? { scale_B: Float32Array.from(rows, (row) => scale_B[row]!) } : {}),
    ...(mean_B ? { mean_B: Float32Array.from(rows, (row) => mean_B[row]!) } : {}),
  };
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
