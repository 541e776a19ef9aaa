/** @file FeatureState: the state at a place read in a dictionary, x = Σ f_i d_i + rest; features and rest never apart. */
import { type Tensor, tensor } from '../core/tensor.ts';
import type { Dictionary, Floats, SparseCode } from '../dictionaries/types.ts';
import { requireWidth } from './cuts.ts';

/**
 * B examples × T positions at one place. The rest is x − Σ f_i d_i: reconstruction error and decoder bias together.
 * (The bias is the same in every state, so differences of the rest are differences of the error; a dictionary with a row
 * norm scales it row by row, and what that changes counts as error.) At positions that
 * pass the dictionary by (the first one, attention sinks) all values are 0 and the rest is x.
 */
export interface FeatureState {
  readonly site: string;
  readonly examples: number;
  readonly positions: number;
  readonly width: number;
  readonly features: number;
  readonly k: number;
  /** The state itself, [B, T, D]. */
  readonly x_BTD: Float32Array;
  /** Features that may be active, [B, T, K]; a value of 0 means "not active". */
  readonly indices_BTK: Int32Array;
  readonly values_BTK: Float32Array;
}

/** True when the row is not read by the dictionary: the first position, or a norm above the dictionary's bound. */
export function passesBy(dictionary: Dictionary, position: number, row_D: ArrayLike<number>): boolean {
  if (position === 0) return true;
  let square = 0;
  for (let d = 0; d < row_D.length; d++) square += row_D[d]! * row_D[d]!;
  return Math.sqrt(square) > dictionary.sinkNorm;
}

/**
 * Puts a state together from activations and their sparse code; values at positions that pass by become 0.
 * @throws CircuitError `circuit.width` when the dictionary reads another width than the cut has.
 */
export function featureState(
  dictionary: Dictionary,
  x_BTD: Float32Array,
  code: SparseCode,
  shape: { readonly examples: number; readonly positions: number; readonly width: number },
): FeatureState {
  const { examples, positions, width } = shape;
  requireWidth(dictionary, width);
  const k = code.indices_BK.length / (examples * positions);
  const values = Float32Array.from(code.values_BK);
  for (let row = 0; row < examples * positions; row++) {
    if (passesBy(dictionary, row % positions, x_BTD.subarray(row * width, (row + 1) * width))) {
      values.fill(0, row * k, (row + 1) * k);
    }
  }
  return {
    site: dictionary.site,
    examples,
    positions,
    width,
    features: dictionary.features,
    k,
    x_BTD,
    indices_BTK: code.indices_BK,
    values_BTK: values,
  };
}

/** Active features of one row as a map from feature to value. */
export function activeFeatures(state: FeatureState, example: number, position: number): Map<number, number> {
  const from = (example * state.positions + position) * state.k;
  const active = new Map<number, number>();
  for (let j = from; j < from + state.k; j++) {
    const value = state.values_BTK[j]!;
    if (value !== 0) active.set(state.indices_BTK[j]!, value);
  }
  return active;
}

/** Mean over examples, position by position. */
export interface MeanState {
  readonly features_TF: Floats;
  readonly rest_TD: Floats;
}

/** Position-wise mean of features and of the rest: what a node outside a circuit is set to. */
export function meanState(state: FeatureState, dictionary: Dictionary): MeanState {
  const { examples, positions, width, features } = state;
  const features_TF = new Float64Array(positions * features);
  const rest_TD = new Float64Array(positions * width);
  for (let b = 0; b < examples; b++) {
    for (let t = 0; t < positions; t++) {
      const row = (b * positions + t) * width;
      for (let d = 0; d < width; d++) rest_TD[t * width + d]! += state.x_BTD[row + d]! / examples;
      for (const [i, value] of activeFeatures(state, b, t))
        features_TF[t * features + i]! += value / examples;
    }
  }
  for (let t = 0; t < positions; t++) {
    for (let i = 0; i < features; i++) {
      const value = features_TF[t * features + i]!;
      if (value === 0) continue;
      for (let d = 0; d < width; d++) rest_TD[t * width + d]! -= value * dictionary.W_dec_FD[i * width + d]!;
    }
  }
  return { features_TF: Float32Array.from(features_TF), rest_TD: Float32Array.from(rest_TD) };
}

/** Features and rests of some examples in full: what a network is fed when nodes take other values than their own. */
export interface DenseState {
  readonly features_BTF: Tensor<'float32'>;
  readonly rest_BTD: Tensor<'float32'>;
}

/** Examples `from` … `to` of a state in full. */
export function denseState(
  state: FeatureState,
  dictionary: Dictionary,
  from: number,
  to: number,
): DenseState {
  const { positions, width, features } = state;
  const rows = (to - from) * positions;
  const features_BTF = new Float32Array(rows * features);
  const rest_BTD = state.x_BTD.slice(from * positions * width, to * positions * width);
  for (let row = 0; row < rows; row++) {
    const active = activeFeatures(state, from + Math.floor(row / positions), row % positions);
    for (const [i, value] of active) {
      features_BTF[row * features + i] = value;
      for (let d = 0; d < width; d++)
        rest_BTD[row * width + d]! -= value * dictionary.W_dec_FD[i * width + d]!;
    }
  }
  return {
    features_BTF: tensor('float32', [to - from, positions, features], features_BTF),
    rest_BTD: tensor('float32', [to - from, positions, width], rest_BTD),
  };
}

/** A mean state as if `examples` examples had it. */
export function repeatMean(
  { features_TF, rest_TD }: MeanState,
  examples: number,
  positions: number,
): DenseState {
  const repeat = (values: Floats) => {
    const all = new Float32Array(examples * values.length);
    for (let b = 0; b < examples; b++) all.set(values, b * values.length);
    return tensor('float32', [examples, positions, values.length / positions], all);
  };
  return { features_BTF: repeat(features_TF), rest_BTD: repeat(rest_TD) };
}

/** The first examples of a state. */
export function firstExamples(state: FeatureState, examples: number): FeatureState {
  const rows = examples * state.positions;
  return {
    ...state,
    examples,
    x_BTD: state.x_BTD.subarray(0, rows * state.width),
    indices_BTK: state.indices_BTK.subarray(0, rows * state.k),
    values_BTK: state.values_BTK.subarray(0, rows * state.k),
  };
}

/** Two states of the same site and shape, one after the other along examples. */
export function stackStates(a: FeatureState, b: FeatureState): FeatureState {
  const examples = a.examples + b.examples;
  const rows = examples * a.positions;
  const k = Math.max(a.k, b.k);
  const indices_BTK = new Int32Array(rows * k);
  const values_BTK = new Float32Array(rows * k);
  const x_BTD = new Float32Array(rows * a.width);
  let row = 0;
  for (const state of [a, b]) {
    x_BTD.set(state.x_BTD, row * a.width);
    for (let from = 0; from < state.values_BTK.length; from += state.k, row++) {
      indices_BTK.set(state.indices_BTK.subarray(from, from + state.k), row * k);
      values_BTK.set(state.values_BTK.subarray(from, from + state.k), row * k);
    }
  }
  return { ...a, examples, k, x_BTD, indices_BTK, values_BTK };
}
