/** @file Indirect effects of features and error nodes at one place from an averaged costate: (λ̄·d_i)(f_i^patch − f_i^clean). */
import type { Dictionary } from '../dictionaries/types.ts';
import { activeFeatures, type FeatureState } from './feature-state.ts';

/**
 * All effects at one place, unthresholded. IE = m(patched) − m(clean) (mechanics.md §1); the energy of a node is −IE.
 * Per example the features and errors together add up to λ̄·(x^patch − x^clean) exactly.
 */
export interface PlaceEffects {
  readonly site: string;
  /** Depth of the place (places.ts). */
  readonly depth: number;
  readonly positions: number;
  readonly features: number;
  /** Means over examples, position by position. */
  readonly features_TF: Float32Array;
  readonly errors_T: Float32Array;
  /** Sums over nodes, one per example: for intervals and the energy budget. */
  readonly featureSums_B: Float64Array;
  readonly errorSums_B: Float64Array;
  /** Every node that is not 0, example by example. */
  readonly nodes_B: readonly NodeValues[];
  /** What all effects of an example should add up to: the metric with the whole place patched minus the clean one. */
  readonly change_B: Float64Array;
}

/** Numbers at nodes of one place: node = position · (F + 1) + feature, with F for the error node. */
export interface NodeValues {
  readonly nodes: Int32Array;
  readonly values: Float32Array;
}

/** The number of a node within its place. */
export const nodeIndex = (features: number, position: number, feature: number): number =>
  position * (features + 1) + (feature < 0 ? features : feature);

/**
 * How far the nodes of a place move, row by row (example · T + position): every feature that moves, and the whole
 * state; what the features do not move is the error node's.
 */
export interface Moves {
  readonly features: readonly ReadonlyMap<number, number>[];
  readonly x_BTD: ArrayLike<number>;
}

/** patch − clean of every node. */
export function movesOf(clean: FeatureState, patch: FeatureState): Moves {
  const rows = clean.examples * clean.positions;
  return {
    features: Array.from({ length: rows }, (_, row) =>
      featureChanges(clean, patch, Math.floor(row / clean.positions), row % clean.positions),
    ),
    x_BTD: Float64Array.from(clean.x_BTD, (x, i) => patch.x_BTD[i]! - x),
  };
}

/** What a place is called and how large it is. */
export interface PlaceShape {
  readonly site: string;
  readonly depth: number;
  readonly examples: number;
  readonly positions: number;
  readonly width: number;
}

/**
 * Effects at one place: momentum times move. Decoding is linear, so the straight line between two feature states is the
 * straight line between the two states: with λ̄ the gradient averaged over it these are integrated gradients at the place
 * (Marks et al. 2024 with the rule that λ̄ was made with); with λ at the clean state they are attribution patching, with
 * coefficients of relevance RelP.
 * @param dictionary absent where the whole state of a position is one node (token embeddings)
 * @param costate_BTD λ̄ = mean of ∂m/∂x
 * @param change_B what the effects of each example should add up to
 */
export function placeEffects(
  { site, depth, examples, positions, width }: PlaceShape,
  dictionary: Dictionary | undefined,
  moves: Moves,
  costate_BTD: ArrayLike<number>,
  change_B: Float64Array,
): PlaceEffects {
  return collectEffects(
    { site, depth, examples, positions, features: dictionary?.features ?? 0 },
    change_B,
    (b, t, put) => {
      const row = (b * positions + t) * width;
      let total = 0;
      for (let d = 0; d < width; d++) total += costate_BTD[row + d]! * moves.x_BTD[row + d]!;
      for (const [i, move] of moves.features[b * positions + t]!) {
        const effect = dictionary ? move * alongFeature(dictionary, i, costate_BTD, row) : 0;
        put(i, effect);
        total -= effect;
      }
      put(-1, total);
    },
  );
}

/**
 * Puts effects together from those of single nodes: `visit` is called for every example and position and puts each
 * node's effect (feature −1 is the error node).
 */
export function collectEffects(
  shape: Omit<PlaceShape, 'width'> & { readonly features: number },
  change_B: Float64Array,
  visit: (example: number, position: number, put: (feature: number, effect: number) => void) => void,
): PlaceEffects {
  const { site, depth, examples, positions, features } = shape;
  const features_TF = new Float64Array(positions * features);
  const errors_T = new Float64Array(positions);
  const featureSums_B = new Float64Array(examples);
  const errorSums_B = new Float64Array(examples);
  const nodes_B: NodeValues[] = [];
  for (let b = 0; b < examples; b++) {
    const nodes: number[] = [];
    const values: number[] = [];
    for (let t = 0; t < positions; t++) {
      visit(b, t, (feature, effect) => {
        if (effect === 0) return;
        nodes.push(nodeIndex(features, t, feature));
        values.push(effect);
        if (feature < 0) {
          errors_T[t]! += effect / examples;
          errorSums_B[b]! += effect;
        } else {
          features_TF[t * features + feature]! += effect / examples;
          featureSums_B[b]! += effect;
        }
      });
    }
    nodes_B.push({ nodes: Int32Array.from(nodes), values: Float32Array.from(values) });
  }
  return {
    ...{ site, depth, positions, features, featureSums_B, errorSums_B, nodes_B, change_B },
    features_TF: Float32Array.from(features_TF),
    errors_T: Float32Array.from(errors_T),
  };
}

/** The same effects with positions added up: one position that stands for all (the published `sum`). */
export function sumPositions(effects: PlaceEffects): PlaceEffects {
  const { positions, features, features_TF, errors_T, nodes_B } = effects;
  const summed_F = new Float32Array(features);
  for (let t = 0; t < positions; t++) {
    for (let i = 0; i < features; i++) summed_F[i]! += features_TF[t * features + i]!;
  }
  return {
    ...effects,
    positions: 1,
    features_TF: summed_F,
    errors_T: Float32Array.of(errors_T.reduce((sum, e) => sum + e, 0)),
    nodes_B: nodes_B.map(({ nodes, values }) => {
      const sums = new Map<number, number>();
      nodes.forEach((node, j) => {
        const at = node % (features + 1);
        sums.set(at, (sums.get(at) ?? 0) + values[j]!);
      });
      return { nodes: Int32Array.from(sums.keys()), values: Float32Array.from(sums.values()) };
    }),
  };
}

/** f^patch − f^clean of every feature active in either state. */
export function featureChanges(
  clean: FeatureState,
  patch: FeatureState,
  example: number,
  position: number,
): Map<number, number> {
  const changes = activeFeatures(patch, example, position);
  for (const [i, value] of activeFeatures(clean, example, position)) {
    changes.set(i, (changes.get(i) ?? 0) - value);
  }
  return changes;
}

/** p_i = λ·d_i, the momentum of feature i: costate row at `offset` along decoder row i, summed in float64. */
export function alongFeature(
  dictionary: Dictionary,
  feature: number,
  costate: ArrayLike<number>,
  offset: number,
): number {
  const { width, W_dec_FD } = dictionary;
  let sum = 0;
  for (let d = 0; d < width; d++) sum += costate[offset + d]! * W_dec_FD[feature * width + d]!;
  return sum;
}
