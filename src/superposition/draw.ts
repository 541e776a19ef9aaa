/** @file A toy model in pictures: its neurons as stacks, its features as bars, WᵀW, and its directions in the plane. */
import { heatMapPicture } from '../pictures/heat-map.ts';
import { number } from '../pictures/scale.ts';
import { featureBarsPicture, stackPicture } from '../pictures/stack.ts';
import type { Size } from '../pictures/svg.ts';
import { vectorsPicture } from '../pictures/vectors.ts';
import { measureToy } from './measures.ts';
import type { ToyWeights } from './types.ts';

/** One column for each neuron, its weights stacked by feature (Elhage et al. 2022, "Computation in Superposition"). */
export const neuronStacks = (
  { features, neurons, W_NM }: ToyWeights,
  size: Size,
  reach?: readonly number[],
): string =>
  stackPicture(
    Array.from({ length: neurons }, (_, k) => ({
      name: `neuron ${k}`,
      parts: Array.from({ length: features }, (__, i) => W_NM[i * neurons + k]!),
    })),
    {
      ...size,
      label: `${features} features in ${neurons} neurons: weights of each neuron, stacked by feature`,
      y: 'weight of each feature in the neuron',
      ...(reach ? { reach } : {}),
    },
  );

/** One bar for each feature: how long it is, and whether others use its direction. */
export function featureBars(weights: ToyWeights, size: Size): string {
  const { norm_N, interference_N } = measureToy(weights);
  return featureBarsPicture(
    Array.from(norm_N, (norm, i) => ({ name: `${i}`, norm, interference: interference_N[i]! })),
    size,
    `length and interference of ${weights.features} features`,
  );
}

/** WᵀW: the diagonal is what a feature keeps of itself, the rest what it does to others. */
export const gramMatrix = (weights: ToyWeights, size: Size): string =>
  heatMapPicture(measureToy(weights).gram_NN, [weights.features, weights.features], {
    ...size,
    label: `WᵀW of ${weights.features} features`,
    colours: { kind: 'signed', reach: 1.2 },
    x: 'feature j',
    y: 'W_i · W_j, feature i downwards',
    cell: (i, j, value) =>
      i === j
        ? `feature ${i} keeps ${number(value)} of itself`
        : `feature ${j} shows up in ${i}: ${number(value)}`,
  });

/** The features of a two-neuron model as arrows. */
export const featurePlane = ({ features, W_NM }: ToyWeights, size: Size, caption?: string): string =>
  vectorsPicture(
    Array.from({ length: features }, (_, i) => ({
      name: `feature ${i}`,
      x: W_NM[2 * i]!,
      y: W_NM[2 * i + 1]!,
      feature: i,
    })),
    {
      ...size,
      label: `${features} features as directions in the plane of two neurons`,
      reach: 1.35,
      ...(caption ? { caption } : {}),
    },
  );
